// flow_fixture.h: a flow book whose clock the test turns.

#pragma once

#include "flows/flow_book.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	EDGE = 1,
	START_S = 1800000000,
	EXPIRES_S = 3600,
	RESERVED_PER_NETWORK = 16,
};

static struct flow_book *book;
static struct flow_time now;
static struct prefix shared_network = {.address = {10, 9}, .family = ENDPOINT_V4, .length = 16};

static inline void pass_ms(uint64_t ms)
{
	now.now_ms += ms;
	now.wall_ms += ms;
	flow_book_tick(book, now);
}

static inline void open_book(uint32_t flows_max, uint32_t rows_max)
{
	struct flow_book_options options = {
		.edge = EDGE,
		.flows_max = flows_max,
		.rows_max = rows_max,
		.bounds = {.reserved_percent = 10,
			.reserved_per_network = RESERVED_PER_NETWORK,
			.shared = &shared_network,
			.shared_count = 1},
		.seed = 0x5eed,
	};
	now = (struct flow_time){.now_ms = 5000, .wall_ms = (uint64_t)START_S * 1000};
	book = flow_book_new(&options, now);
	cr_assert(ne(ptr, book, NULL));
	pass_ms(1000);
}

static inline void close_book(void)
{
	flow_book_free(book);
	book = NULL;
}

// A phone behind host 203.0.N.N.
static inline struct flow_source source_of(uint32_t number, uint16_t port)
{
	return (struct flow_source){
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.peer = {.address = {203, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				 (uint8_t)number},
			.port = port,
			.family = ENDPOINT_V4},
	};
}

static inline enum flow_result reserve_as(
	struct flow_source source, uint64_t uak, uint64_t place, bool first_hop, struct flow_id *id)
{
	struct flow_claim claim = {uak, place};

	return flow_book_reserve(book, &source, &claim, 1, first_hop, now, id);
}

static inline struct flow_id reserve(struct flow_source source, uint64_t uak)
{
	struct flow_id id = {0};

	cr_assert(eq(int, reserve_as(source, uak, uak, true, &id), FLOW_OK));
	return id;
}

static inline enum flow_result commit(struct flow_id id, uint64_t uak, uint32_t reg_id)
{
	struct flow_binding binding = {.uak = uak,
		.aor = uak + 1,
		.instance = uak + 2,
		.contact = uak + 3,
		.place = uak,
		.parent = uak,
		.reg_id = reg_id,
		.expires_s = EXPIRES_S};

	return flow_book_commit(book, id, &binding, now);
}

static inline struct flow_id enrol(struct flow_source source, uint64_t uak, uint32_t reg_id)
{
	struct flow_id id = reserve(source, uak);

	cr_assert(eq(int, commit(id, uak, reg_id), FLOW_OK));
	return id;
}

// The flow as it stands; state FLOW_GONE if it does not.
static inline struct flow_record record_of(struct flow_id id)
{
	struct flow_record record = {0};

	if (flow_book_next(book, id.slot - 1, &record) && flow_id_equal(record.id, id))
		return record;
	return (struct flow_record){.id = id, .state = FLOW_GONE};
}

static inline enum flow_state state_of(struct flow_id id)
{
	return (enum flow_state)record_of(id).state;
}

static inline struct flow_book_usage usage(void)
{
	struct flow_book_usage count;

	flow_book_count(book, &count);
	return count;
}
