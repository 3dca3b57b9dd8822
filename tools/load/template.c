// template.c: messages to be sent, and the number that makes each of them another one.

#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char branch[] = "z9hG4bKload-";

static void marks_find(struct load_template *template)
{
	const uint8_t *at = template->octets;
	const uint8_t *end = at + template->length;

	while (template->mark_count < LOAD_MARKS_MAX
		&& (at = memmem(at, (size_t)(end - at), LOAD_MARK, LOAD_DIGITS)) != NULL) {
		template->marks[template->mark_count++] = (size_t)(at - template->octets);
		at += LOAD_DIGITS;
	}
}

// 1, 0 at the end of the file, or a negative errno.
static int template_read(FILE *file, struct load_template *template)
{
	size_t length;
	int found = fscanf(file, "%zu%*1[\n]", &length);

	if (found == EOF)
		return 0;
	if (found != 1 || length == 0 || length > LOAD_MESSAGE_MAX)
		return -EBADMSG;
	*template = (struct load_template){.octets = malloc(length), .length = length};
	if (template->octets == NULL)
		return -ENOMEM;
	if (fread(template->octets, 1, length, file) != length) {
		free(template->octets);
		return -EBADMSG;
	}
	marks_find(template);
	return 1;
}

static int templates_grow(struct load_templates *templates)
{
	// Powers of two: grown when the count is one.
	if ((templates->count & (templates->count - 1)) != 0)
		return 0;
	size_t count = templates->count == 0 ? 1 : 2 * templates->count;
	void *items = reallocarray(templates->items, count, sizeof(*templates->items));

	if (items == NULL)
		return -ENOMEM;
	templates->items = items;
	return 0;
}

int load_templates_read(const char *path, struct load_templates *templates)
{
	FILE *file = fopen(path, "rb");
	int status = file == NULL ? -errno : 1;

	*templates = (struct load_templates){0};
	while (status == 1) {
		status = templates_grow(templates);
		if (status == 0)
			status = template_read(file, &templates->items[templates->count]);
		templates->count += status == 1;
	}
	if (file != NULL)
		fclose(file);
	if (status == 0 && templates->count == 0)
		status = -ENODATA;
	if (status < 0) {
		fprintf(stderr, "weir-load: %s: %s\n", path, strerror(-status));
		load_templates_free(templates);
	}
	return status;
}

void load_templates_free(struct load_templates *templates)
{
	for (size_t i = 0; i < templates->count; i++)
		free(templates->items[i].octets);
	free(templates->items);
	*templates = (struct load_templates){0};
}

void load_number_write(struct load_template *template, uint64_t number)
{
	uint8_t digits[LOAD_DIGITS];

	for (unsigned i = LOAD_DIGITS; i-- > 0; number /= 10)
		digits[i] = (uint8_t)('0' + number % 10);
	for (unsigned i = 0; i < template->mark_count; i++)
		memcpy(template->octets + template->marks[i], digits, sizeof(digits));
}

bool load_number_read(const uint8_t *octets, size_t length, uint64_t *number)
{
	const uint8_t *at = memmem(octets, length, branch, sizeof(branch) - 1);

	if (at == NULL || (size_t)(octets + length - at) < sizeof(branch) - 1 + LOAD_DIGITS)
		return false;
	at += sizeof(branch) - 1;
	*number = 0;
	for (unsigned i = 0; i < LOAD_DIGITS; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(at[i] - '0');
	}
	return true;
}

unsigned load_port_read(const uint8_t *octets, size_t length)
{
	const uint8_t *end = octets + length;
	const uint8_t *at = memchr(octets, '@', length);
	const uint8_t *colon = at == NULL ? NULL : memchr(at, ':', (size_t)(end - at));
	unsigned port = 0;

	if (colon == NULL)
		return 0;
	for (at = colon + 1; at < end && *at >= '0' && *at <= '9' && port < UINT16_MAX; at++)
		port = port * 10 + (unsigned)(*at - '0');
	return port;
}
