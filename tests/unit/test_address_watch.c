// test_address_watch.c: the kernel has an address or not, and the keeper and its workers know it. Each test in a network namespace of its own.

#include "clock.h"
#include "netlink.h"
#include "plane_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PATIENCE_MS = 5000,
	COMMAND_MAX = 256,
};

static struct mnl_socket *questions;

__attribute__((format(printf, 1, 2))) static void ip(const char *format, ...)
{
	char command[COMMAND_MAX] = "ip ";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, arguments);
	va_end(arguments);
	cr_assert(eq(int, system(command), 0), "%s", command);
}

static void space_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("no right to make a network namespace: 1 test skipped");
	ip("link set lo up");
	cr_assert(eq(int, netlink_open(&questions), 0));
}

static void space_leave(void)
{
	mnl_socket_close(questions);
}

static bool is_local(const char *text)
{
	const struct endpoint address = fake_endpoint(text);
	bool local;

	cr_assert(eq(int, netlink_ask_local(questions, &address, &local), 0));
	return local;
}

// The kernel enters a new IPv6 address into its tables a moment after it has said that it is there.
static bool becomes_local(const char *text)
{
	for (unsigned i = 0; i < 2000 && !is_local(text); i++)
		usleep(1000);
	return is_local(text);
}

TestSuite(address_question, .init = space_enter, .fini = space_leave, .timeout = 60);

Test(address_question, an_address_of_this_host_is_local_as_long_as_it_has_it)
{
	cr_assert(is_local("127.0.0.1:1"));
	cr_assert(is_local("127.9.9.9:1"));
	cr_assert(is_local("[::1]:1"));
	cr_assert(not(is_local("192.0.2.1:1")));
	cr_assert(not(is_local("[2001:db8::1]:1")));
	ip("address add 192.0.2.1/32 dev lo");
	ip("address add 2001:db8::1/128 dev lo");
	cr_assert(is_local("192.0.2.1:1"));
	cr_assert(becomes_local("[2001:db8::1]:1"));
	ip("address del 192.0.2.1/32 dev lo");
	ip("address del 2001:db8::1/128 dev lo");
	cr_assert(not(is_local("192.0.2.1:1")));
	cr_assert(not(is_local("[2001:db8::1]:1")));
}

Test(address_question, a_network_that_the_host_holds_whole_is_local)
{
	ip("route add local 198.51.100.0/24 dev lo");
	cr_assert(is_local("198.51.100.77:1"));
}

Test(address_question, what_others_are_asked_for_is_not_local)
{
	ip("link add dev0 type veth peer name far0");
	ip("link set dev0 up");
	ip("address add 192.0.2.10/24 dev dev0");
	cr_assert(is_local("192.0.2.10:1"));
	cr_assert(not(is_local("192.0.2.11:1")));
	cr_assert(not(is_local("192.0.2.255:1")));
}

static void dataplane_start(void)
{
	space_enter();
	plane_lab_takeover = true;
	plane_lab_start();
}

static void dataplane_stop(void)
{
	plane_lab_stop();
	space_leave();
}

TestSuite(address_watch, .init = dataplane_start, .fini = dataplane_stop, .timeout = 60);

// Of the access listener; what is said of others is passed over.
static bool await_here(bool here)
{
	struct link_event_address event;

	while (fake_await_event(
		&lab.control, LINK_EVENT_ADDRESS, &event, sizeof(event), PATIENCE_MS))
		if (event.listener == FAKE_ACCESS)
			return event.here == here;
	return false;
}

static void options_feed(void)
{
	plane_lab_feed(FAKE_ACCESS, "198.51.100.7:5060",
		SPAN("OPTIONS sip:edge1.example.net SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;rport\r\n"
		     "Max-Forwards: 70\r\nFrom: <sip:a@example.net>;tag=f\r\n"
		     "To: <sip:edge1.example.net>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"));
}

Test(address_watch, an_address_that_leaves_is_answered_from_no_more_until_it_is_back)
{
	struct io_memory_sent sent;

	cr_assert(await_here(true));
	options_feed();
	cr_assert(ne(ptr, (void *)plane_lab_await_sent(&sent), NULL));
	ip("address del 127.0.0.1/8 dev lo");
	cr_assert(await_here(false));
	options_feed();
	cr_assert(plane_lab_await_count(VERDICT_ADDRESS_AWAY, 1));
	ip("address add 127.0.0.1/8 dev lo");
	cr_assert(await_here(true));
	options_feed();
	cr_assert(ne(ptr, (void *)plane_lab_await_sent(&sent), NULL));
	cr_assert(eq(u64, plane_lab_count(VERDICT_ADDRESS_AWAY), 1));
}

Test(address_watch, peer_listeners_do_not_move)
{
	struct link_event_address event;

	cr_assert(await_here(true));
	ip("address del 127.0.0.1/8 dev lo");
	while (fake_await_event(&lab.control, LINK_EVENT_ADDRESS, &event, sizeof(event), 1500))
		cr_assert(event.listener == FAKE_ACCESS || event.listener == FAKE_CORE);
	cr_assert(address_is_here(&lab.plane->addresses, FAKE_PEER));
	cr_assert(address_is_here(&lab.plane->addresses, FAKE_STREAM));
}

Test(address_watch, the_next_control_is_told_anew)
{
	cr_assert(await_here(true));
	plane_lab_disconnect();
	ip("address del 127.0.0.1/8 dev lo");
	plane_lab_connect();
	cr_assert(await_here(false));
}

Test(address_watch, phones_are_not_called_silent_for_an_address_that_is_elsewhere)
{
	const struct flow_id id = {1, 1, 1700000000};
	struct flow_record record = {.id = id,
		.state = FLOW_LIVE,
		.listener = FAKE_ACCESS,
		.transport = TRANSPORT_UDP,
		.flags = FLOW_KEEPALIVE_SHOWN,
		.peer = fake_endpoint("198.51.100.7:5060")};
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	size_t length = flow_record_encode(&record, octets);
	struct link_event_life life;

	cr_assert(await_here(true));
	ip("address del 127.0.0.1/8 dev lo");
	cr_assert(await_here(false));
	fake_await_applied(&lab.control, fake_record(&lab.control, LINK_FLOW, octets, length));
	urcu_qsbr_register_thread();
	// As if it had said nothing for a minute.
	const struct flow *flow = flow_find(lab.plane->flows, id);
	flow_hear(flow, true, clock_us() / 1000 - 60000);
	urcu_qsbr_thread_offline();
	cr_assert(not(fake_await_event(&lab.control, LINK_EVENT_LIFE, &life, sizeof(life), 2500)));
	urcu_qsbr_thread_online();
	cr_assert(eq(int, flow_check(lab.plane->flows, id), FLOW_LIVE));
	urcu_qsbr_unregister_thread();
}
