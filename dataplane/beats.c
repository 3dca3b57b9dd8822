// beats.c: heartbeats to and from all peers.

#include "beats.h"

#include "epochs.h"
#include "keeper.h"
#include "plane.h"

#include <weir/token.h>

enum {
	BEATS_INTERVAL_MIN_MS = 10,
	BEATS_WAIT_MAX_MS = 50, // a worker's longest sleep
	BEATS_TICKS = 4, // looks at the peers an interval
	// How long a peer that is silent has a say in the majority.
	BEATS_EPOCH_MEMORY_US = 10 * 1000 * 1000,
};

void beats_init(struct beats *beats, uint64_t wall_ms)
{
	*beats = (struct beats){0};
	heartbeat_clock_begin(&beats->clock, wall_ms);
}

void beats_forget_reports(struct beats *beats)
{
	beats->epoch_reported = false;
	for (unsigned edge = 0; edge < BEATS_EDGES; edge++)
		beats->peer[edge].reported = false;
}

uint64_t beats_due_us(const struct beats *beats)
{
	return beats->interval_us == 0 ? UINT64_MAX : beats->tick_due_us;
}

static void board_write(struct keeper *keeper, unsigned edge)
{
	const struct heartbeat *state = &keeper->beats.peer[edge].state;
	struct peer_status *status = &keeper->plane->peers.edge[edge];

	// The time first: who sees a peer down also sees since when.
	atomic_store_explicit(&status->lost_at_ms, state->lost_us / 1000, memory_order_relaxed);
	atomic_store_explicit(&status->liveness, (uint8_t)state->liveness, memory_order_release);
}

static void peer_configure(struct keeper *keeper, const struct directory *directory, unsigned edge)
{
	struct beat_peer *peer = &keeper->beats.peer[edge];
	const struct directory_peer *named = directory_peer(directory, (uint8_t)edge);
	const struct directory_listener *listener;

	if (named == NULL || edge == keeper->beats.edge) {
		if (peer->known)
			*peer = (struct beat_peer){0};
		board_write(keeper, edge);
		return;
	}
	if (!peer->known)
		heartbeat_begin(&peer->state, &keeper->beats.clock);
	peer->known = true;
	peer->relay = named->relay;
	listener =
		directory_side_listener(directory, SIDE_PEER, TRANSPORT_UDP, named->relay.family);
	peer->has_listener = listener != NULL;
	if (listener != NULL)
		peer->listener = listener->listener.id;
}

void beats_configure(struct keeper *keeper, const struct directory *directory)
{
	const struct link_settings *settings = directory_settings(directory);
	struct beats *beats = &keeper->beats;
	uint32_t interval_ms = settings->heartbeat_ms < BEATS_INTERVAL_MIN_MS
		? BEATS_INTERVAL_MIN_MS
		: settings->heartbeat_ms;

	beats->edge = settings->edge;
	beats->incarnation = settings->incarnation;
	beats->interval_us = (uint64_t)interval_ms * 1000;
	beats->limits = (struct heartbeat_limits){
		.suspect_after_us = (uint64_t)settings->suspect_after_ms * 1000,
		.dead_after_us = (uint64_t)settings->dead_after_ms * 1000,
	};
	atomic_store_explicit(&keeper->plane->wait_ms,
		interval_ms / 2 < BEATS_WAIT_MAX_MS ? interval_ms / 2 : BEATS_WAIT_MAX_MS,
		memory_order_relaxed);
	for (unsigned edge = 1; edge < BEATS_EDGES; edge++)
		peer_configure(keeper, directory, edge);
}

void beats_hear(struct keeper *keeper, const struct channel_record *record)
{
	struct span text = span_of(record->text, record->length);
	struct beats *beats = &keeper->beats;
	struct beat beat;

	if (keeper->keys == NULL)
		return;
	bool ours = beat_redeem(keeper->keys, text, &beat) == TOKEN_OK;
	// Of an epoch that is far ahead: it proves nothing but that one of two clocks is off.
	bool ahead = !ours && keeper->keys_ahead != NULL
		&& beat_redeem(keeper->keys_ahead, text, &beat) == TOKEN_OK;
	if (!ours && !ahead)
		return;
	struct beat_peer *peer = &beats->peer[beat.edge];

	if (!peer->known || beat.to != beats->edge)
		return;
	peer->heard_us = keeper->now_us;
	peer->state.epoch = beat.epoch;
	// Of an epoch that nobody uses now: its sender's clock is off, or ours is, and epoch_report() says so.
	if (ahead || !token_is_recent(keeper->keys, text))
		return;
	if (heartbeat_hear(&peer->state, &beats->clock, &beat, keeper->now_us))
		board_write(keeper, beat.edge);
}

bool beats_mark_unreachable(struct keeper *keeper, const struct endpoint *endpoint)
{
	for (unsigned edge = 1; edge < BEATS_EDGES; edge++) {
		struct beat_peer *peer = &keeper->beats.peer[edge];

		if (!peer->known || !endpoint_equal(&peer->relay, endpoint))
			continue;
		heartbeat_mark_unreachable(&peer->state);
		board_write(keeper, edge);
		return true;
	}
	return false;
}

// A beat says that this edge serves: so it is not sent while a worker stands still.
static bool workers_move(struct keeper *keeper)
{
	struct plane *plane = keeper->plane;
	bool move = true;

	for (uint32_t i = 0; i < plane->worker_count; i++) {
		uint64_t bursts = atomic_load_explicit(
			&plane->worker[i].counters.bursts, memory_order_relaxed);

		move = move && bursts != keeper->beats.bursts[i];
		keeper->beats.bursts[i] = bursts;
	}
	return move;
}

static void beat_send(struct keeper *keeper, unsigned edge, uint64_t sequence)
{
	struct beat_peer *peer = &keeper->beats.peer[edge];
	struct worker *worker = &keeper->plane->worker[0];
	uint8_t text[TOKEN_LENGTH_V6];
	struct beat beat = {
		.edge = keeper->beats.edge,
		.to = (uint8_t)edge,
		.epoch = (uint32_t)keyring_epoch(keeper->keys),
		.incarnation = keeper->beats.incarnation,
		.sequence = sequence,
		.echo = (uint32_t)peer->state.heard,
	};

	if (!peer->known || !peer->has_listener)
		return;
	size_t length = beat_mint(keeper->keys, &beat, text);

	// A beat that finds no room is a beat lost: the worker does not serve.
	(void)channel_write(&worker->from_keeper, CHANNEL_BEAT, &peer->relay, peer->listener,
		span_of(text, length));
}

static void beats_send(struct keeper *keeper)
{
	struct worker *worker = &keeper->plane->worker[0];

	if (!workers_move(keeper) || keeper->keys == NULL)
		return;
	uint64_t sequence = heartbeat_clock_send(&keeper->beats.clock, keeper->now_us);

	for (unsigned edge = 1; edge < BEATS_EDGES; edge++)
		beat_send(keeper, edge, sequence);
	if (ring_needs_signal(&worker->from_keeper.writer))
		worker_wake(worker);
}

// The next time after now, on the same beat; after a pause no beats are made up for.
static uint64_t next_due_us(uint64_t due, uint64_t interval, uint64_t now)
{
	return due + interval > now ? due + interval : now + interval;
}

void beats_tick(struct keeper *keeper)
{
	struct beats *beats = &keeper->beats;

	if (beats->interval_us == 0 || keeper->now_us < beats->tick_due_us)
		return;
	beats->tick_due_us =
		next_due_us(beats->tick_due_us, beats->interval_us / BEATS_TICKS, keeper->now_us);
	for (unsigned edge = 1; edge < BEATS_EDGES; edge++) {
		if (!beats->peer[edge].known)
			continue;
		heartbeat_tick(&beats->peer[edge].state, &beats->limits, keeper->now_us);
		board_write(keeper, edge);
	}
	if (keeper->now_us < beats->beat_due_us)
		return;
	beats->beat_due_us = next_due_us(beats->beat_due_us, beats->interval_us, keeper->now_us);
	beats_send(keeper);
}

static void peer_report(struct session *session, struct beat_peer *peer, unsigned edge)
{
	struct link_event_peer event = {
		.edge = (uint8_t)edge,
		.liveness = (uint8_t)peer->state.liveness,
		.incarnation = peer->state.incarnation,
		.round_trip_us = peer->state.round_trip_us,
	};

	if (!peer->known
		|| (peer->reported && peer->reported_liveness == event.liveness
			&& peer->reported_incarnation == event.incarnation))
		return;
	// What does not fit now is said at the next turn.
	if (!keeper_send_event(session, LINK_EVENT_PEER, span_of(&event, sizeof(event))))
		return;
	peer->reported = true;
	peer->reported_liveness = event.liveness;
	peer->reported_incarnation = event.incarnation;
}

static enum link_epoch epochs_compare(const struct keeper *keeper, uint64_t ours, uint64_t *theirs)
{
	uint32_t others[BEATS_EDGES];
	uint32_t other;
	unsigned count = 0;

	for (unsigned edge = 1; edge < BEATS_EDGES; edge++) {
		const struct beat_peer *peer = &keeper->beats.peer[edge];

		if (peer->known && peer->heard_us != 0
			&& keeper->now_us - peer->heard_us < BEATS_EPOCH_MEMORY_US)
			others[count++] = peer->state.epoch;
	}
	enum link_epoch standing = epochs_judge((uint32_t)ours, others, count, &other);
	*theirs = (ours & ~(uint64_t)UINT32_MAX) | other;
	return standing;
}

static void epoch_report(struct keeper *keeper, struct session *session)
{
	struct beats *beats = &keeper->beats;
	struct link_event_epoch event = {0};

	if (keeper->keys == NULL)
		return;
	event.ours = keyring_epoch(keeper->keys);
	event.standing = (uint8_t)epochs_compare(keeper, event.ours, &event.theirs);
	if (beats->epoch_reported && beats->reported_standing == event.standing)
		return;
	if (!keeper_send_event(session, LINK_EVENT_EPOCH, span_of(&event, sizeof(event))))
		return;
	beats->epoch_reported = true;
	beats->reported_standing = event.standing;
}

void beats_report(struct keeper *keeper, struct session *session)
{
	for (unsigned edge = 1; edge < BEATS_EDGES; edge++)
		peer_report(session, &keeper->beats.peer[edge], edge);
	epoch_report(keeper, session);
}
