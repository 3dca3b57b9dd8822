#include "../base/clock.h"
#include "../frame/source.h"
#include "answers.h"

#include <string.h>

enum {
	LIMIT = 100,
	LIMIT_MAX = 1000,
	WALK_MAX = 200000, // slots looked at for one answer: the loop has other work too
};

struct filter {
	uint64_t aor; // 0: any
	struct endpoint source; // no family: any; port 0: any port
	const char *transport; // NULL: any
};

static bool filter_read_source(const char *text, struct endpoint *source)
{
	struct span span = span_of(text, strlen(text));

	return endpoint_parse(span, source) || endpoint_parse_address(span, source);
}

// False: the call was refused.
static bool filter_read(
	const struct edge_source *source, struct command_call *call, struct filter *filter)
{
	const char *aor = command_text(call, "aor");
	const char *address = command_text(call, "source");

	*filter = (struct filter){.transport = command_text(call, "transport")};
	if (address != NULL && !filter_read_source(address, &filter->source)) {
		command_refuse(call, COMMAND_INVALID_PARAMETERS,
			"'source' is an address, with or without a port");
		return false;
	}
	if (aor != NULL
		&& !source->hash_aor(source->context, span_of(aor, strlen(aor)), &filter->aor)) {
		command_refuse(call, COMMAND_INVALID_PARAMETERS,
			"'aor' is a SIP URI such as sip:bob@example.net");
		return false;
	}
	return true;
}

static bool record_has_aor(const struct flow_record *record, uint64_t aor)
{
	for (unsigned i = 0; i < record->row_count; i++)
		if (record->rows[i].aor == aor)
			return true;
	return false;
}

static bool filter_takes(const struct filter *filter, const struct flow_record *record)
{
	struct endpoint peer = record->peer;

	if (filter->transport != NULL
		&& strcmp(filter->transport, answer_transport(record->transport)) != 0)
		return false;
	if (filter->aor != 0 && !record_has_aor(record, filter->aor))
		return false;
	if (filter->source.port == 0)
		peer.port = 0;
	return filter->source.family == ENDPOINT_NONE || endpoint_equal(&filter->source, &peer);
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		[FLOW_GONE] = "gone",
		[FLOW_DOUBTFUL] = "doubtful",
		[FLOW_LIVE] = "live",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static struct span listener_name(const struct config *config, uint8_t id)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].id == id)
			return config->listeners.items[i].name;
	return SPAN("?");
}

// Its address is on another host, which serves it there.
static bool is_away(const struct control *control, uint8_t listener)
{
	const struct edge_source *source = control->source;
	uint64_t since_ms;
	bool here;

	return source->address(source->context, listener, &here, &since_ms) && !here;
}

static json_t *flow_write(const struct control *control, const struct flow_record *record)
{
	json_t *flow = json_pack("{s:I, s:I, s:s, s:s, s:i}", "slot", (json_int_t)record->id.slot,
		"generation", (json_int_t)record->id.generation, "state", state_name(record->state),
		"transport", answer_transport(record->transport), "rows_count",
		(int)record->row_count);
	uint64_t now_s = clock_wall_ms() / 1000;
	uint32_t expires_s = 0;

	for (unsigned i = 0; i < record->row_count; i++)
		if (record->rows[i].expires_at_s > expires_s)
			expires_s = record->rows[i].expires_at_s;
	answer_put_span(flow, "listener", listener_name(control->config, record->listener));
	answer_put_endpoint(flow, "peer", &record->peer);
	if (is_away(control, record->listener))
		json_object_set_new(flow, "address", json_string("away"));
	if (expires_s > now_s)
		json_object_set_new(
			flow, "expires_in_s", json_integer((json_int_t)(expires_s - now_s)));
	return flow;
}

// Slots up to and with `after` are done when this returns; false: there are no more behind it.
static bool flows_walk(const struct control *control, const struct filter *filter, uint32_t limit,
	uint32_t *after, json_t *list)
{
	const struct edge_source *source = control->source;
	struct flow_record record;
	uint32_t found = 0;

	for (uint32_t walked = 0; walked < WALK_MAX && found < limit; walked++) {
		if (!source->next_flow(source->context, *after, &record))
			return false;
		*after = record.id.slot;
		if (!filter_takes(filter, &record))
			continue;
		json_array_append_new(list, flow_write(control, &record));
		found++;
	}
	return source->next_flow(source->context, *after, &record);
}

void answer_flows_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	uint32_t limit = command_number(call, "limit", LIMIT);
	uint32_t after = command_number(call, "after", 0);
	struct filter filter;
	json_t *list;
	json_t *result;

	if (control->source == NULL) {
		command_refuse(call, COMMAND_UNAVAILABLE, "nothing here keeps flows");
		return;
	}
	if (limit == 0 || limit > LIMIT_MAX) {
		command_refuse(
			call, COMMAND_INVALID_PARAMETERS, "'limit' is from 1 to %d", LIMIT_MAX);
		return;
	}
	if (!filter_read(control->source, call, &filter))
		return;
	list = json_array();
	result = json_object();
	if (flows_walk(control, &filter, limit, &after, list))
		json_object_set_new(result, "more_after", json_integer(after));
	json_object_set_new(result, "flows", list);
	command_reply(call, result);
}
