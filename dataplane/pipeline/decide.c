// decide.c: the third stage: one verdict for every message.

#include "admit.h"
#include "forward.h"
#include "limit.h"
#include "outcome.h"
#include "register.h"
#include "request.h"
#include "response.h"
#include "stun.h"
#include "walk.h"

static bool has_one_via(const struct message *message)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_VIA);
	return value_next(&cursor) && !value_next(&cursor);
}

// Of a connection, the flow that control says it is.
static const struct flow *request_flow_find(const struct request *request)
{
	if (!listener_is_stream(request->in))
		return request->burst->source[request->index];
	return flow_find(request->world->flows,
		stage_carrier(request->world, request->burst, request->index));
}

static void request_begin(
	const struct world *world, struct burst *burst, unsigned index, struct request *request)
{
	*request = (struct request){
		.world = world,
		.burst = burst,
		.index = index,
		.side = burst->side[index],
		.packet = burst->packet[index],
		.in = burst->listener[index],
		.message = &burst->message[index],
		.routes = &burst->routes[index],
		.decision = &burst->decision[index],
		.first_hop = has_one_via(&burst->message[index]),
	};
	// By a connection the answers come back, whatever its side.
	if (listener_is_stream(request->in))
		request->decision->source = stage_carrier(world, burst, index);
	if (request->side != SIDE_ACCESS)
		return;
	request->source = request_flow_find(request);
	request->decision->strip_identity = true;
	request->decision->strip_path = request->first_hop;
	if (request->source == NULL)
		return;
	// What answers is told where to go by the next Via: another edge's flow is nothing that a Via of ours could name.
	if (request->source->id.edge == world_edge(world))
		request->decision->source = request->source->id;
	flow_hear(request->source, false, world->now_ms);
}

static enum verdict request_decide(const struct world *world, struct burst *burst, unsigned index)
{
	struct request request;
	enum verdict verdict;

	request_begin(world, burst, index, &request);
	verdict = admit_relay(&request);
	if (verdict == VERDICT_NONE)
		verdict = admit_request(&request);
	if (verdict == VERDICT_NONE)
		verdict = walk_routes(&request);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (request_is(&request, METHOD_REGISTER) && request.side == SIDE_ACCESS)
		return register_decide(&request);
	return forward_request(&request);
}

static void keepalive_hear(
	const struct world *world, const struct burst *burst, unsigned index, bool shown)
{
	if (burst->source[index] != NULL)
		flow_hear(burst->source[index], shown, world->now_ms);
}

// By the same address and port (RFC 5626 section 8), through the guard like all else.
static enum verdict stun_decide(const struct world *world, struct burst *burst, unsigned index)
{
	struct decision *decision = &burst->decision[index];
	struct stun stun;

	bool binding =
		burst->origin[index] == ORIGIN_WIRE && stun_read(burst->packet[index], &stun);

	keepalive_hear(world, burst, index, binding);
	if (!binding)
		return VERDICT_STUN;
	decision->kind = DECISION_STUN;
	decision->out = burst->listener[index];
	decision->destination = burst->packet[index]->peer;
	return VERDICT_STUN_BINDING;
}

// A peer listener answers nobody who has not shown a relay token, so not what does not parse either.
static enum verdict fault_decide(const struct world *world, struct burst *burst, unsigned index)
{
	enum verdict verdict =
		admit_fault(&burst->message[index], (enum message_fault)burst->fault[index]);

	if (verdict == VERDICT_STUN)
		return stun_decide(world, burst, index);
	// Octets that only keep a NAT open are no promise to send more of them in time.
	if (verdict == VERDICT_KEEPALIVE)
		keepalive_hear(world, burst, index, false);
	if (burst->side[index] == SIDE_PEER
		&& (verdict == VERDICT_BAD_REQUEST || verdict == VERDICT_BAD_VERSION))
		return VERDICT_PEER_SOURCE;
	return verdict;
}

static bool refuses_token(enum verdict verdict)
{
	return verdict == VERDICT_TOKEN_MALFORMED || verdict == VERDICT_TOKEN_FORGED
		|| verdict == VERDICT_TOKEN_MISPLACED || verdict == VERDICT_TOKEN_BIND;
}

// Nobody is to try one token after the other and read the answers.
static enum verdict refusal_decide(
	const struct world *world, const struct burst *burst, unsigned index, enum verdict verdict)
{
	if (!refuses_token(verdict) || world->limits == NULL || burst->side[index] != SIDE_ACCESS
		|| burst->origin[index] != ORIGIN_WIRE
		|| burst->message[index].method == METHOD_ACK)
		return verdict;
	return limit_take_refusal(world, &burst->packet[index]->peer) ? verdict
								      : VERDICT_TOKEN_LIMIT;
}

static enum verdict message_decide(const struct world *world, struct burst *burst, unsigned index)
{
	enum verdict verdict;

	if (burst->beat[index])
		return VERDICT_BEAT;
	if (!world_is_known(world))
		return VERDICT_NOT_READY;
	verdict = admit_source(world, burst, index);
	if (verdict == VERDICT_NONE && burst->limit[index] != VERDICT_LIMITED)
		verdict = (enum verdict)burst->limit[index];
	if (verdict == VERDICT_NONE)
		verdict = fault_decide(world, burst, index);
	if (verdict == VERDICT_NONE)
		verdict = (enum verdict)burst->limit[index];
	if (verdict != VERDICT_NONE)
		return verdict;
	return burst->message[index].request
		? refusal_decide(world, burst, index, request_decide(world, burst, index))
		: response_decide(world, burst, index);
}

static void control_decide(const struct world *world, struct burst *burst, unsigned index)
{
	struct decision *decision = &burst->decision[index];

	decision->kind = DECISION_UNCHANGED;
	decision->out = burst->listener[index];
	decision->destination = burst->packet[index]->peer;
	decision->carrier = stage_carrier(world, burst, index);
	outcome_set(world, burst, index,
		decision->out == NULL ? VERDICT_EGRESS_GUARD : VERDICT_SENT_FOR_CONTROL);
}

static void refuse_decide(const struct world *world, struct burst *burst, unsigned index)
{
	const struct grant *grant = &burst->grant[index];

	if (!world_is_known(world) || burst->fault[index] != MESSAGE_OK)
		outcome_set(world, burst, index, VERDICT_UNREADABLE);
	else
		outcome_answer(world, burst, index, VERDICT_CONTROL_ANSWER, grant->status,
			grant->retry_after_s);
}

// Silence would be no invitation to try again: control repeats the request if it has said so, else its sender is told to.
static void stream_decide(const struct world *world, struct burst *burst, unsigned index)
{
	enum verdict verdict = message_decide(world, burst, index);

	if (verdict == VERDICT_NOT_READY && world_is_known(world)
		&& burst->fault[index] == MESSAGE_OK && burst->message[index].request
		&& burst->grant[index].tag == 0)
		verdict = VERDICT_NOT_READY_STREAM;
	outcome_set(world, burst, index, verdict);
}

// The lines that the rules will read start loading before the first of them is needed.
static void tokens_prefetch(const struct world *world, const struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++)
		for (unsigned n = 0; n < burst->routes[i].count; n++) {
			const struct hop *hop = &burst->routes[i].hop[n];

			if (hop->has_token && hop->verdict == TOKEN_OK
				&& hop->token.kind != TOKEN_RELAY)
				flow_prefetch(world->flows, hop->token.flow);
		}
}

void decide_burst(const struct world *world, struct burst *burst)
{
	burst->mint_count = 0;
	tokens_prefetch(world, burst);
	for (unsigned i = 0; i < burst->count; i++) {
		outcome_begin(burst, i);
		switch ((enum origin)burst->origin[i]) {
		case ORIGIN_CONTROL:
			control_decide(world, burst, i);
			break;
		case ORIGIN_REFUSE:
			refuse_decide(world, burst, i);
			break;
		case ORIGIN_STREAM:
			stream_decide(world, burst, i);
			break;
		case ORIGIN_WIRE:
		case ORIGIN_GRANT:
		case ORIGIN_RETURN:
			outcome_set(world, burst, i, message_decide(world, burst, i));
			break;
		}
	}
}
