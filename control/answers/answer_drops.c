#include "../link/link_client.h"
#include "answers.h"

#include <stdatomic.h>

struct verdict_text {
	const char *word;
	enum verdict_class class;
	const char *meaning;
};

#define VERDICT_TEXT(NAME, word_, class_, text) {word_, VERDICT_##class_, text},
static const struct verdict_text texts[] = {VERDICTS(VERDICT_TEXT)};
#undef VERDICT_TEXT

static const char *const class_names[] = {
	[VERDICT_FORWARDED] = "forwarded",
	[VERDICT_ANSWERED] = "answered",
	[VERDICT_CONTROL] = "control",
	[VERDICT_ABSORBED] = "absorbed",
	[VERDICT_DROPPED] = "dropped",
};

bool answer_count_verdicts(
	const struct control *control, uint64_t *verdicts, uint64_t *received, uint64_t *sent)
{
	unsigned workers = control->link == NULL ? 0 : link_client_workers(control->link);
	bool found = false;

	*received = 0;
	*sent = 0;
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		verdicts[i] = 0;
	for (unsigned worker = 0; worker < workers; worker++) {
		const struct link_counters *counters = link_client_counters(control->link, worker);

		if (counters == NULL)
			continue;
		found = true;
		*received += atomic_load_explicit(&counters->received, memory_order_relaxed);
		*sent += atomic_load_explicit(&counters->sent, memory_order_relaxed);
		for (unsigned i = 0; i < VERDICT_COUNT; i++)
			verdicts[i] +=
				atomic_load_explicit(&counters->verdicts[i], memory_order_relaxed);
	}
	return found;
}

static bool verdict_is_shown(unsigned verdict, uint64_t count, bool all)
{
	enum verdict_class class = texts[verdict].class;

	return all || (count > 0 && (class == VERDICT_DROPPED || class == VERDICT_ANSWERED));
}

void answer_drops_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t received;
	uint64_t sent;
	json_t *list;

	if (!answer_count_verdicts(control, verdicts, &received, &sent)) {
		command_refuse(call, COMMAND_UNAVAILABLE, "no dataplane is connected");
		return;
	}
	list = json_array();
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		if (verdict_is_shown(i, verdicts[i], command_flag(call, "all")))
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:I, s:s}", "reason", texts[i].word, "class",
					class_names[texts[i].class], "messages_count",
					(json_int_t)verdicts[i], "meaning", texts[i].meaning));
	command_reply(call,
		json_pack("{s:I, s:I, s:o}", "received_count", (json_int_t)received, "sent_count",
			(json_int_t)sent, "drops", list));
}
