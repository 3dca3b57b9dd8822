// log.c: lines on standard error.

#include "log.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	LOG_LINE_MAX = 512,
};

void log_say(const char *id, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (id == NULL)
		fprintf(stderr, "weir-dataplane: %s\n", line);
	else
		fprintf(stderr, "weir-dataplane: %s   [%s]\n", line, id);
}
