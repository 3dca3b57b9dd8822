#include "silence.h"

#include "plane.h"

// False: the event ring is full; the flow is news the next time too.
static bool life_tell(struct keeper *keeper, struct session *session, const struct flow_life *life)
{
	const struct link_event_life event = {
		.slot = life->id.slot,
		.generation = life->id.generation,
		.silent = life->silent,
		.keepalive = life->keepalive,
	};

	if (session == NULL)
		return true;
	if (!keeper_send_event(session, LINK_EVENT_LIFE, span_of(&event, sizeof(event))))
		return false;
	flow_table_mark_told(keeper->plane->flows, life);
	return true;
}

// What is due of a walk, were it to pass over all slots evenly.
static uint32_t slots_due(const struct silence *silence, uint32_t highest, uint64_t now_us)
{
	uint64_t elapsed_us = now_us - silence->swept_us;
	uint64_t due = highest * elapsed_us / (SILENCE_SWEEP_MS * UINT64_C(1000)) + 1;

	return due < highest ? (uint32_t)due : highest;
}

// While an address is on another host its phones speak there; and they have their time to speak here again.
static bool is_to_be_judged(const struct keeper *keeper, uint32_t slot, uint32_t limit_s)
{
	const struct address_board *board = &keeper->plane->addresses;
	uint8_t listener = flow_table_listener(keeper->plane->flows, slot);
	uint64_t since_ms = address_since_ms(board, listener);

	return address_is_here(board, listener)
		&& (since_ms == 0 || keeper->now_us / 1000 - since_ms > (uint64_t)limit_s * 1000);
}

void silence_sweep(struct keeper *keeper, struct session *session)
{
	const struct directory *directory = keeper->plane->directory;
	struct flow_table *flows = keeper->plane->flows;
	struct silence *silence = &keeper->silence;
	uint32_t highest = flow_table_highest(flows);

	if (directory == NULL)
		return;
	uint32_t limit_s = directory_settings(directory)->flow_timer_udp_s + SILENCE_GRACE_S;
	for (uint32_t due = slots_due(silence, highest, keeper->now_us); due > 0; due--) {
		uint32_t slot = silence->slot < highest ? silence->slot + 1 : 1;
		struct flow_life life;

		if (is_to_be_judged(keeper, slot, limit_s)
			&& flow_table_judge(flows, slot, limit_s, keeper->now_us / 1000, &life)
			&& !life_tell(keeper, session, &life))
			break;
		silence->slot = slot;
	}
	silence->swept_us = keeper->now_us;
}
