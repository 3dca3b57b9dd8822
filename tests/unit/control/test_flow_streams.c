// Flows of connections: live while they are open, and not a moment longer.

#include "flow_fixture.h"

static void setup(void)
{
	open_book(200, 800);
}

TestSuite(flow_streams, .init = setup, .fini = close_book);

static struct flow_source stream_of(uint32_t number, uint16_t port)
{
	struct flow_source source = source_of(number, port);

	source.listener = 6;
	source.transport = TRANSPORT_TCP;
	source.thread = 3;
	return source;
}

static struct flow_id open_stream(struct flow_source source)
{
	struct flow_id id = {0};

	cr_assert(eq(int, flow_book_open_stream(book, &source, now, &id), FLOW_OK));
	return id;
}

Test(flow_streams, are_live_without_a_row_and_say_which_thread_carries_them)
{
	struct flow_id id = open_stream(stream_of(1, 40000));
	struct flow_record record = record_of(id);

	cr_assert(eq(int, record.state, FLOW_LIVE));
	cr_assert(eq(int, record.row_count, 0));
	cr_assert(eq(int, record.transport, TRANSPORT_TCP));
	cr_assert(eq(int, record.thread, 3));
	cr_assert(eq(u32, usage().live, 1));
	pass_ms(86400000);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_streams, stay_live_when_their_rows_expire_or_are_removed)
{
	struct flow_id id = open_stream(stream_of(1, 40000));

	cr_assert(eq(int, commit(id, 7, 1), FLOW_OK));
	flow_book_remove(book, id, 7, 1, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	cr_assert(eq(int, commit(id, 7, 1), FLOW_OK));
	pass_ms((EXPIRES_S + 10) * 1000ull);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	cr_assert(eq(int, record_of(id).row_count, 0));
	pass_ms(FLOW_LINGER_MS + 10000ull);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

// A core's proxy may come from the very port that we have connected to.
Test(flow_streams, that_we_opened_are_not_those_that_come_from_there)
{
	struct flow_source ours = stream_of(1, 5060);
	struct flow_source theirs = ours;

	ours.outgoing = true;
	struct flow_id first = open_stream(ours);
	struct flow_id came = open_stream(theirs);
	struct flow_id second = open_stream(ours);

	cr_assert(eq(int, state_of(first), FLOW_LIVE));
	cr_assert(eq(int, state_of(came), FLOW_LIVE));
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
	flow_book_close_stream(book, first, now);
	cr_assert(eq(int, state_of(first), FLOW_GONE));
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
	// One that comes anew from the same port has closed before.
	(void)open_stream(theirs);
	cr_assert(eq(int, state_of(came), FLOW_GONE));
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
}

Test(flow_streams, end_with_all_their_rows_when_they_close)
{
	struct flow_id id = open_stream(stream_of(1, 40000));
	struct flow_id unused;

	cr_assert(eq(int, commit(id, 7, 1), FLOW_OK));
	cr_assert(eq(int, commit(id, 8, 1), FLOW_OK));
	cr_assert(eq(int, flow_book_find_stream(book, id.slot, id.generation, &unused), FLOW_OK));
	flow_book_close_stream(book, id, now);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
	cr_assert(eq(u32, usage().rows, 0));
	cr_assert(eq(u32, usage().live, 0));
	cr_assert(eq(
		int, flow_book_find_stream(book, id.slot, id.generation, &unused), FLOW_UNKNOWN));
	flow_book_close_stream(book, id, now);
	cr_assert(eq(u32, usage().held, 0));
}

Test(flow_streams, are_not_ended_as_connections_when_they_are_udp)
{
	struct flow_id id = enrol(source_of(1, 5060), 7, 1);

	flow_book_close_stream(book, id, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_streams, replace_one_whose_end_was_not_heard_yet)
{
	struct flow_id first = open_stream(stream_of(1, 40000));
	struct flow_id second = open_stream(stream_of(1, 40000));

	cr_assert(eq(int, state_of(first), FLOW_GONE));
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
	flow_book_close_stream(book, first, now);
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
}

Test(flow_streams, need_no_reservation_and_are_refused_when_there_is_no_slot)
{
	struct flow_id id;
	struct flow_source source = stream_of(1000, 1);

	for (uint32_t i = 1; i <= 200; i++)
		open_stream(stream_of(i, 40000));
	cr_assert(eq(int, flow_book_open_stream(book, &source, now, &id), FLOW_FULL));
	cr_assert(eq(u64, usage().refused[FLOW_FULL], 1));
	cr_assert(eq(u32, usage().reserved, 0));
}

Test(flow_streams, are_not_restored)
{
	struct flow_record record = {.id = {EDGE, 5, START_S - 100},
		.state = FLOW_LIVE,
		.transport = TRANSPORT_TCP,
		.peer = source_of(1, 1).peer};

	flow_book_restore(book, &record, 0, now);
	cr_assert(eq(u32, usage().held, 0));
}
