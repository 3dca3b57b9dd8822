#include "report.h"

#include "arena.h"

#include <stdlib.h>

bool config_report_begin(struct config_report *report, const char *file, struct span text)
{
	report->arena = arena_new();
	if (report->arena == NULL)
		return false;
	report->file = arena_copy(report->arena, span_of(file, strlen(file)));
	report->text = span_of(arena_copy(report->arena, text), text.length);
	return report->file != NULL && report->text.octets != NULL;
}

void config_report_free(struct config_report *report)
{
	arena_free(report->arena);
	*report = (struct config_report){0};
}

static bool mark_is_before(struct config_mark a, struct config_mark b)
{
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// A fault for which there is no memory still counts: the file is refused.
void config_report_add(struct config_report *report, struct config_mark mark,
	enum config_severity severity, const char *message, const char *hint)
{
	struct config_fault *fault = arena_take(report->arena, sizeof(*fault));
	struct config_fault **at = &report->faults;

	*(severity == CONFIG_ERROR ? &report->errors : &report->warnings) += 1;
	if (fault == NULL)
		return;
	fault->mark = mark;
	fault->severity = severity;
	fault->message = arena_copy(report->arena, span_of(message, strlen(message)));
	if (hint != NULL)
		fault->hint = arena_copy(report->arena, span_of(hint, strlen(hint)));
	while (*at != NULL && !mark_is_before(mark, (*at)->mark))
		at = &(*at)->next;
	fault->next = *at;
	*at = fault;
}

static struct span text_line(struct span text, unsigned line)
{
	size_t begin = 0;
	size_t end;

	for (; line > 1 && begin < text.length; begin++)
		if (text.octets[begin] == '\n')
			line--;
	for (end = begin; end < text.length && text.octets[end] != '\n'; end++)
		;
	if (end > begin && text.octets[end - 1] == '\r')
		end--;
	return span_of(text.octets + begin, end - begin);
}

// A terminal must not be driven by what stands in a file that was refused.
static void line_print(struct span line, FILE *out)
{
	for (size_t i = 0; i < line.length; i++) {
		uint8_t octet = line.octets[i];

		putc((octet < 0x20 && octet != '\t') || octet == 0x7f ? '?' : octet, out);
	}
	putc('\n', out);
}

// Tabs stay tabs, and an octet that continues a character takes no column.
static void caret_print(struct span line, struct config_mark mark, FILE *out)
{
	unsigned column = 1;

	for (size_t i = 0; i < line.length && column < mark.column; i++) {
		if ((line.octets[i] & 0xc0) == 0x80)
			continue;
		putc(line.octets[i] == '\t' ? '\t' : ' ', out);
		column++;
	}
	for (unsigned i = 0; i < mark.width || i == 0; i++)
		putc('^', out);
	putc('\n', out);
}

static void fault_print(
	const struct config_report *report, const struct config_fault *fault, FILE *out)
{
	const char *severity = fault->severity == CONFIG_ERROR ? "error" : "warning";
	struct span line = text_line(report->text, fault->mark.line);

	if (fault->mark.line == 0) {
		fprintf(out, "%s: %s: %s\n", report->file, severity, fault->message);
	} else {
		fprintf(out, "%s:%u:%u: %s: %s\n", report->file, fault->mark.line,
			fault->mark.column, severity, fault->message);
		fprintf(out, "%5u | ", fault->mark.line);
		line_print(line, out);
		fputs("      | ", out);
		caret_print(line, fault->mark, out);
	}
	if (fault->hint != NULL)
		fprintf(out, "      = %s\n", fault->hint);
}

void config_report_print(const struct config_report *report, FILE *out)
{
	for (const struct config_fault *fault = report->faults; fault != NULL; fault = fault->next)
		if (fault->message != NULL)
			fault_print(report, fault, out);
}
