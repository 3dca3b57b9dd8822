#include "../base/text.h"
#include "../targets/upstream.h"
#include "answers.h"

static json_t *target_write(const struct link_target *target)
{
	uint8_t octets[LINK_NAME_MAX + 8];
	struct text text = text_begin(octets, sizeof(octets));
	json_t *object = json_pack("{s:s, s:b, s:s}", "state", target->healthy ? "up" : "down",
		"share", target->balanced, "transport", answer_transport(target->transport));

	text_add(&text, span_of(target->host, target->host_length));
	if (target->port != 0)
		text_format(&text, ":%u", target->port);
	answer_put_span(object, "target", text_span(&text));
	answer_put_endpoint(object, "address", &target->endpoint);
	return object;
}

void answer_upstream_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	struct link_target targets[UPSTREAM_TARGETS_MAX];
	unsigned count;
	json_t *list;

	if (control->upstream == NULL) {
		command_refuse(call, COMMAND_UNAVAILABLE, "nothing here has upstream targets");
		return;
	}
	count = upstream_list(control->upstream, targets);
	list = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, target_write(&targets[i]));
	command_reply(call, json_pack("{s:o}", "targets", list));
}
