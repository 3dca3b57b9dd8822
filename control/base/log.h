// log.h: one event, one line, in logfmt: `event=peer-up edge=2 name=edge2.example.net`.
//
// Values are quoted and escaped where they need it, so that nothing from outside can forge a line or a field. Nothing here
// takes octets to be dumped: secrets have no way into the log. An event that comes too often is held back and counted; its next line
// says `suppressed=N`.

#pragma once

#include <weir/endpoint.h>
#include <weir/span.h>

#include <stdint.h>

// As syslog numbers them.
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

enum log_field_type {
	LOG_FIELD_END,
	LOG_FIELD_TEXT,
	LOG_FIELD_NUMBER,
	LOG_FIELD_ENDPOINT,
};

struct log_field {
	const char *key;
	enum log_field_type type;
	struct span text;
	int64_t number;
	struct endpoint endpoint;
};

#define LOG_TEXT(key_, value) \
	((struct log_field){.key = (key_), .type = LOG_FIELD_TEXT, .text = log_text_span(value)})
#define LOG_SPAN(key_, value) \
	((struct log_field){.key = (key_), .type = LOG_FIELD_TEXT, .text = (value)})
#define LOG_NUMBER(key_, value) \
	((struct log_field){.key = (key_), .type = LOG_FIELD_NUMBER, .number = (int64_t)(value)})
#define LOG_ENDPOINT(key_, value) \
	((struct log_field){.key = (key_), .type = LOG_FIELD_ENDPOINT, .endpoint = (value)})

struct log;

// Writes to the descriptor, which stays the caller's. journal: lines begin with `<N>` instead of time and level. NULL: out of
// memory.
[[nodiscard]] struct log *log_new(int descriptor, enum log_level level, bool journal);
void log_free(struct log *log);
void log_set_level(struct log *log, enum log_level level);
enum log_level log_get_level(const struct log *log);
// True if standard error goes to the journal (systemd tells by JOURNAL_STREAM).
[[nodiscard]] bool log_is_journal(int descriptor);
// "error" to "debug".
const char *log_level_name(enum log_level level);

// The event is a literal; fields end with LOG_FIELD_END. A NULL log is silent.
void log_write(
	struct log *log, enum log_level level, const char *event, const struct log_field *fields);

#define log_event(log, level, event, ...) \
	log_write(log, level, event, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

static inline struct span log_text_span(const char *text)
{
	return text == NULL ? span_of(NULL, 0) : span_of(text, strlen(text));
}
