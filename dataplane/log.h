// log.h: what the operator reads on standard error, one line an event. Never called on the path of a message.

#pragma once

// The line without "weir-dataplane: " and line end. id (NULL: none) stands in brackets behind it: the heading in docs/errors.md.
__attribute__((format(printf, 2, 3))) void log_say(const char *id, const char *format, ...);
