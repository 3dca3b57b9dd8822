// load.c: a configuration file from disk.

#include "arena.h"
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILE_OCTETS_MAX = 1 << 20,
};

static struct config *refuse_file(const char *file, struct config_report *report, const char *why)
{
	char message[128];

	snprintf(message, sizeof(message), "cannot be read: %s", why);
	if (!config_report_begin(report, file, span_of(NULL, 0)))
		report->errors++;
	else
		config_report_add(report, (struct config_mark){0}, CONFIG_ERROR, message, NULL);
	return NULL;
}

// One octet more than is allowed tells a file that is too long.
static struct config *load_stream(const char *file, FILE *stream, struct config_report *report)
{
	uint8_t *octets = malloc(FILE_OCTETS_MAX + 1);
	struct config *config;

	if (octets == NULL)
		return refuse_file(file, report, "out of memory");
	size_t length = fread(octets, 1, FILE_OCTETS_MAX + 1, stream);

	if (ferror(stream))
		config = refuse_file(file, report, strerror(errno));
	else if (length > FILE_OCTETS_MAX)
		config = refuse_file(file, report, "longer than 1 MiB");
	else
		config = config_read(file, span_of(octets, length), report);
	free(octets);
	return config;
}

struct config *config_load(const char *file, struct config_report *report)
{
	FILE *stream = fopen(file, "re");

	if (stream == NULL)
		return refuse_file(file, report, strerror(errno));
	struct config *config = load_stream(file, stream, report);

	fclose(stream);
	return config;
}
