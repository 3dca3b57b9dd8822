// race_flows.c: readers walk and look up while the keeper puts, removes and reclaims as fast as it can.
//
// Every row of a flow carries uak = slot * 1000000 + generation and contact = uak + 1, so a reader can tell that what it holds
// belongs together: a row that was freed or filled anew under its hands shows. A plain program, so that TSan can watch it.

#include "../../dataplane/table/flows.h"

#include <weir/side.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SLOTS = 64,
	READERS = 2,
	GENERATIONS = 5000,
};

static struct flow_table *table;
static _Atomic uint32_t newest[SLOTS + 1]; // generation last put, by slot
static _Atomic bool over;
static pthread_barrier_t start; // the race begins when all are there
static _Atomic uint64_t lookups;
static _Atomic uint64_t faults;

static uint64_t uak_of(uint32_t slot, uint32_t generation)
{
	return (uint64_t)slot * 1000000 + generation;
}

static void check_row(const struct flow_row *row, uint64_t uak)
{
	if (row->row.uak != uak || row->row.contact != uak + 1
		|| uak_of(row->flow->id.slot, row->flow->id.generation) != uak
		|| row->flow->peer.port != row->flow->id.slot)
		atomic_fetch_add(&faults, 1);
}

static void read_once(unsigned *seed)
{
	uint32_t slot = 1 + (uint32_t)rand_r(seed) % SLOTS;
	uint32_t generation = atomic_load_explicit(&newest[slot], memory_order_relaxed);
	uint64_t uak = uak_of(slot, generation);
	struct flow_walk walk;

	for (const struct flow_row *row = flow_rows_by_uak(table, uak, &walk); row != NULL;
		row = flow_rows_next(&walk))
		check_row(row, uak);
	const struct flow *flow = flow_find(
		table, (struct flow_id){.edge = 1, .slot = slot, .generation = generation});
	if (flow != NULL && (flow->id.generation != generation || flow->peer.port != slot))
		atomic_fetch_add(&faults, 1);
}

static void *reader(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;
	uint64_t count = 0;

	urcu_qsbr_register_thread();
	pthread_barrier_wait(&start);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		for (unsigned i = 0; i < 32; i++)
			read_once(&seed);
		count += 32;
		urcu_qsbr_quiescent_state();
	}
	urcu_qsbr_unregister_thread();
	atomic_fetch_add(&lookups, count);
	return NULL;
}

static void write_once(uint32_t slot, uint32_t generation)
{
	struct flow_record record = {
		.id = {.edge = 1, .slot = slot, .generation = generation},
		.state = generation % 3 == 0 ? FLOW_GONE : FLOW_LIVE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.peer = {.address = {203, 0, 113, 1},
			.port = (uint16_t)slot,
			.family = ENDPOINT_V4},
	};
	uint64_t uak = uak_of(slot, generation);

	if (record.state == FLOW_LIVE)
		record.rows[record.row_count++] = (struct row){.uak = uak, .contact = uak + 1};
	if (flow_table_put(table, &record, generation) != 0)
		atomic_fetch_add(&faults, 1);
	atomic_store_explicit(&newest[slot], generation, memory_order_relaxed);
}

int main(void)
{
	const struct flow_limits limits = {.own_flows = SLOTS, .peer_flows = 1, .rows = SLOTS * 4};
	pthread_t threads[READERS];

	urcu_qsbr_register_thread();
	table = flow_table_new(1, &limits);
	if (table == NULL || pthread_barrier_init(&start, NULL, READERS + 1) != 0)
		return 2;
	for (uintptr_t i = 0; i < READERS; i++)
		if (pthread_create(&threads[i], NULL, reader, (void *)(i + 1)) != 0)
			return 2;
	pthread_barrier_wait(&start);
	for (uint32_t i = 1; i <= GENERATIONS; i++) {
		write_once(1 + i % SLOTS, i);
		if (i % 16 == 0)
			flow_table_reclaim(table);
	}
	atomic_store(&over, true);
	urcu_qsbr_thread_offline();
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	urcu_qsbr_thread_online();
	flow_table_free(table);
	urcu_qsbr_unregister_thread();
	printf("race_flows: %llu lookups against %d changes, %llu faults\n",
		(unsigned long long)lookups, GENERATIONS, (unsigned long long)faults);
	return faults == 0 && lookups > 0 ? 0 : 1;
}
