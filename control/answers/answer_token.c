#include "../base/text.h"
#include "../frame/source.h"
#include "answers.h"

#include <weir/token.h>
#include <weir/verdict.h>

#include <stdlib.h>

#define VERDICT_WORD(NAME, word, class, text) {word, text},
static const struct {
	const char *word;
	const char *meaning;
} verdicts[] = {VERDICTS(VERDICT_WORD)};
#undef VERDICT_WORD

// What the answer of the dataplane, which comes later, is for.
struct question {
	const struct control *control;
	struct command_call *call;
};

static const char *verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[TOKEN_OK] = "valid",
		[TOKEN_MALFORMED] = "malformed",
		[TOKEN_RETIRED] = "retired",
		[TOKEN_FORGED] = "forged",
	};

	return verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "unknown";
}

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[TOKEN_PATH] = "path",
		[TOKEN_ROUTE] = "route",
		[TOKEN_RELAY] = "relay",
		[TOKEN_BEAT] = "heartbeat",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

static json_t *edge_write(const struct control *control, uint8_t edge)
{
	json_t *object = json_pack("{s:i}", "id", (int)edge);
	struct span name = answer_edge_name(control, edge);

	if (name.length > 0)
		answer_put_span(object, "name", name);
	return object;
}

static json_t *flow_write(const struct link_flow_id *id, const struct endpoint *peer)
{
	json_t *object = json_pack("{s:I, s:I}", "slot", (json_int_t)id->slot, "generation",
		(json_int_t)id->generation);

	answer_put_endpoint(object, "peer", peer);
	return object;
}

static json_t *rule_write(const struct control *control, const struct link_explained *answer)
{
	json_t *object;

	if (answer->rule >= VERDICT_COUNT)
		return json_pack("{s:s}", "rule", "unknown");
	object = json_pack("{s:s, s:s}", "rule", verdicts[answer->rule].word, "meaning",
		verdicts[answer->rule].meaning);
	if (answer->target.edge != 0) {
		json_object_set_new(object, "edge", edge_write(control, answer->target.edge));
		json_object_set_new(
			object, "flow", flow_write(&answer->target, &answer->target_peer));
	}
	return object;
}

static json_t *valid_write(const struct control *control, const struct link_explained *answer)
{
	uint8_t octets[32];
	struct text user = text_begin(octets, sizeof(octets));
	json_t *owner = edge_write(control, answer->flow.edge);
	json_t *result = json_pack("{s:s, s:s, s:o}", "token", "valid", "kind",
		kind_name(answer->kind), "made_by", owner);

	json_object_set_new(owner, "state",
		json_string(answer->flow.edge == control->config->node.id
				? "self"
				: answer_liveness(answer->owner_state)));
	json_object_set_new(result, "flow", flow_write(&answer->flow, &answer->peer));
	if (answer->kind == TOKEN_ROUTE)
		json_object_set_new(result, "owner_was",
			json_string(answer->role == TOKEN_SENDER ? "sender" : "receiver"));
	text_format(&user, "%016llx", (unsigned long long)answer->uak);
	if (answer->uak != 0)
		answer_put_span(result, "user_key", text_span(&user));
	json_object_set_new(result, "would_do", rule_write(control, answer));
	return result;
}

static void explained(void *context, const struct link_explained *answer)
{
	struct question *question = context;

	if (answer == NULL)
		command_refuse(question->call, COMMAND_UNAVAILABLE,
			"the dataplane gave no answer; 'status' says whether it is connected");
	else if (answer->token_verdict != TOKEN_OK)
		command_reply(question->call,
			json_pack("{s:s}", "token", verdict_name(answer->token_verdict)));
	else
		command_reply(question->call, valid_write(question->control, answer));
	free(question);
}

// The user part of "<sip:TOKEN@host;lr>"; a text without '@' as it is.
static struct span token_cut(const char *text)
{
	const char *end = strchr(text, '@');
	const char *begin = end;

	if (end == NULL)
		return span_of(text, strlen(text));
	while (begin > text && begin[-1] != ':' && begin[-1] != '<')
		begin--;
	return span_of(begin, (size_t)(end - begin));
}

void answer_token_explain(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	struct question *question;

	if (control->source == NULL) {
		command_refuse(call, COMMAND_UNAVAILABLE, "nothing here redeems tokens");
		return;
	}
	question = malloc(sizeof(*question));
	if (question == NULL) {
		command_refuse(call, COMMAND_INTERNAL_ERROR, "out of memory");
		return;
	}
	question->control = control;
	question->call = call;
	control->source->explain(control->source->context, token_cut(command_text(call, "text")),
		explained, question);
}
