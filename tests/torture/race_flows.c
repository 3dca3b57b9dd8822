// race_flows.c: readers walk and look up while the keeper puts, removes and reclaims as fast as it can.
//
//   race_flows [CHANGES]
//
// Every row of a flow carries uak = slot * 2^32 + generation and contact = uak + 1, and the flow's port is its slot, so a reader
// can tell that what it holds belongs together: a row that was freed or filled anew under its hands shows. A plain program, so
// that ThreadSanitizer can watch it: Criterion does not run under it, and liburcu is outside of what it sees (publish.h).

#include "../../dataplane/table/flows.h"
#include "../../dataplane/table/publish.h"

#include <weir/side.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SLOTS = 64,
	READERS = 2,
	BURST = 32,
	CHANGES = 20000,
};

static struct flow_table *table;
static _Atomic uint32_t coming[SLOTS + 1]; // generation that the keeper is about to put, by slot
static _Atomic bool over;
static pthread_barrier_t start; // the race begins when all are there
static _Atomic uint64_t lookups;
static _Atomic uint64_t met; // rows and flows that readers held
static _Atomic uint64_t faults;

static uint64_t uak_of(uint32_t slot, uint32_t generation)
{
	return (uint64_t)slot << 32 | generation;
}

static bool generation_is_live(uint32_t generation)
{
	return generation % 3 != 0;
}

static struct endpoint peer_of(uint32_t slot)
{
	return (struct endpoint){
		.address = {203, 0, 113, 1}, .port = (uint16_t)slot, .family = ENDPOINT_V4};
}

static void check(bool promise)
{
	if (!promise)
		atomic_fetch_add_explicit(&faults, 1, memory_order_relaxed);
}

static void check_row(const struct flow_row *row, uint64_t uak)
{
	check(row->row.uak == uak && row->row.contact == uak + 1);
	check(uak_of(row->flow->id.slot, row->flow->id.generation) == uak);
	check(row->flow->peer.port == row->flow->id.slot);
	atomic_fetch_add_explicit(&met, 1, memory_order_relaxed);
}

static void read_rows(uint64_t uak)
{
	struct flow_walk walk;

	for (const struct flow_row *row = flow_rows_by_uak(table, uak, &walk); row != NULL;
		row = flow_rows_next(&walk))
		check_row(row, uak);
	for (const struct flow_row *row = flow_rows_by_contact(table, uak + 1, &walk); row != NULL;
		row = flow_rows_next(&walk))
		check_row(row, uak);
}

static void read_flow(struct flow_id id)
{
	const struct flow *flow = flow_find(table, id);

	if (flow == NULL)
		return;
	check(flow_id_equal(flow->id, id) && flow->peer.port == id.slot);
	// Of a live flow the row is there, or the flow has been emptied since.
	check(flow_holds_uak(flow, uak_of(id.slot, id.generation), 0)
		|| flow_check(table, id) == FLOW_GONE);
	atomic_fetch_add_explicit(&met, 1, memory_order_relaxed);
}

static void read_source(uint32_t slot)
{
	struct endpoint peer = peer_of(slot);
	const struct flow *flow = flow_find_source(table, 1, &peer);

	if (flow != NULL)
		check(flow->id.slot == slot && flow->listener == 1);
}

// Nothing has said of a flow that it is gone while no newer generation of its slot was on its way.
static void read_gone(struct flow_id id)
{
	if (generation_is_live(id.generation) && flow_is_known_gone(table, id))
		check(atomic_load_explicit(&coming[id.slot], memory_order_acquire)
			!= id.generation);
}

static void read_once(unsigned *seed)
{
	uint32_t slot = 1 + (uint32_t)rand_r(seed) % SLOTS;
	uint32_t generation = atomic_load_explicit(&coming[slot], memory_order_acquire);
	struct flow_id id = {.edge = 1, .slot = slot, .generation = generation};

	read_gone(id);
	read_rows(uak_of(slot, generation));
	read_flow(id);
	read_source(slot);
}

static void *reader(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;
	uint64_t count = 0;

	urcu_qsbr_register_thread();
	pthread_barrier_wait(&start);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		for (unsigned i = 0; i < BURST; i++)
			read_once(&seed);
		count += BURST;
		publish_rest(table);
		urcu_qsbr_quiescent_state();
	}
	publish_rest(table);
	urcu_qsbr_unregister_thread();
	atomic_fetch_add(&lookups, count);
	return NULL;
}

static void write_once(uint32_t slot, uint32_t generation)
{
	struct flow_record record = {
		.id = {.edge = 1, .slot = slot, .generation = generation},
		.state = generation_is_live(generation) ? FLOW_LIVE : FLOW_GONE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.peer = peer_of(slot),
	};
	uint64_t uak = uak_of(slot, generation);

	if (record.state == FLOW_LIVE)
		record.rows[record.row_count++] =
			(struct row){.uak = uak, .contact = uak + 1, .expires_at_s = UINT32_MAX};
	atomic_store_explicit(&coming[slot], generation, memory_order_release);
	check(flow_table_put(table, &record, generation) == 0);
	record.rows[0].committed_at_ms = generation; // a refresh in place
	check(flow_table_put(table, &record, generation) == 0);
}

static void race(uint32_t changes)
{
	pthread_barrier_wait(&start);
	for (uint32_t i = 1; i <= changes; i++) {
		write_once(1 + (i * 7) % SLOTS, i);
		if (i % 16 == 0)
			flow_table_reclaim(table);
	}
	atomic_store(&over, true);
}

int main(int argc, char **argv)
{
	// So few rows that they are used again at once.
	const struct flow_limits limits = {.own_flows = SLOTS, .peer_flows = 1, .rows = SLOTS + 16};
	uint32_t changes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : CHANGES;
	pthread_t threads[READERS];

	urcu_qsbr_register_thread();
	table = flow_table_new(1, &limits);
	if (table == NULL || pthread_barrier_init(&start, NULL, READERS + 1) != 0)
		return 2;
	for (uintptr_t i = 0; i < READERS; i++)
		if (pthread_create(&threads[i], NULL, reader, (void *)(i + 1)) != 0)
			return 2;
	race(changes);
	urcu_qsbr_thread_offline();
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	urcu_qsbr_thread_online();
	flow_table_free(table);
	urcu_qsbr_unregister_thread();
	printf("race_flows: %u changes against %llu lookups that met %llu rows and flows: %llu "
	       "faults\n",
		changes, (unsigned long long)lookups, (unsigned long long)met,
		(unsigned long long)faults);
	return faults == 0 && met > 0 ? 0 : 1;
}
