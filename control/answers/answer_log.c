#include "answers.h"

#include <string.h>

void answer_log_show(void *context, struct command_call *call)
{
	const struct answers *answers = context;

	command_reply(call,
		json_pack("{s:s, s:b}", "level",
			log_level_name(log_get_level(answers->control->log)), "for_a_time",
			evtimer_pending(answers->log_timer, NULL)));
}

void answer_log_revert(evutil_socket_t socket, short what, void *context)
{
	struct answers *answers = context;

	log_set_level(answers->control->log, answers->log_before);
	log_event(answers->control->log, LOG_LEVEL_NOTICE, "log-level",
		LOG_TEXT("level", log_level_name(answers->log_before)));
}

static enum log_level level_read(const char *word)
{
	enum log_level level = LOG_LEVEL_ERROR;

	while (level < LOG_LEVEL_DEBUG && strcmp(log_level_name(level), word) != 0)
		level++;
	return level;
}

void answer_log_level(void *context, struct command_call *call)
{
	struct answers *answers = context;
	uint64_t for_ms = command_duration(call, "for");
	const struct timeval time = {
		.tv_sec = (time_t)(for_ms / 1000),
		.tv_usec = (suseconds_t)(for_ms % 1000 * 1000),
	};

	// A second change while one is for a time goes back to what was before the first.
	if (!evtimer_pending(answers->log_timer, NULL))
		answers->log_before = log_get_level(answers->control->log);
	evtimer_del(answers->log_timer);
	log_set_level(answers->control->log, level_read(command_text(call, "level")));
	if (for_ms > 0)
		evtimer_add(answers->log_timer, &time);
	answer_log_show(context, call);
}
