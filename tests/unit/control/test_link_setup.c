// test_link_setup.c: control brings a dataplane up, in the order of weir/link.h, and refuses what does not follow it.

#include "link_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(link_setup, .init = link_setup, .fini = link_teardown, .timeout = 30);

static ino_t inode(int fd)
{
	struct stat status;

	cr_assert(eq(int, fstat(fd, &status), 0));
	return status.st_ino;
}

static void assert_bound(int fd, const struct link_listener *listener)
{
	struct sockaddr_in at;
	socklen_t length = sizeof(at);

	cr_assert(eq(int, getsockname(fd, (struct sockaddr *)&at, &length), 0));
	cr_assert(eq(int, ntohs(at.sin_port), listener->address.port));
}

Test(link_setup, sets_a_dataplane_up_in_the_order_of_the_link)
{
	struct link_config config;

	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	memcpy(&config, plane.packet.payload, sizeof(config));
	cr_assert(eq(u32, config.workers, FAKE_WORKERS));
	cr_assert(eq(u32, config.rows_max, 400));
	cr_assert(eq(int, config.edge, 7));
	for (unsigned i = 0; i < LISTENERS; i++) {
		fake_expect(&plane, LINK_LISTENER);
		cr_assert(eq(
			int, memcmp(plane.packet.payload, &listeners[i], sizeof(listeners[i])), 0));
		cr_assert(eq(u32, plane.packet.descriptor_count, FAKE_WORKERS));
		for (unsigned worker = 0; worker < FAKE_WORKERS; worker++)
			assert_bound(plane.packet.descriptors[worker], &listeners[i]);
		setup_close(&plane.packet);
	}
	fake_expect(&plane, LINK_START);
	cr_assert(not(link_client_is_up(client)));
	fake_up(&plane);
	fake_wait(&plane, &heard.ups, 1);
	cr_assert(link_client_is_up(client));
	cr_assert(eq(uint, link_client_workers(client), FAKE_WORKERS));
}

static void setup_devices(void)
{
	device_count = DEVICES;
	link_setup();
	listeners[1].driver = LINK_DRIVER_DPDK;
	listeners[1].device = 1;
}

TestSuite(link_devices, .init = setup_devices, .fini = link_teardown, .timeout = 30);

Test(link_devices, brings_devices_before_listeners)
{
	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	for (unsigned i = 0; i < DEVICES; i++) {
		fake_expect(&plane, LINK_DEVICE);
		cr_assert(
			eq(int, memcmp(plane.packet.payload, &devices[i], sizeof(devices[i])), 0));
	}
	for (unsigned i = 0; i < LISTENERS; i++) {
		fake_expect(&plane, LINK_LISTENER);
		cr_assert(eq(u32, plane.packet.descriptor_count, FAKE_WORKERS));
		setup_close(&plane.packet);
	}
	fake_expect(&plane, LINK_START);
}

static const struct endpoint NOT_HERE = {
	.address = {192, 0, 2, 77}, .port = 5060, .family = ENDPOINT_V4};

Test(link_devices, binds_guard_sockets_of_an_address_that_a_tap_will_bring)
{
	struct sockaddr_in at;
	socklen_t length = sizeof(at);

	listeners[1].address = NOT_HERE;
	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	for (unsigned i = 0; i < DEVICES; i++)
		fake_expect(&plane, LINK_DEVICE);
	for (unsigned i = 0; i < LISTENERS; i++)
		fake_expect(&plane, LINK_LISTENER);
	cr_assert(eq(
		int, getsockname(plane.packet.descriptors[0], (struct sockaddr *)&at, &length), 0));
	cr_assert(eq(u32, ntohl(at.sin_addr.s_addr), 0xc000024d));
}

Test(link_devices, refuses_an_address_that_nothing_brings_and_tells_its_owner)
{
	listeners[1].address = NOT_HERE;
	listeners[1].device = 0; // the kernel has its interface
	fake_greet(&plane, LINK_ABI, false);
	fake_turn(&plane, 20);
	cr_assert(eq(int, heard.fault.kind, LINK_FAULT_BIND));
	cr_assert(eq(int, heard.fault.status, -EADDRNOTAVAIL));
	cr_assert(eq(int, heard.fault.listener, 1));
}

static void setup_takeover(void)
{
	link_takeover = true;
	link_setup();
}

TestSuite(link_takeover, .init = setup_takeover, .fini = link_teardown, .timeout = 30);

Test(link_takeover, binds_addresses_that_may_come_later)
{
	struct sockaddr_in at;
	socklen_t length = sizeof(at);

	listeners[0].address = NOT_HERE;
	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	fake_expect(&plane, LINK_LISTENER);
	cr_assert(eq(
		int, getsockname(plane.packet.descriptors[0], (struct sockaddr *)&at, &length), 0));
	cr_assert(eq(u32, ntohl(at.sin_addr.s_addr), 0xc000024d));
}

Test(link_takeover, binds_no_peer_listener_that_is_not_here)
{
	listeners[0].address = NOT_HERE;
	listeners[0].side = SIDE_PEER;
	fake_greet(&plane, LINK_ABI, false);
	fake_turn(&plane, 20);
	cr_assert(eq(int, heard.fault.kind, LINK_FAULT_BIND));
	cr_assert(eq(int, heard.fault.status, -EADDRNOTAVAIL));
}

Test(link_devices, names_the_listener_on_a_device_that_the_dataplane_refuses)
{
	struct link_failed failed = {
		.error = ENODEV, .listener = 0xff, .device = 1, .what = "no such card"};
	const char *what;
	int listener;

	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	fake_send(&plane, LINK_FAILED, &failed, sizeof(failed));
	fake_turn(&plane, 20);
	cr_assert(eq(int, link_client_fault(client, &listener, &what), -ENODEV));
	cr_assert(eq(int, listener, 1));
	cr_assert(eq(str, (char *)what, "no such card"));
	cr_assert(eq(int, heard.fault.kind, LINK_FAULT_DEVICE));
	cr_assert(eq(int, heard.fault.listener, 1));
}

Test(link_devices, goes_on_with_a_dataplane_of_other_devices_and_says_so)
{
	struct link_device other = devices[1];

	other.exception = LINK_EXCEPTION_NONE;
	fake_greet(&plane, LINK_ABI, true);
	fake_send(&plane, LINK_DEVICE, &devices[0], sizeof(devices[0]));
	fake_turn(&plane, 20);
	cr_assert(not(link_was_said("event=link-device")));
	fake_send(&plane, LINK_DEVICE, &other, sizeof(other));
	fake_send(&plane, LINK_START, NULL, 0);
	fake_expect(&plane, LINK_START);
	fake_up(&plane);
	fake_wait(&plane, &heard.ups, 1);
	cr_assert(link_was_said("event=link-device index=1"));
}

// A dataplane that runs, with sockets of its own for the first `count` listeners.
static void run_with(unsigned count, unsigned workers, int (*sockets)[FAKE_WORKERS])
{
	fake_greet(&plane, LINK_ABI, true);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned worker = 0; worker < workers; worker++)
			sockets[i][worker] = link_socket_bind(&listeners[i].address.port);
		cr_assert(eq(int,
			setup_send(plane.socket, LINK_LISTENER,
				span_of(&listeners[i], sizeof(listeners[i])), sockets[i], workers),
			0));
	}
	fake_send(&plane, LINK_START, NULL, 0);
	fake_expect(&plane, LINK_START);
	fake_up(&plane);
	fake_wait(&plane, &heard.ups, 1);
}

static void restart(int (*sockets)[FAKE_WORKERS])
{
	fake_die(&plane);
	fake_listen(&plane, base, link_path);
	fake_wait(&plane, &heard.downs, 1);
	fake_start(&plane, LISTENERS, sockets);
	fake_wait(&plane, &heard.ups, 2);
}

Test(link_setup, takes_the_sockets_of_a_running_dataplane_back_and_hands_them_to_the_next)
{
	int theirs[LISTENERS][FAKE_WORKERS];
	int next[LISTENERS][FAKE_WORKERS];

	run_with(LISTENERS, FAKE_WORKERS, theirs);
	restart(next);
	for (unsigned i = 0; i < LISTENERS; i++)
		for (unsigned worker = 0; worker < FAKE_WORKERS; worker++)
			cr_assert(inode(theirs[i][worker]) == inode(next[i][worker]));
}

Test(link_setup, opens_for_the_next_dataplane_what_the_last_one_ran_without)
{
	int theirs[LISTENERS][FAKE_WORKERS];
	int next[LISTENERS][FAKE_WORKERS];

	run_with(1, FAKE_WORKERS, theirs);
	restart(next);
	cr_assert(inode(theirs[0][0]) == inode(next[0][0]));
	assert_bound(next[1][1], &listeners[1]);
}

Test(link_setup, gives_every_worker_a_socket_after_a_dataplane_with_fewer)
{
	int theirs[LISTENERS][FAKE_WORKERS];
	int next[LISTENERS][FAKE_WORKERS];

	run_with(LISTENERS, 1, theirs);
	close(theirs[0][0]);
	close(theirs[1][0]);
	restart(next);
	assert_bound(next[0][1], &listeners[0]);
}

Test(link_setup, refuses_one_listener_handed_back_twice)
{
	int sockets[FAKE_WORKERS] = {link_socket_bind(&listeners[0].address.port),
		link_socket_bind(&listeners[0].address.port)};

	fake_greet(&plane, LINK_ABI, true);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(eq(int,
			setup_send(plane.socket, LINK_LISTENER,
				span_of(&listeners[0], sizeof(listeners[0])), sockets,
				FAKE_WORKERS),
			0));
	fake_turn(&plane, 20);
	cr_assert(link_was_said("event=link-refused"));
}

Test(link_setup, names_both_numbers_of_unequal_abis)
{
	char said[64];
	const char *what;
	int listener;

	fake_greet(&plane, LINK_ABI + 41, false);
	fake_turn(&plane, 20);
	snprintf(said, sizeof(said), "ours=%d dataplane=%d", LINK_ABI, LINK_ABI + 41);
	cr_assert(link_was_said(said));
	cr_assert(eq(int, link_client_fault(client, &listener, &what), -EPROTO));
	cr_assert(eq(int, listener, -1));
}

Test(link_setup, names_the_listener_whose_address_is_taken_and_opens_it_once_it_is_free)
{
	const char *what;
	int listener = -1;
	int stranger = link_socket_bind(&listeners[1].address.port);

	fake_greet(&plane, LINK_ABI, false);
	fake_turn(&plane, 20);
	cr_assert(eq(int, link_client_fault(client, &listener, &what), -EADDRINUSE));
	cr_assert(eq(int, listener, 1));
	cr_assert(eq(str, (char *)what, strerror(EADDRINUSE)));

	close(stranger);
	close(plane.socket);
	plane.socket = -1;
	fake_start(&plane, LISTENERS, NULL);
	fake_wait(&plane, &heard.ups, 1);
	cr_assert(eq(int, link_client_fault(client, &listener, &what), 0));
}

Test(link_setup, names_the_listener_that_the_dataplane_refuses_on_one_line)
{
	struct link_failed failed = {
		.error = ENODEV, .listener = 2, .what = "no \"such\"\nevent=forged"};
	const char *what;
	int listener;

	fake_greet(&plane, LINK_ABI, false);
	fake_expect(&plane, LINK_CONFIG);
	fake_send(&plane, LINK_FAILED, &failed, sizeof(failed));
	fake_turn(&plane, 20);
	cr_assert(eq(int, link_client_fault(client, &listener, &what), -ENODEV));
	cr_assert(eq(int, listener, 1));
	cr_assert(eq(str, (char *)what, "no ?such??event=forged"));
	cr_assert(not(link_was_said("\nevent=forged")));
}

Test(link_setup, refuses_a_failure_with_no_error_in_it)
{
	static const int errors[] = {0, INT32_MIN, INT32_MAX};
	const char *what;
	int listener;

	for (unsigned i = 0; i < 3; i++) {
		struct link_failed failed = {.error = errors[i], .listener = 0xff};
		fake_greet(&plane, LINK_ABI, false);
		fake_send(&plane, LINK_FAILED, &failed, sizeof(failed));
		fake_turn(&plane, 20);
		cr_assert(eq(int, link_client_fault(client, &listener, &what), -EPROTO));
		cr_assert(eq(int, listener, -1));
		close(plane.socket);
		plane.socket = -1;
	}
}

Test(link_setup, refuses_packets_out_of_their_order)
{
	fake_greet(&plane, LINK_ABI, true);
	fake_up(&plane);
	fake_turn(&plane, 20);
	cr_assert(link_was_said("event=link-refused"));
	cr_assert(eq(uint, heard.ups, 0));
}
