// dpdk_log.c: what the EAL and its drivers say, and what we say about them.

#include "dpdk_private.h"

#include <rte_log.h>
#include <rte_string_fns.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

// The EAL logs to one stream of the process; so what it said first since the last clear is one text of the process.
static char said[DPDK_COMPLAINT_MAX];

static void said_keep(const char *octets, size_t length)
{
	while (length > 0 && octets[length - 1] == '\n')
		length--;
	if (length >= sizeof(said))
		length = sizeof(said) - 1;
	memcpy(said, octets, length);
	said[length] = '\0';
}

static ssize_t log_write(void *cookie, const char *octets, size_t length)
{
	if (said[0] == '\0')
		said_keep(octets, length);
	return write(STDERR_FILENO, octets, length);
}

int dpdk_log_open(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});

	if (stream == NULL)
		return -ENOMEM;
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_log_set_global_level(RTE_LOG_WARNING);
	return rte_openlog_stream(stream);
}

void dpdk_log_clear(void)
{
	said[0] = '\0';
}

int dpdk_complain(char complaint[DPDK_COMPLAINT_MAX], int error, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(complaint, DPDK_COMPLAINT_MAX, format, arguments);
	va_end(arguments);
	if (said[0] != '\0' && length > 0 && length + 2 < DPDK_COMPLAINT_MAX) {
		(void)rte_strscpy(complaint + length, ": ", 3);
		(void)rte_strscpy(
			complaint + length + 2, said, (size_t)(DPDK_COMPLAINT_MAX - length - 2));
	}
	return error;
}
