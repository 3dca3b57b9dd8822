// report.h: everything that is wrong with a configuration file, at once, each with its place, the line and a hint.

#pragma once

#include <weir/span.h>

#include <stdio.h>

struct arena;

enum config_severity {
	CONFIG_ERROR,
	CONFIG_WARNING,
};

// A place in the file; lines and columns count from 1, columns and width in characters. Line 0: not in the file.
struct config_mark {
	unsigned line;
	unsigned column;
	unsigned width;
};

struct config_fault {
	struct config_fault *next;
	struct config_mark mark;
	enum config_severity severity;
	const char *message;
	const char *hint; // or NULL
};

// Zero it, give it to config_load() or config_read(), free it.
struct config_report {
	struct arena *arena;
	const char *file;
	struct span text; // the file's octets
	struct config_fault *faults; // in the order of the file
	unsigned errors;
	unsigned warnings;
};

void config_report_free(struct config_report *report);
// As a compiler would: "file:line:column: error: message", the line, a caret underline, "= hint".
void config_report_print(const struct config_report *report, FILE *out);

// Make ready for a file: copies its name and text. False: out of memory.
[[nodiscard]] bool config_report_begin(
	struct config_report *report, const char *file, struct span text);
// Note a fault; the hint may be NULL. Texts are copied.
void config_report_add(struct config_report *report, struct config_mark mark,
	enum config_severity severity, const char *message, const char *hint);
