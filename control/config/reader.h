// reader.h: from the tree of a file to the configuration, row by row of the schema.

#pragma once

#include "config.h"

struct config_reader {
	struct config *config;
	struct config_report *report;
};

// Where members were set; kept with the configuration.
struct config_marks {
	struct config_marks *next;
	const void *member;
	struct config_mark mark;
};

// Fill in what depends on other keys (complete.c), then look for what no single value can tell (check.c).
// False: out of memory.
[[nodiscard]] bool config_complete(struct config *config);
void config_check(struct config_reader *reader);
void config_check_devices(struct config_reader *reader); // check_devices.c
void config_check_upstream(struct config_reader *reader); // check_upstream.c
void config_check_takeover(struct config_reader *reader); // check_takeover.c

// Note a fault at the member, or at the file if it has its default. printf-like; hint may be NULL.
void config_fault(struct config_reader *reader, enum config_severity severity, const void *member,
	const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));
struct config_mark config_find_mark(const struct config *config, const void *member);
