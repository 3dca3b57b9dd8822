#include "outcome.h"

#include "adoption.h"
#include "answer.h"
#include "guard.h"

#define CLASS(NAME, word, class, text) [VERDICT_##NAME] = VERDICT_##class,
static const uint8_t classes[] = {VERDICTS(CLASS)};
#undef CLASS

void outcome_begin(struct burst *burst, unsigned index)
{
	struct decision *decision = &burst->decision[index];

	burst->note[index] = NOTE_NONE;
	burst->flow[index] = (struct flow_id){0, 0, 0};
	decision->kind = DECISION_NOTHING;
	decision->out = NULL;
	decision->carrier = (struct flow_id){0, 0, 0};
	decision->popped = 0;
	decision->record_count = 0;
	decision->strip_path = false;
	decision->strip_identity = false;
	decision->strip_maddr = false;
	decision->strict_next = false;
	decision->outbound = false;
	decision->alias = false;
	decision->relay_mint = MINT_NONE;
	decision->path_mint = MINT_NONE;
	decision->source = (struct flow_id){0, 0, 0};
	decision->flow_timer_s = 0;
	decision->keep_s = 0;
	decision->retry_after_s = 0;
}

static void outcome_drop(struct burst *burst, unsigned index, enum verdict verdict)
{
	burst->decision[index].kind = DECISION_NOTHING;
	burst->verdict[index] = (uint8_t)verdict;
	burst->action[index] = ACTION_RELEASE;
}

static void outcome_send(
	const struct world *world, struct burst *burst, unsigned index, enum verdict verdict)
{
	const struct decision *decision = &burst->decision[index];

	if (decision->out == NULL
		|| !guard_allows(world->directory, decision->out, &decision->destination)) {
		outcome_drop(burst, index, VERDICT_EGRESS_GUARD);
		return;
	}
	if (!adoption_is_here(world, decision->out)) {
		outcome_drop(burst, index, VERDICT_ADDRESS_AWAY);
		return;
	}
	burst->verdict[index] = (uint8_t)verdict;
	burst->action[index] = ACTION_SEND;
}

// To where it came from, unless a trusted side's Via asks for its own port (RFC 3261 section 18.2.2, RFC 3581 section 4). What came by a
// connection is answered there.
static void answer_destination(const struct burst *burst, unsigned index, struct endpoint *out)
{
	const struct via *via = &burst->message[index].via;

	*out = burst->packet[index]->peer;
	if (burst->side[index] != SIDE_ACCESS && via->value.length != 0 && !via->has_rport
		&& !listener_is_stream(burst->listener[index]))
		out->port = via->has_port ? via->port : 5060;
}

void outcome_answer(const struct world *world, struct burst *burst, unsigned index,
	enum verdict verdict, uint16_t status, uint16_t retry_after_s)
{
	struct decision *decision = &burst->decision[index];

	// An ACK is never answered (RFC 3261 section 17.1.1.3).
	if (burst->message[index].method == METHOD_ACK) {
		outcome_drop(burst, index, VERDICT_ACK_DROPPED);
		return;
	}
	decision->kind = DECISION_ANSWER;
	decision->status = status;
	decision->retry_after_s = retry_after_s;
	decision->out = burst->listener[index];
	answer_destination(burst, index, &decision->destination);
	decision->carrier = stage_carrier(world, burst, index);
	outcome_send(world, burst, index, verdict);
}

void outcome_set(
	const struct world *world, struct burst *burst, unsigned index, enum verdict verdict)
{
	uint16_t status;

	switch (classes[verdict]) {
	case VERDICT_FORWARDED:
		outcome_send(world, burst, index, verdict);
		return;
	case VERDICT_ANSWERED:
		if (verdict == VERDICT_STUN_BINDING) {
			outcome_send(world, burst, index, verdict);
			return;
		}
		status = answer_status(verdict);
		outcome_answer(world, burst, index, verdict, status,
			verdict == VERDICT_NOT_READY_STREAM ? RETRY_AFTER_NOW
				: status == 503             ? OUTCOME_RETRY_AFTER_S
							    : 0);
		return;
	case VERDICT_CONTROL:
		burst->verdict[index] = (uint8_t)verdict;
		burst->action[index] = ACTION_CONTROL;
		return;
	default:
		outcome_drop(burst, index, verdict);
		if (verdict == VERDICT_BEAT)
			burst->action[index] = ACTION_KEEPER;
		return;
	}
}
