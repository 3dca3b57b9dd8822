#include "log.h"

#include "clock.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE_OCTETS = 2048,
	EVENTS = 256, // that are limited apart; what exceeds them shares a place
	EVENT_BURST = 50,
	EVENT_EVERY_MS = 100, // beyond the burst one line in this time
};

struct event_limit {
	const char *event; // NULL: free
	uint64_t refilled_ms;
	uint32_t left;
	uint32_t suppressed;
};

struct log {
	int descriptor;
	enum log_level level;
	bool journal;
	struct event_limit events[EVENTS];
};

struct log *log_new(int descriptor, enum log_level level, bool journal)
{
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->descriptor = descriptor;
	log->level = level;
	log->journal = journal;
	for (size_t i = 0; i < EVENTS; i++)
		log->events[i].left = EVENT_BURST;
	return log;
}

void log_free(struct log *log)
{
	free(log);
}

void log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

enum log_level log_get_level(const struct log *log)
{
	return log->level;
}

bool log_is_journal(int descriptor)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2
		&& fstat(descriptor, &status) == 0 && status.st_dev == device
		&& status.st_ino == inode;
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_NOTICE] = "notice",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	return names[level];
}

// Its own place, by hash and from there on.
static struct event_limit *event_find(struct log *log, const char *event)
{
	uint32_t hash = 2166136261U; // FNV-1a: events are words of ours
	struct event_limit *limit = NULL;

	for (const char *letter = event; *letter != '\0'; letter++)
		hash = (hash ^ (uint8_t)*letter) * 16777619U;
	for (uint32_t i = 0; i < EVENTS; i++) {
		limit = &log->events[(hash + i) % EVENTS];
		if (limit->event == NULL)
			limit->event = event;
		if (strcmp(limit->event, event) == 0)
			break;
	}
	return limit;
}

static bool event_admit(struct event_limit *limit, uint64_t now_ms)
{
	uint64_t due = (now_ms - limit->refilled_ms) / EVENT_EVERY_MS;

	if (due > 0) {
		uint64_t left = limit->left + due;

		limit->left = left > EVENT_BURST ? EVENT_BURST : (uint32_t)left;
		limit->refilled_ms = now_ms;
	}
	if (limit->left == 0) {
		limit->suppressed++;
		return false;
	}
	limit->left--;
	return true;
}

static void line_begin(struct text *line, const struct log *log, enum log_level level)
{
	uint64_t wall_ms = clock_wall_ms();
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm time;
	char date[32];

	if (log->journal) {
		text_format(line, "<%d>", level);
		return;
	}
	gmtime_r(&seconds, &time);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &time);
	text_format(line, "%s.%03uZ level=%s ", date, (unsigned)(wall_ms % 1000),
		log_level_name(level));
}

static bool text_is_plain(struct span text)
{
	for (size_t i = 0; i < text.length; i++) {
		uint8_t octet = text.octets[i];

		if (octet <= 0x20 || octet == '"' || octet == '=' || octet == '\\' || octet >= 0x7f)
			return false;
	}
	return text.length > 0;
}

static void line_add_text(struct text *line, struct span text)
{
	if (text_is_plain(text)) {
		text_add(line, text);
		return;
	}
	text_add(line, SPAN("\""));
	for (size_t i = 0; i < text.length; i++) {
		uint8_t octet = text.octets[i];

		if (octet < 0x20 || octet == 0x7f)
			text_format(line, "\\x%02x", octet);
		else if (octet == '"' || octet == '\\')
			text_format(line, "\\%c", octet);
		else
			text_add(line, span_of(&octet, 1));
	}
	text_add(line, SPAN("\""));
}

static void line_add_field(struct text *line, const struct log_field *field)
{
	uint8_t endpoint[ENDPOINT_TEXT_MAX];

	text_format(line, " %s=", field->key);
	if (field->type == LOG_FIELD_NUMBER)
		text_format(line, "%lld", (long long)field->number);
	else if (field->type == LOG_FIELD_ENDPOINT)
		text_add(line, span_of(endpoint, endpoint_format(&field->endpoint, endpoint)));
	else
		line_add_text(line, field->text);
}

// A field that does not fit is left out whole, so that what is written stays readable.
static void line_try_field(struct text *line, const struct log_field *field)
{
	struct text before = *line;

	line_add_field(line, field);
	if (line->overflow)
		*line = before;
}

static void descriptor_write(int descriptor, const uint8_t *octets, size_t length)
{
	while (length > 0) {
		ssize_t written = write(descriptor, octets, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; // nobody reads the log: there is nobody to tell
		octets += written;
		length -= (size_t)written;
	}
}

void log_write(
	struct log *log, enum log_level level, const char *event, const struct log_field *fields)
{
	uint8_t octets[LINE_OCTETS];
	struct text line = text_begin(octets, sizeof(octets) - 1);
	struct event_limit *limit;

	if (log == NULL || level > log->level)
		return;
	limit = event_find(log, event);
	if (!event_admit(limit, clock_ms()))
		return;

	line_begin(&line, log, level);
	text_format(&line, "event=%s", event);
	if (limit->suppressed > 0)
		text_format(&line, " suppressed=%u", limit->suppressed);
	limit->suppressed = 0;
	for (; fields->type != LOG_FIELD_END; fields++)
		line_try_field(&line, fields);
	octets[line.length++] = '\n';
	descriptor_write(log->descriptor, octets, line.length);
}
