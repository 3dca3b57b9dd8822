// Connections of a proxy: what comes and goes by them, and to whom.

#include "trunks_fixture.h"

TestSuite(trunks, .init = setup, .fini = teardown, .timeout = 60);

Test(trunks, messages_are_cut_out_wherever_they_are_split_and_a_ping_is_answered)
{
	int fd = plain_connect(&near);

	plain_write(fd, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "\r\n"));
	for (size_t split = 1; split < sizeof(OPTIONS) - 1; split += 7) {
		unsigned before = near.messages;
		cr_assert(eq(sz, (size_t)write(fd, OPTIONS, split), split));
		run_for(2);
		plain_write(fd, OPTIONS + split);
		plain_write(fd, OPTIONS);
		wait_for(&near.messages, before + 2);
		cr_assert(eq(sz, near.length, sizeof(OPTIONS) - 1));
	}
	cr_assert(eq(uint, near.from.transport, TRANSPORT_TCP));
	cr_assert(not(near.from.opened));
	close(fd);
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_PEER));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 0));
}

Test(trunks, an_answer_goes_by_the_connection_and_by_none_that_has_closed)
{
	int fd = plain_connect(&near);

	plain_write(fd, OPTIONS);
	wait_for(&near.messages, 1);
	cr_assert(trunks_send(near.trunks, near.from.id, SPAN("SIP/2.0 200 OK\r\n\r\n")));
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 200 OK\r\n\r\n"));
	close(fd);
	wait_for(&near.closed, 1);
	cr_assert(not(trunks_send(near.trunks, near.from.id, SPAN("SIP/2.0 200 OK\r\n\r\n"))));
}

Test(trunks, a_message_that_does_not_say_where_it_ends_is_refused_and_the_connection_ends)
{
	int fd = plain_connect(&near);

	plain_write(fd, HEAD "\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 4xx\r\n\r\n"));
	cr_assert(eq(uint, near.refused, 400));
	wait_for(&near.closed, 1);
	cr_assert(eq(str, (char *)plain_read(fd), ""));
	close(fd);
	fd = plain_connect(&near);
	plain_write(fd, HEAD "Content-Length: 70000\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 4xx\r\n\r\n"));
	cr_assert(eq(uint, near.refused, 513));
	wait_for(&near.closed, 2);
	close(fd);
	fd = plain_connect(&near);
	plain_write(fd, "GET / HTTP/1.1\r\nHost: core.test\r\n\r\n");
	wait_for(&near.closed, 3);
	cr_assert(eq(int, near.end, TRUNK_END_UNREADABLE));
	close(fd);
}

Test(trunks, one_connection_to_an_address_carries_what_is_sent_before_it_stands_and_after)
{
	const struct endpoint *peer = &far.listeners[0].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TCP, SPAN("edge.test"));

	cr_assert(ne(u64, id, 0));
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	cr_assert(eq(u64, trunks_reach(near.trunks, peer, TRANSPORT_TCP, SPAN("edge.test")), id));
	// Both ways.
	cr_assert(trunks_send(far.trunks, far.from.id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.messages, 1);
	cr_assert(eq(u64, near.from.id, id));
	cr_assert(near.from.opened);
	cr_assert(eq(uint, trunks_count(far.trunks)->open, 1));
}

Test(trunks, a_large_message_passes_in_pieces)
{
	static char large[TEXT_MAX];
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[1].address, TRANSPORT_TLS, SPAN("edge.test"));
	int head = snprintf(large, sizeof(large), HEAD "Content-Length: 60000\r\n\r\n");

	memset(large + head, 'x', 60000);
	cr_assert(trunks_send(near.trunks, id, span_of(large, (size_t)head + 60000)));
	wait_for(&far.messages, 1);
	cr_assert(eq(sz, far.length, (size_t)head + 60000));
	cr_assert(eq(int, memcmp(far.text, large, far.length), 0));
}

Test(trunks, where_nobody_listens_is_told_at_once)
{
	struct endpoint nobody = far.listeners[0].address;
	int deaf;

	nobody.port = port_take(&deaf);
	uint64_t id = trunks_reach(near.trunks, &nobody, TRANSPORT_TCP, SPAN("edge.test"));
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_REFUSED));
	cr_assert(eq(u64, near.gone, id));
	cr_assert(
		ne(u64, trunks_reach(near.trunks, &nobody, TRANSPORT_TCP, SPAN("edge.test")), id));
	close(deaf);
}

Test(trunks, tls_is_written_to_whom_it_is_meant_for_and_to_nobody_else)
{
	const struct endpoint *peer = &far.listeners[1].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test"));

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	cr_assert(eq(uint, far.from.transport, TRANSPORT_TLS));
	cr_assert(eq(u64, trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test")), id));
	uint64_t other = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("other.test"));
	cr_assert(ne(u64, other, id));
	cr_assert(trunks_send(near.trunks, other, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_STRANGER));
	cr_assert(eq(u64, near.gone, other));
	run_for(50);
	cr_assert(eq(uint, far.messages, 1));
}

Test(trunks, an_alias_holds_where_both_have_proven_who_they_are)
{
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[1].address, TRANSPORT_TLS, SPAN("edge.test"));
	struct endpoint back = near.listeners[1].address;

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	uint64_t came = far.from.id;
	trunks_alias(far.trunks, came, back.port);
	cr_assert(eq(u64, trunks_reach(far.trunks, &back, TRANSPORT_TLS, SPAN("edge.test")), came));
	cr_assert(
		ne(u64, trunks_reach(far.trunks, &back, TRANSPORT_TLS, SPAN("other.test")), came));
}

Test(trunks, without_certificates_there_is_no_alias)
{
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[0].address, TRANSPORT_TCP, SPAN("edge.test"));
	const struct endpoint *back = &near.listeners[0].address;

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	trunks_alias(far.trunks, far.from.id, back->port);
	cr_assert(ne(u64, trunks_reach(far.trunks, back, TRANSPORT_TCP, SPAN("edge.test")),
		far.from.id));
}

Test(trunks, new_certificates_leave_connections_alone)
{
	const struct endpoint *peer = &far.listeners[1].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test"));

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	trunks_set_tls(far.trunks, certificates());
	trunks_set_tls(near.trunks, certificates());
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 2);
	cr_assert(eq(uint, near.closed + far.closed, 0));
}
