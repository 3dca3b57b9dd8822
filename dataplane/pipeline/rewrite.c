// rewrite.c: the last stage: every message as it leaves.

#include "answer.h"
#include "maddr.h"
#include "outcome.h"
#include "record_route.h"
#include "stage.h"
#include "strict_route.h"
#include "stun.h"
#include "via_write.h"

// Our Vias' branches, which bind the relay tokens, and so come first.
static void branches_compute(
	const struct world *world, struct burst *burst, uint8_t (*branch)[BRANCH_HASH_OCTETS])
{
	for (unsigned i = 0; i < burst->count; i++) {
		const struct message *message = &burst->message[i];
		uint8_t text[BRANCH_LENGTH];

		if (burst->action[i] != ACTION_SEND || burst->decision[i].kind != DECISION_FORWARD)
			continue;
		identity_hash_branch(world->hashes, message, &message->via, branch[i]);
		if (burst->decision[i].relay_mint == MINT_NONE)
			continue;
		branch_write(branch[i], text);
		burst->mint[burst->decision[i].relay_mint].bind =
			identity_hash_relay(world->hashes, message, span_of(text, BRANCH_LENGTH));
	}
}

static void tokens_mint(const struct world *world, struct burst *burst)
{
	for (unsigned i = 0; i < burst->mint_count; i += TOKEN_BURST) {
		unsigned count = burst->mint_count - i;

		token_mint_burst(world->keys, burst->mint + i,
			count < TOKEN_BURST ? count : TOKEN_BURST, burst->minted + i);
	}
}

static void lines_cut(struct edit_plan *plan, const struct message *message, enum header header)
{
	for (uint8_t i = message->first[header]; i != MESSAGE_LINE_NONE; i = message->lines[i].next)
		edit_cut(plan, (struct slice){message->lines[i].offset, message->lines[i].length});
}

static void identity_cut(struct edit_plan *plan, const struct message *message)
{
	lines_cut(plan, message, HEADER_P_ASSERTED_IDENTITY);
	lines_cut(plan, message, HEADER_P_ASSOCIATED_URI);
}

// RFC 3261 section 16.6, step 3.
static void max_forwards_write(struct edit_plan *plan, const struct message *message)
{
	const struct header_line *line = message_line(message, HEADER_MAX_FORWARDS);
	const struct header_line *via = message_line(message, HEADER_VIA);

	if (line == NULL) {
		edit_insert(
			plan, (uint16_t)(via->offset + via->length), SPAN("Max-Forwards: 70\r\n"));
		return;
	}
	edit_open(plan, line->value_offset, line->value_length);
	edit_add_number(plan, message->max_forwards - 1);
	edit_close(plan);
}

// A phone's address is written whether it asked or not; by a connection its answer comes back without (RFC 3581 is about UDP).
static bool source_is_told(const struct burst *burst, unsigned index)
{
	return burst->side[index] == SIDE_ACCESS && !listener_is_stream(burst->listener[index]);
}

// RFC 3261 section 18.3: a stream's reader finds the end of a message by nothing else. UDP lets it be left out.
static void content_length_write(
	struct edit_plan *plan, const struct message *message, const struct directory_listener *out)
{
	if (!listener_is_stream(out) || message_line(message, HEADER_CONTENT_LENGTH) != NULL)
		return;
	edit_open(plan, (uint16_t)(message->body_offset - 2), 0);
	edit_add(plan, SPAN("Content-Length: "));
	edit_add_number(plan, (uint32_t)(message->length - message->body_offset));
	edit_add(plan, SPAN("\r\n"));
	edit_close(plan);
}

// Routes off the top, and what that makes of the request-URI.
static void target_write(struct edit_plan *plan, const struct message *message,
	const struct routes *routes, const struct decision *decision)
{
	routes_cut(plan, message, decision->popped + (decision->strict_next ? 1 : 0));
	if (decision->strict_next)
		strict_route_write(plan, message, routes);
	else if (decision->strip_maddr)
		maddr_cut(plan, message);
}

static void forward_write(const struct world *world, struct burst *burst, unsigned index,
	const uint8_t branch[BRANCH_HASH_OCTETS])
{
	const struct message *message = &burst->message[index];
	const struct decision *decision = &burst->decision[index];
	const struct packet *packet = burst->packet[index];
	struct edit_plan *plan = &burst->plan;
	struct via_return back;
	struct proof proof = {.listener = packet->listener,
		.slot = decision->source.slot,
		.generation = decision->source.generation};

	via_return_decide(message, &packet->peer, source_is_told(burst, index), &back);
	via_write(world, plan, message, decision->out, decision->alias, &proof, branch, &back);
	via_return_write(plan, message, &back);
	record_route_write(burst, index);
	path_write(burst, index);
	relay_route_write(burst, index);
	target_write(plan, message, &burst->routes[index], decision);
	max_forwards_write(plan, message);
	if (decision->strip_identity)
		identity_cut(plan, message);
	if (decision->strip_path)
		lines_cut(plan, message, HEADER_PATH);
	content_length_write(plan, message, decision->out);
}

// RFC 6223 section 4.4: who offered keep-alives is told how often.
static void keep_write(struct edit_plan *plan, const struct decision *decision)
{
	const struct slice *offer = &decision->next.keep_offer;

	if (decision->keep_s == 0)
		return;
	edit_open(plan, (uint16_t)(offer->offset + offer->length), 0);
	edit_add(plan, SPAN("="));
	edit_add_number(plan, decision->keep_s);
	edit_close(plan);
}

static void return_write(struct burst *burst, unsigned index)
{
	const struct message *message = &burst->message[index];
	const struct decision *decision = &burst->decision[index];
	struct edit_plan *plan = &burst->plan;

	value_cut_top(plan, message, HEADER_VIA);
	if (decision->strip_identity)
		identity_cut(plan, message);
	content_length_write(plan, message, decision->out);
	keep_write(plan, decision);
	if (decision->flow_timer_s == 0)
		return;
	lines_cut(plan, message, HEADER_FLOW_TIMER);
	edit_open(plan, place_below_vias(message), 0);
	edit_add(plan, SPAN("Flow-Timer: "));
	edit_add_number(plan, decision->flow_timer_s);
	edit_add(plan, SPAN("\r\n"));
	edit_close(plan);
}

static void answer_message_write(const struct world *world, struct burst *burst, unsigned index)
{
	const struct message *message = &burst->message[index];
	const struct decision *decision = &burst->decision[index];
	struct via_return back;

	via_return_decide(
		message, &burst->packet[index]->peer, source_is_told(burst, index), &back);
	answer_write(world, &burst->plan, message, decision->status, decision->retry_after_s);
	// A Via that does not parse goes back as it came.
	if (message->via.value.length != 0)
		via_return_write(&burst->plan, message, &back);
}

// False: the message as decided does not fit.
static bool message_write(const struct world *world, struct burst *burst, unsigned index,
	const uint8_t branch[BRANCH_HASH_OCTETS])
{
	const struct message *message = &burst->message[index];
	struct packet *packet = burst->packet[index];
	uint8_t *out;
	size_t length;

	struct stun stun;

	edit_begin(&burst->plan);
	switch ((enum decision_kind)burst->decision[index].kind) {
	case DECISION_FORWARD:
		forward_write(world, burst, index, branch);
		break;
	case DECISION_RETURN:
		return_write(burst, index);
		break;
	case DECISION_ANSWER:
		answer_message_write(world, burst, index);
		break;
	case DECISION_STUN:
		if (!stun_read(packet, &stun))
			return false;
		stun_answer(packet, &stun);
		return true;
	case DECISION_UNCHANGED:
		if (!burst->decision[index].strip_identity)
			return true;
		identity_cut(&burst->plan, message);
		break;
	case DECISION_NOTHING:
		return true;
	}
	if (message->length + edit_growth(&burst->plan) > UDP_PAYLOAD_MAX
		|| !edit_apply(&burst->plan, packet->buffer, packet->capacity, packet->octets,
			message->length, &out, &length))
		return false;
	packet->octets = out;
	packet->length = (uint32_t)length;
	return true;
}

static void message_finish(const struct world *world, struct burst *burst, unsigned index,
	const uint8_t branch[BRANCH_HASH_OCTETS])
{
	struct decision *decision = &burst->decision[index];
	struct packet *packet = burst->packet[index];
	bool request = decision->kind == DECISION_FORWARD;

	if (!message_write(world, burst, index, branch)) {
		outcome_set(world, burst, index,
			request && burst->message[index].method != METHOD_ACK ? VERDICT_TOO_LARGE
									      : VERDICT_UNSENDABLE);
		if (burst->action[index] == ACTION_SEND
			&& !message_write(world, burst, index, branch))
			outcome_set(world, burst, index, VERDICT_UNSENDABLE);
	}
	if (burst->action[index] != ACTION_SEND)
		return;
	packet->peer = decision->destination;
	packet->listener = decision->out->listener.id;
}

void rewrite_burst(const struct world *world, struct burst *burst)
{
	uint8_t branch[BURST_MAX][BRANCH_HASH_OCTETS];

	branches_compute(world, burst, branch);
	tokens_mint(world, burst);
	for (unsigned i = 0; i < burst->count; i++)
		if (burst->action[i] == ACTION_SEND)
			message_finish(world, burst, i, branch[i]);
}

void burst_refuse(const struct world *world, struct burst *burst, unsigned index)
{
	outcome_set(world, burst, index,
		burst->verdict[index] == VERDICT_REGISTER ? VERDICT_OVERLOAD : VERDICT_RING_FULL);
	if (burst->action[index] == ACTION_SEND)
		message_finish(world, burst, index, NULL);
}
