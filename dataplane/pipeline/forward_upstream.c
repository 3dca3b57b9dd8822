// forward_upstream.c: step 4: to the core.

#include "aim.h"
#include "forward.h"
#include "maddr.h"
#include "records.h"
#include "rule.h"
#include "upstream.h"

enum {
	// RFC 3261 section 18.1.1: a larger request goes by a transport with congestion control where the path's MTU is not known.
	DATAGRAM_MAX = 1300,
	VIA_FRAME = sizeof("Via: SIP/2.0/UDP "
			   ";branch=z9hG4bK0123456789012345678901;w=01234567890123456789"
			   ";rport\r\n")
		- 1,
	RETURN_MAX = sizeof(";received=2001:db8:ffff:ffff:ffff:ffff:ffff:ffff;rport=65535") - 1,
	PATH_FRAME = sizeof("Path: <sips:@;transport=tcp;lr;ob>\r\n") - 1,
};

static bool rate_take(const struct world *world)
{
	struct rate *rate = world->moved;

	if (rate->second != world->now_s)
		*rate = (struct rate){world->now_s, 0};
	if (rate->taken >= directory_settings(world->directory)->moved_per_s)
		return false;
	rate->taken++;
	return true;
}

// By the connection that is open to it. What is about connections is out of the way of requests over UDP.
static __attribute__((noinline, cold)) bool stream_take(
	const struct world *world, const struct link_target *target, struct decision *decision)
{
	const struct flow *carrier = upstream_carrier(world, target);

	if (carrier == NULL)
		return false;
	decision->out = directory_listener(world->directory, carrier->listener);
	decision->carrier = carrier->id;
	decision->alias = target->alias != 0;
	decision->destination = target->endpoint;
	return decision->out != NULL;
}

// By datagrams from the listener of its family, or by a connection. False: there is no such way.
static bool way_take(
	const struct world *world, const struct link_target *target, struct decision *decision)
{
	if (target->transport != TRANSPORT_UDP)
		return stream_take(world, target, decision);
	decision->out = directory_side_listener(
		world->directory, SIDE_CORE, TRANSPORT_UDP, target->endpoint.family);
	decision->destination = target->endpoint;
	return decision->out != NULL;
}

// No less than what one of our header fields adds.
static size_t record_length(const struct request *request, const struct record_route *record)
{
	const size_t frame = sizeof("Record-Route: <sips:@;transport=tcp;lr>\r\n") - 1;

	if (record->kind == RECORD_RECEIVED)
		return frame + request->routes->hop[record->hop].text.length;
	return frame + record->name->written.length
		+ (record->kind == RECORD_TOKEN ? TOKEN_LENGTH_V6 : 0);
}

// No less than the request's length as it leaves.
static size_t grown_length(const struct request *request)
{
	const struct decision *decision = request->decision;
	size_t length =
		request->message->length + VIA_FRAME + decision->out->sent_by.length + RETURN_MAX;

	for (unsigned i = 0; i < decision->record_count; i++)
		length += record_length(request, &decision->record[i]);
	if (request_is(request, METHOD_REGISTER))
		length += PATH_FRAME + TOKEN_LENGTH_V6 + decision->out->written.length;
	for (unsigned i = 0; i < decision->popped; i++)
		length -= request->routes->hop[i].text.length;
	return length;
}

// RFC 3261 section 18.1.1: what a datagram might not carry goes by a connection, if one is open to the same server.
static __attribute__((noinline, cold)) void stream_prefer(
	struct request *request, const struct link_target *target, unsigned mint_count)
{
	const struct link_target *stream = NULL;

	if (target->transport == TRANSPORT_UDP && grown_length(request) > DATAGRAM_MAX)
		stream = upstream_find_stream(request->world, target);
	if (stream == NULL || !stream_take(request->world, stream, request->decision))
		return;
	request->burst->mint_count = mint_count;
	request->decision->record_count = 0;
	records_decide(request, &(struct delivery){.to_core = true});
}

enum verdict forward_upstream(struct request *request)
{
	const struct world *world = request->world;
	unsigned mint_count = request->burst->mint_count;
	const struct link_target *target;

	// A phone of ours whose slot has not come yet must not open a dialog without its token.
	if (request->source == NULL && request_is_recorded(request)
		&& rule_own_table_is_partial(world))
		return VERDICT_NOT_READY;
	if (aim_is_forbidden(request))
		return VERDICT_AIM_FORBIDDEN;
	if (request->moved && !rate_take(world))
		return VERDICT_MOVED_LIMIT;
	target = upstream_find(world, request->message, &request->target, request->routes);
	if (target == NULL || !way_take(world, target, request->decision))
		return VERDICT_NO_UPSTREAM;
	request->decision->kind = DECISION_FORWARD;
	request->decision->strip_maddr = maddr_is_own(request);
	forward_decide_next(request);
	records_decide(request, &(struct delivery){.to_core = true});
	if (directory_has_stream_targets(world->directory))
		stream_prefer(request, target, mint_count);
	return request->moved ? VERDICT_MOVED : VERDICT_UPSTREAM;
}
