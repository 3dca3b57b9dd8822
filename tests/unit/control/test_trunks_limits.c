// What bounds the connections of a proxy.

#include "trunks_fixture.h"

#include <sys/resource.h>

TestSuite(trunks_limits, .init = setup, .fini = teardown, .timeout = 60);

static void open_with(struct proxy_side *side)
{
	trunks_close(side->trunks);
	side_open(side);
}

Test(trunks_limits, a_source_has_so_many_connections_and_no_more)
{
	limits.per_source = 2;
	open_with(&near);
	int first = plain_connect(&near), second = plain_connect(&near);
	int third = plain_connect(&near);

	cr_assert(eq(str, (char *)plain_read(third), ""));
	cr_assert(eq(u64, trunks_count(near.trunks)->turned_away, 1));
	plain_write(second, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(second), "\r\n"));
	close(first);
	wait_for(&near.closed, 1);
	close(third);
	third = plain_connect(&near);
	plain_write(third, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(third), "\r\n"));
	close(second);
	close(third);
}

static uint64_t reach(uint16_t port)
{
	const struct endpoint peer = {
		.family = ENDPOINT_V4, .address = {127, 0, 0, 1}, .port = port};

	return trunks_reach(near.trunks, &peer, TRANSPORT_TCP, SPAN("edge.test"));
}

// Who names ever other ports of a host in requests has no connection opened to each.
Test(trunks_limits,
	to_a_host_so_many_connections_are_opened_and_those_who_come_are_taken_all_the_same)
{
	uint16_t port[3];
	int ears[3];

	limits.per_source = 2;
	open_with(&near);
	for (unsigned i = 0; i < 3; i++) {
		port[i] = port_take(&ears[i]);
		cr_assert(eq(int, listen(ears[i], 1), 0));
	}
	uint64_t first = reach(port[0]);
	cr_assert(ne(u64, first, 0));
	cr_assert(ne(u64, reach(port[1]), 0));
	cr_assert(eq(u64, reach(port[2]), 0));
	cr_assert(eq(u64, reach(port[0]), first));
	int came = plain_connect(&near);

	plain_write(came, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(came), "\r\n"));
	close(ears[0]);
	wait_for(&near.closed, 1);
	cr_assert(ne(u64, reach(port[2]), 0));
	close(came);
	close(ears[1]);
	close(ears[2]);
}

Test(trunks_limits, all_the_connections_that_there_may_be_can_have_a_descriptor)
{
	struct rlimit limit;

	cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
	limit.rlim_cur = 300;
	limit.rlim_max = 1000;
	cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &limit), 0));
	limits.connections = 50;
	open_with(&near);
	cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
	cr_assert(ge(u64, limit.rlim_cur, 350));
	limits.connections = 100000;
	open_with(&near);
	cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
	cr_assert(eq(u64, limit.rlim_cur, 1000));
}

Test(trunks_limits, who_sends_no_message_in_time_or_no_more_of_it_is_cut)
{
	limits.first_ms = 700;
	limits.header_ms = 700;
	open_with(&near);
	int idle = plain_connect(&near), slow = plain_connect(&near), good = plain_connect(&near);

	plain_write(good, OPTIONS);
	plain_write(slow, OPTIONS);
	wait_for(&near.messages, 2);
	plain_write(slow, "OPTIONS sip:core.test SIP/2.0\r\n");
	wait_for(&near.closed, 2);
	cr_assert(eq(u64, trunks_count(near.trunks)->ended[TRUNK_END_SLOW], 2));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 1));
	close(idle);
	close(slow);
	close(good);
}

Test(trunks_limits, who_has_shown_keep_alives_is_missed_earlier_than_who_has_not)
{
	limits.keepalive_ms = 700;
	open_with(&near);
	int quiet = plain_connect(&near), pinging = plain_connect(&near);

	plain_write(quiet, OPTIONS);
	plain_write(pinging, "\r\n\r\n");
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_SILENT));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 1));
	close(quiet);
	close(pinging);
}

Test(trunks_limits, who_does_not_read_is_closed_and_harms_nobody)
{
	static uint8_t octets[60000];
	int fd = plain_connect(&near);

	plain_write(fd, OPTIONS);
	wait_for(&near.messages, 1);
	for (unsigned i = 0; i < 1000 && trunks_have(near.trunks, near.from.id); i++) {
		(void)!trunks_send(near.trunks, near.from.id, span_of(octets, sizeof(octets)));
		if (i % 8 == 0)
			run_for(1);
	}
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_STALLED));
	close(fd);
}

Test(trunks_limits, who_is_not_to_be_heard_is_turned_away)
{
	static struct prefix others;

	cr_assert(prefix_parse(SPAN("192.0.2.0/24"), &others));
	allowed = &others;
	open_with(&near);
	allowed = NULL;
	int fd = plain_connect(&near);

	cr_assert(eq(str, (char *)plain_read(fd), ""));
	cr_assert(eq(u64, trunks_count(near.trunks)->turned_away, 1));
	close(fd);
}
