#include "host_private.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

// False: it does not fit.
static bool path_write(
	const struct host *host, char out[HOST_PATH_MAX], const char *format, va_list arguments)
{
	int root = snprintf(out, HOST_PATH_MAX, "%s", host->root);

	if (root < 0 || root >= HOST_PATH_MAX)
		return false;
	size_t left = (size_t)(HOST_PATH_MAX - root);
	int rest = vsnprintf(out + root, left, format, arguments);

	return rest >= 0 && (size_t)rest < left;
}

static bool file_read(const char *path, char *out, size_t capacity)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	size_t length = fread(out, 1, capacity - 1, file);

	fclose(file);
	while (length > 0 && (out[length - 1] == '\n' || out[length - 1] == ' '))
		length--;
	out[length] = '\0';
	return true;
}

bool host_read(const struct host *host, char *out, size_t capacity, const char *format, ...)
{
	char path[HOST_PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	bool fits = path_write(host, path, format, arguments);
	va_end(arguments);
	return fits && file_read(path, out, capacity);
}

long long host_number(const struct host *host, long long otherwise, const char *format, ...)
{
	char path[HOST_PATH_MAX];
	char text[HOST_TEXT_MAX];
	va_list arguments;
	char *end;

	va_start(arguments, format);
	bool fits = path_write(host, path, format, arguments);
	va_end(arguments);
	if (!fits || !file_read(path, text, sizeof(text)))
		return otherwise;
	long long number = strtoll(text, &end, 0);

	return end == text ? otherwise : number;
}

bool host_has(const struct host *host, const char *format, ...)
{
	char path[HOST_PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	bool fits = path_write(host, path, format, arguments);
	va_end(arguments);
	return fits && access(path, F_OK) == 0;
}

bool host_link(const struct host *host, char *out, size_t capacity, const char *format, ...)
{
	char path[HOST_PATH_MAX];
	char target[HOST_PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	bool fits = path_write(host, path, format, arguments);
	va_end(arguments);
	ssize_t length = fits ? readlink(path, target, sizeof(target) - 1) : -1;

	if (length < 0)
		return false;
	target[length] = '\0';
	const char *slash = strrchr(target, '/');

	snprintf(out, capacity, "%s", slash == NULL ? target : slash + 1);
	return true;
}

static void folder_walk(const char *path, host_entry *each, void *context)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			each(context, entry->d_name);
	closedir(folder);
}

struct counting {
	const char *prefix;
	unsigned count;
};

static void entry_count(void *context, const char *name)
{
	struct counting *counting = context;

	counting->count += strncmp(name, counting->prefix, strlen(counting->prefix)) == 0;
}

unsigned host_entries(const struct host *host, const char *prefix, const char *format, ...)
{
	struct counting counting = {.prefix = prefix};
	char path[HOST_PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	bool fits = path_write(host, path, format, arguments);
	va_end(arguments);
	if (fits)
		folder_walk(path, entry_count, &counting);
	return counting.count;
}

void host_walk(const struct host *host, const char *path, host_entry *each, void *context)
{
	char whole[HOST_PATH_MAX];

	if (snprintf(whole, sizeof(whole), "%s%s", host->root, path) < HOST_PATH_MAX)
		folder_walk(whole, each, context);
}
