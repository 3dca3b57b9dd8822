#include "records.h"

#include "adoption.h"
#include "identity_row.h"

uint16_t mint_add(struct burst *burst, const struct token *token)
{
	assert(burst->mint_count < BURST_MINTS);
	burst->mint[burst->mint_count] = *token;
	return (uint16_t)burst->mint_count++;
}

static struct record_route *record_add(struct request *request, enum record_kind kind)
{
	struct decision *decision = request->decision;
	struct record_route *record;

	assert(decision->record_count < RECORDS_MAX);
	record = &decision->record[decision->record_count++];
	record->kind = (uint8_t)kind;
	return record;
}

static void record_add_received(struct request *request, unsigned hop)
{
	record_add(request, RECORD_RECEIVED)->hop = (uint8_t)hop;
}

static void record_add_name(struct request *request, const struct directory_listener *name)
{
	record_add(request, RECORD_NAME)->name = name;
}

// The token's flow part is what the flow is now.
static void record_add_token(struct request *request, const struct flow *flow, struct token *token)
{
	struct record_route *record = record_add(request, RECORD_TOKEN);

	token->flow = flow->id;
	token->listener = flow->listener;
	token->peer = flow->peer;
	token->kind = TOKEN_ROUTE;
	record->mint = mint_add(request->burst, token);
	record->name = adoption_listener(request->world, flow);
}

static uint32_t bind_of_sender(const struct request *request)
{
	return identity_hash_bind(request->world->hashes,
		request_span(request, request->message->call_id),
		request_span(request, request->message->from_tag));
}

static void record_add_fresh(
	struct request *request, const struct flow *flow, enum token_role role, uint64_t uak)
{
	struct token token = {.role = (uint8_t)role, .uak = uak, .bind = bind_of_sender(request)};

	record_add_token(request, flow, &token);
}

// Two listeners whose names (what we write) and transports are the same need one Record-Route, not two (RFC 5658).
static bool names_differ(const struct directory_listener *a, const struct directory_listener *b)
{
	return a->listener.transport != b->listener.transport
		|| !span_equal_nocase(a->written, b->written);
}

// Where the core is on no UDP: the first of ours that there is. Out of the way of requests over UDP.
static __attribute__((noinline, cold)) const struct directory_listener *stream_core_name(
	const struct directory *directory)
{
	static const uint8_t transports[] = {TRANSPORT_TCP, TRANSPORT_TLS};
	const struct directory_listener *name = NULL;

	for (size_t i = 0; name == NULL && i < 2 * sizeof(transports); i++)
		name = directory_side_listener(directory, SIDE_CORE,
			(enum transport)transports[i / 2], i % 2 == 0 ? ENDPOINT_V4 : ENDPOINT_V6);
	return name;
}

// By which the core is to reach us: by the listener that it has come to, else by one of ours.
static const struct directory_listener *core_name(const struct request *request)
{
	const struct directory *directory = request->world->directory;
	const struct directory_listener *name;

	if (request->in->listener.side == SIDE_CORE)
		return request->in;
	name = directory_side_listener(directory, SIDE_CORE, TRANSPORT_UDP, ENDPOINT_V4);
	if (name == NULL)
		name = directory_side_listener(directory, SIDE_CORE, TRANSPORT_UDP, ENDPOINT_V6);
	return name != NULL ? name : stream_core_name(directory);
}

static void record_add_core_name(
	struct request *request, const struct directory_listener *access, bool to_core)
{
	const struct directory_listener *core =
		to_core ? request->decision->out : core_name(request);

	if (core != NULL && names_differ(access, core))
		record_add_name(request, core);
}

// The phone's own half: with a token if its flow may have one.
static void record_add_source(struct request *request)
{
	uint64_t uak = 0;
	enum note note = identity_row_find(request, &uak);

	request->burst->note[request->index] = (uint8_t)note;
	if (note == NOTE_NONE)
		record_add_fresh(request, request->source, TOKEN_SENDER, uak);
	else
		record_add_name(request, request->in);
}

static void record_add_renewed(
	struct request *request, const struct hop *hop, const struct flow *flow)
{
	struct token token = hop->token;

	record_add_token(request, flow, &token);
}

// A path token has no dialog yet: it becomes a route token of the one who receives this request.
static void record_add_delivery(
	struct request *request, const struct hop *hop, const struct flow *flow)
{
	const struct directory_listener *access = adoption_listener(request->world, flow);

	if (hop->token.kind == TOKEN_ROUTE) {
		record_add_renewed(request, hop, flow);
		return;
	}
	record_add_core_name(request, access, false);
	record_add_fresh(request, flow, TOKEN_RECEIVER, hop->token.uak);
}

static bool hop_is_outgoing(const struct request *request, unsigned index)
{
	return (request->is_outgoing >> index & 1) != 0;
}

static bool hop_names(
	const struct request *request, const struct hop *hop, const struct directory_listener *name)
{
	struct slice host = hop->uri.host;

	if (hop->uri.has_port)
		host.length = (uint16_t)(hop->uri.text.offset + hop->uri.text.length - host.offset);
	if (hop->uri.has_port && hop->uri.parameters.length != 0)
		host.length = (uint16_t)(hop->uri.parameters.offset - host.offset);
	return span_equal_nocase(request_span(request, host), name->written);
}

static void record_put_back(
	struct request *request, unsigned index, const struct delivery *delivery)
{
	const struct hop *hop = &request->routes->hop[index];

	if (hop == request->incoming)
		record_add_delivery(request, hop, delivery->flow);
	else if (hop_is_outgoing(request, index) && request->source != NULL && !request->moved)
		record_add_renewed(request, hop, request->source);
	else
		record_add_received(request, index);
}

// Only the access half stood in the Route that R6 has found the flow by: it takes the token.
static bool contact_half_is_last(const struct request *request, const struct delivery *delivery,
	unsigned first, unsigned last)
{
	const struct hop *hop = &request->routes->hop[last - 1];

	return last > first && !hop->has_token
		&& hop_names(request, hop, adoption_listener(request->world, delivery->flow));
}

// What the phone preloaded, or its half of a Record-Route without token, gives way to its half as it is now.
static unsigned plain_skip(const struct request *request, unsigned first, unsigned last)
{
	unsigned end = request_has_to_tag(request) && first < last ? first + 1 : last;

	while (first < end && !request->routes->hop[first].has_token)
		first++;
	return first;
}

void records_decide(struct request *request, const struct delivery *delivery)
{
	unsigned first = request->relay != NULL ? 1 : 0;
	unsigned last = request->decision->popped;
	bool contact = request->incoming == NULL && delivery->flow != NULL;
	bool fresh = request->side == SIDE_ACCESS && !request->outgoing;
	bool opens = !request_has_to_tag(request) || last == 0;

	if (!request_is_recorded(request))
		return;
	if (fresh) {
		record_add_source(request);
		first = plain_skip(request, first, last);
	}
	if (contact && contact_half_is_last(request, delivery, first, last))
		last--;
	for (unsigned i = first; i < last; i++)
		record_put_back(request, i, delivery);
	if (contact)
		record_add_fresh(request, delivery->flow, TOKEN_RECEIVER, delivery->uak);
	if (delivery->to_core && fresh && opens)
		record_add_core_name(request, request->in, true);
}
