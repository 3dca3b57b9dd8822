// keeper_records.c: control's records become tables.

#include "clock.h"
#include "keeper.h"
#include "log.h"
#include "pipeline/explain.h"
#include "plane.h"

#include <weir/record.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>

enum {
	KEEPER_BATCH = 512, // records between two looks at everything else
	KEEPER_RECORD_MAX = 4096,
	KEEPER_LENGTH_ANY = 0, // the record's own reader judges
};
static_assert((size_t)KEEPER_RECORD_MAX >= FLOW_RECORD_OCTETS_MAX, "a flow is the largest record");
static_assert(KEEPER_RECORD_MAX >= sizeof(struct key_material), "keys fit");

struct arrival {
	struct keeper *keeper;
	struct session *session;
	uint16_t type;
	struct span payload; // 8-aligned
};

// 0, or -EINVAL: not a record that control should send. What does not fit is counted by the table.
typedef int record_apply(const struct arrival *arrival);

static int apply_flow(const struct arrival *arrival)
{
	struct keeper *keeper = arrival->keeper;
	struct flow_record record;

	if (!flow_record_decode(arrival->payload, &record))
		return -EINVAL;
	keeper->changed = true;
	int error = flow_table_put(keeper->plane->flows, &record, keeper->now_us / 1000);

	return error == -EINVAL ? error : 0;
}

static uint8_t snapshot_edge(const struct arrival *arrival)
{
	return ((const struct link_snapshot *)arrival->payload.octets)->edge;
}

static int apply_snapshot_begin(const struct arrival *arrival)
{
	if (snapshot_edge(arrival) == 0)
		return -EINVAL;
	flow_table_mark(arrival->keeper->plane->flows, snapshot_edge(arrival));
	return 0;
}

static int apply_snapshot_end(const struct arrival *arrival)
{
	struct plane *plane = arrival->keeper->plane;
	uint8_t edge = snapshot_edge(arrival);

	if (edge == 0)
		return -EINVAL;
	flow_table_sweep(plane->flows, edge, arrival->keeper->now_us / 1000);
	arrival->keeper->changed = true;
	// Release: whoever sees it complete sees the rows.
	if (edge == plane->config.edge)
		atomic_store_explicit(&plane->peers.own_complete, true, memory_order_release);
	return 0;
}

// A peer whose control is not connected will send nothing, so nothing is waited for.
static int apply_peer_state(const struct arrival *arrival)
{
	const struct link_peer_state *state = (const void *)arrival->payload.octets;
	struct peer_board *peers = &arrival->keeper->plane->peers;

	if (state->edge == 0 || state->edge == arrival->keeper->plane->config.edge)
		return -EINVAL;
	atomic_store_explicit(&peers->edge[state->edge].complete,
		state->complete || !state->connected, memory_order_release);
	return 0;
}

static int apply_keys(const struct arrival *arrival)
{
	return keeper_set_keys(arrival->keeper, (const void *)arrival->payload.octets);
}

static int apply_hash_keys(const struct arrival *arrival)
{
	struct plane *plane = arrival->keeper->plane;
	struct hash_keys *before;
	struct hash_keys *hashes = OPENSSL_malloc(sizeof(*hashes));

	if (hashes == NULL)
		return -ENOMEM;
	memcpy(hashes, arrival->payload.octets, sizeof(*hashes));
	before = atomic_exchange_explicit(&plane->hashes, hashes, memory_order_acq_rel);
	if (before == NULL)
		return 0;
	plane_await_grace(plane);
	OPENSSL_clear_free(before, sizeof(*before));
	return 0;
}

static int apply_directory_begin(const struct arrival *arrival)
{
	struct keeper *keeper = arrival->keeper;

	if (keeper->builder != NULL)
		directory_builder_free(keeper->builder);
	keeper->builder = directory_builder_new();
	return keeper->builder == NULL ? -ENOMEM : 0;
}

static int apply_directory_part(const struct arrival *arrival)
{
	if (arrival->keeper->builder == NULL)
		return -EINVAL;
	return directory_builder_add(arrival->keeper->builder, arrival->type, arrival->payload);
}

// Before anybody looks for such a source. What there is no memory for is not found: those phones' requests go as strangers' do.
static void namesakes_index(struct keeper *keeper, const struct directory *directory)
{
	for (unsigned id = 0; id < LISTENERS_MAX; id++) {
		const struct directory_listener *listener =
			directory_listener(directory, (uint8_t)id);

		for (unsigned i = 0; listener != NULL && i < listener->namesake_count; i++)
			if (flow_table_index_sources(keeper->plane->flows,
				    listener->namesakes[i].edge, listener->namesakes[i].listener)
				!= 0)
				log_say("E-MEMORY", "no memory for the flows of edge %u",
					listener->namesakes[i].edge);
	}
}

static int apply_directory_end(const struct arrival *arrival)
{
	struct keeper *keeper = arrival->keeper;
	struct directory *before;
	struct directory *directory;

	if (keeper->builder == NULL)
		return -EINVAL;
	directory = directory_builder_finish(keeper->builder);
	keeper->builder = NULL;
	if (directory == NULL)
		return -EINVAL;
	// Nobody takes an address for ours that is not here.
	address_watch_configure(keeper, directory);
	namesakes_index(keeper, directory);
	before = atomic_exchange_explicit(
		&keeper->plane->directory, directory, memory_order_acq_rel);
	beats_configure(keeper, directory);
	if (before == NULL)
		return 0;
	plane_await_grace(keeper->plane);
	directory_free(before);
	return 0;
}

static int apply_explain(const struct arrival *arrival)
{
	const struct link_explain *question = (const void *)arrival->payload.octets;
	struct plane *plane = arrival->keeper->plane;
	struct link_explained answer = {.request = question->request};
	struct rate moved = {0, 0};
	struct world world = {
		.flows = plane->flows,
		.directory = plane->directory,
		.peers = &plane->peers,
		.addresses = &plane->addresses,
		.hashes = plane->hashes,
		.keys = arrival->keeper->keys,
		.now_ms = arrival->keeper->now_us / 1000,
		.now_s = (uint32_t)clock_wall_s(),
		.moved = &moved,
	};

	if (question->length > sizeof(question->text))
		return -EINVAL;
	explain_token(&world, span_of(question->text, question->length), &answer);
	(void)keeper_send_event(
		arrival->session, LINK_EVENT_EXPLAINED, span_of(&answer, sizeof(answer)));
	return 0;
}

struct record_kind_row {
	size_t length;
	record_apply *apply;
};

static const struct record_kind_row record_rows[] = {
	[LINK_FLOW] = {KEEPER_LENGTH_ANY, apply_flow},
	[LINK_SNAPSHOT_BEGIN] = {sizeof(struct link_snapshot), apply_snapshot_begin},
	[LINK_SNAPSHOT_END] = {sizeof(struct link_snapshot), apply_snapshot_end},
	[LINK_PEER_STATE] = {sizeof(struct link_peer_state), apply_peer_state},
	[LINK_KEYS] = {sizeof(struct key_material), apply_keys},
	[LINK_HASH_KEYS] = {sizeof(struct hash_keys), apply_hash_keys},
	[LINK_DIRECTORY_BEGIN] = {KEEPER_LENGTH_ANY, apply_directory_begin},
	[LINK_SETTINGS] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_NAME] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_PEER] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_PEER_LISTENER] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_TARGET] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_PREFIX] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_DIRECTORY_LISTENER] = {KEEPER_LENGTH_ANY, apply_directory_part},
	[LINK_DIRECTORY_END] = {KEEPER_LENGTH_ANY, apply_directory_end},
	[LINK_EXPLAIN] = {sizeof(struct link_explain), apply_explain},
};

static int record_apply_one(const struct arrival *arrival)
{
	if (arrival->type >= sizeof(record_rows) / sizeof(record_rows[0]))
		return -EINVAL;
	const struct record_kind_row *row = &record_rows[arrival->type];

	if (row->apply == NULL)
		return -EINVAL;
	if (row->length != KEEPER_LENGTH_ANY && row->length != arrival->payload.length)
		return -EINVAL;
	return row->apply(arrival);
}

// It counts as applied: what waits for the count is another record's message.
static void record_complain(struct keeper *keeper, const struct arrival *arrival, int error)
{
	if (!keeper->complained)
		log_say("E-LINK-RECORD",
			"record %u of %zu octets from control was not applied: %s (said once a "
			"connection)",
			arrival->type, arrival->payload.length, strerror(-error));
	keeper->complained = true;
}

static void workers_release(struct plane *plane, uint64_t applied)
{
	for (uint32_t i = 0; i < plane->worker_count; i++) {
		uint64_t held = atomic_load(&plane->worker[i].held);

		if (held != 0 && held <= applied)
			worker_wake(&plane->worker[i]);
	}
}

static void applied_publish(struct keeper *keeper, struct session *session)
{
	atomic_store(&session->applied, keeper->applied);
	// Release: pairs with control's acquire.
	atomic_store_explicit(
		&session->region.shared->applied, keeper->applied, memory_order_release);
	workers_release(keeper->plane, keeper->applied);
}

// 1, 0 (empty) or a negative errno: the ring is broken.
static int record_take(struct keeper *keeper, struct session *session)
{
	_Alignas(8) uint8_t octets[KEEPER_RECORD_MAX];
	struct record_header header;
	int64_t length = ring_read(&session->table, &header, octets, sizeof(octets));

	if (length < 0)
		return length == -EAGAIN ? 0 : (int)length;
	struct arrival arrival = {keeper, session, header.type, span_of(octets, (size_t)length)};
	int error = record_apply_one(&arrival);

	if (error < 0)
		record_complain(keeper, &arrival, error);
	if (header.type == LINK_KEYS || header.type == LINK_HASH_KEYS)
		explicit_bzero(octets, sizeof(octets));
	keeper->applied++;
	return 1;
}

bool keeper_apply_records(struct keeper *keeper, struct session *session)
{
	uint64_t before = keeper->applied;
	int status = 1;

	if (atomic_load_explicit(&session->broken, memory_order_relaxed))
		return false;
	while (status == 1 && keeper->applied - before < KEEPER_BATCH)
		status = record_take(keeper, session);
	if (status < 0)
		plane_break_session(keeper->plane, session);
	if (keeper->applied != before)
		applied_publish(keeper, session);
	if (keeper->changed)
		flow_table_reclaim(keeper->plane->flows);
	keeper->changed = false;
	return status == 1;
}
