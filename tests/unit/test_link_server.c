// test_link_server.c: the set-up with control, packet by packet, and what a hostile or dying one can do to it.

#include "fake_control.h"
#include "link_server.h"

#include <weir/setup.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static struct link_server *server;
static pthread_t thread;
static int stop;
static int ended; // what link_server_run() is to end with
static struct setup_packet packet; // the last one received
static struct sockaddr_in bound; // of the last socket made

static void *run(void *argument)
{
	(void)argument;
	cr_assert(eq(int, link_server_run(server, stop), ended));
	return NULL;
}

static void setup(void)
{
	snprintf(path, sizeof(path), "/tmp/weir-test-link-%d.sock", (int)getpid());
	stop = eventfd(0, EFD_CLOEXEC);
	cr_assert(eq(int, link_server_open(path, &server), 0));
	cr_assert(eq(int, pthread_create(&thread, NULL, run, NULL), 0));
}

static void teardown(void)
{
	(void)eventfd_write(stop, 1);
	pthread_join(thread, NULL);
	link_server_close(server);
	close(stop);
	cr_assert(eq(int, access(path, F_OK), -1));
}

TestSuite(link_server, .init = setup, .fini = teardown, .timeout = 60);

static int control_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	return fd;
}

static void put(
	int fd, uint16_t type, const void *payload, size_t length, int *sockets, uint32_t count)
{
	cr_assert(eq(int, setup_send(fd, type, span_of(payload, length), sockets, count), 0));
}

// Receives one packet of this type.
static void expect(int fd, uint16_t type)
{
	cr_assert(eq(int, setup_receive(fd, &packet), 1));
	cr_assert(eq(int, packet.type, type));
}

static void expect_failed(int fd, int error)
{
	struct link_failed failed;

	expect(fd, LINK_FAILED);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(eq(int, failed.error, error));
	cr_assert(ne(ptr, memchr(failed.what, 0, sizeof(failed.what)), NULL));
	cr_assert(ne(int, failed.what[0], 0));
}

static bool is_closed(int fd)
{
	struct pollfd polled = {fd, POLLIN, 0};

	return poll(&polled, 1, 5000) == 1 && setup_receive(fd, &packet) == 0;
}

static struct link_hello hello(int fd)
{
	const struct link_hello own = {.abi = LINK_ABI};
	struct link_hello theirs;

	put(fd, LINK_HELLO, &own, sizeof(own), NULL, 0);
	expect(fd, LINK_HELLO);
	memcpy(&theirs, packet.payload, sizeof(theirs));
	return theirs;
}

static void config_with(int fd, uint32_t workers)
{
	const struct link_config config = {.workers = workers,
		.flows_max = 16,
		.peer_flows_max = 16,
		.rows_max = 64,
		.edge = 1};

	put(fd, LINK_CONFIG, &config, sizeof(config), NULL, 0);
}

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(bound);
	int yes = 1;

	cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0));
	if (bound.sin_port == 0)
		bound = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&bound, sizeof(bound)), 0));
	cr_assert(eq(int, getsockname(fd, (struct sockaddr *)&bound, &length), 0));
	return fd;
}

// Sends a listener with fresh sockets of one port and closes them here.
static void listener_with(int fd, struct link_listener listener, uint32_t count)
{
	int sockets[LINK_WORKERS_MAX];

	bound.sin_port = 0;
	for (uint32_t i = 0; i < count; i++)
		sockets[i] = udp_socket();
	put(fd, LINK_LISTENER, &listener, sizeof(listener), sockets, count);
	for (uint32_t i = 0; i < count; i++)
		close(sockets[i]);
}

static struct link_listener listener_of(uint8_t id, uint8_t side)
{
	return (struct link_listener){.id = id,
		.side = side,
		.transport = TRANSPORT_UDP,
		.address = fake_endpoint("127.0.0.1:5060")};
}

static void up(int fd, uint32_t workers, struct fake_control *control)
{
	expect(fd, LINK_UP);
	cr_assert(eq(u32, packet.descriptor_count, 3 + workers));
	fake_attach(control, packet.descriptors[0], packet.descriptors[1], packet.descriptors[2],
		packet.descriptors[3]);
}

// A control that has come all the way up, with an access listener at `bound`.
static int control_up(uint32_t workers, struct fake_control *control)
{
	int fd = control_connect();
	struct link_hello theirs = hello(fd);

	cr_assert(eq(u32, theirs.running, 0));
	config_with(fd, workers);
	listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), workers);
	listener_with(fd, listener_of(FAKE_ACCESS, SIDE_ACCESS), workers);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	up(fd, workers, control);
	return fd;
}

// A phone of its own asks the edge behind `bound`; true if it is answered.
static bool edge_answers(void)
{
	static const char request[] =
		"OPTIONS sip:edge1.example.net SIP/2.0\r\nVia: SIP/2.0/UDP "
		"127.0.0.1;branch=z9hG4bK1\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n";
	const struct timeval limit = {2, 0};
	int phone = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char answer[1024];
	ssize_t length;

	cr_assert(eq(int, setsockopt(phone, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0));
	cr_assert(ge(long,
		sendto(phone, request, sizeof(request) - 1, 0, (struct sockaddr *)&bound,
			sizeof(bound)),
		1));
	length = recv(phone, answer, sizeof(answer), 0);
	close(phone);
	return length > 15 && memcmp(answer, "SIP/2.0 200 OK\r\n", 16) == 0;
}

Test(link_server, control_comes_up_and_phones_are_answered)
{
	struct fake_control control;
	int fd = control_up(2, &control);

	fake_teach(&control);
	for (unsigned i = 0; i < 8; i++)
		cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, forwarding_outlives_control_and_the_next_one_gets_the_sockets_back)
{
	struct fake_control control;
	int fd = control_up(2, &control);
	struct link_hello theirs;
	struct link_listener listener;

	fake_teach(&control);
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
	cr_assert(edge_answers());

	fd = control_connect();
	theirs = hello(fd);
	cr_assert(eq(u32, theirs.running, 1));
	cr_assert(gt(u64, theirs.incarnation, 0));
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_in address;
		socklen_t length = sizeof(address);

		expect(fd, LINK_LISTENER);
		memcpy(&listener, packet.payload, sizeof(listener));
		cr_assert(eq(int, listener.id, i == 0 ? FAKE_CORE : FAKE_ACCESS));
		cr_assert(eq(u32, packet.descriptor_count, 2));
		cr_assert(eq(int,
			getsockname(packet.descriptors[1], (struct sockaddr *)&address, &length),
			0));
		cr_assert(i == 0 || address.sin_port == bound.sin_port);
		setup_close(&packet);
	}
	expect(fd, LINK_START);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	up(fd, 2, &control);
	cr_assert(eq(u64, atomic_load(&control.region.shared->applied), 0));
	cr_assert(edge_answers());
	fake_teach(&control);
	cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, a_second_control_is_turned_away_and_the_first_keeps_its_link)
{
	struct fake_control control;
	int fd = control_up(1, &control);
	int second = control_connect();
	const struct link_hello own = {.abi = LINK_ABI};
	struct setup_packet first = packet;

	put(second, LINK_HELLO, &own, sizeof(own), NULL, 0);
	expect_failed(second, EBUSY);
	cr_assert(is_closed(second));
	fake_teach(&control);
	cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&first);
	close(second);
	close(fd);
}

Test(link_server, another_abi_is_refused_with_both_named)
{
	const struct link_hello own = {.abi = LINK_ABI + 1};
	struct link_failed failed;
	char numbers[64];
	int fd = control_connect();

	put(fd, LINK_HELLO, &own, sizeof(own), NULL, 0);
	expect(fd, LINK_HELLO);
	expect_failed(fd, EPROTO);
	memcpy(&failed, packet.payload, sizeof(failed));
	snprintf(numbers, sizeof(numbers), "ABI %d, weir-control %d:", LINK_ABI, LINK_ABI + 1);
	cr_assert(ne(ptr, (void *)strstr(failed.what, numbers), NULL));
	close(fd);
}

// A configuration that is refused; after it a good one comes up.
static void refuse_config(struct link_config config)
{
	struct fake_control control;
	int fd = control_connect();

	(void)hello(fd);
	put(fd, LINK_CONFIG, &config, sizeof(config), NULL, 0);
	expect_failed(fd, EINVAL);
	close(fd);
	fd = control_up(1, &control);
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, no_workers_are_refused)
{
	refuse_config((struct link_config){.flows_max = 1, .rows_max = 1, .edge = 1});
}

Test(link_server, too_many_workers_are_refused)
{
	refuse_config((struct link_config){
		.workers = LINK_WORKERS_MAX + 1, .flows_max = 1, .rows_max = 1, .edge = 1});
}

Test(link_server, edge_0_is_refused)
{
	refuse_config((struct link_config){.workers = 1, .flows_max = 1, .rows_max = 1});
}

Test(link_server, eal_words_that_do_not_end_are_refused)
{
	struct link_config config = {
		.workers = 1, .flows_max = 1, .rows_max = 1, .edge = 1, .word_count = 1};

	memset(config.words, 'w', sizeof(config.words));
	refuse_config(config);
}

Test(link_server, eal_words_that_nobody_counted_are_refused)
{
	refuse_config((struct link_config){.workers = 1,
		.flows_max = 1,
		.rows_max = 1,
		.edge = 1,
		.word_count = 1,
		.words = "--one\0--two"});
}

Test(link_server, more_eal_words_than_there_may_be_are_refused)
{
	refuse_config((struct link_config){.workers = 1,
		.flows_max = 1,
		.rows_max = 1,
		.edge = 1,
		.word_count = LINK_WORDS_MAX + 1});
}

Test(link_server, an_unknown_idle_is_refused)
{
	refuse_config((struct link_config){.workers = 1,
		.flows_max = 1,
		.rows_max = 1,
		.edge = 1,
		.idle = LINK_IDLE_POLL + 1});
}

// A device that is refused, after a good one.
static void refuse_device(struct link_device device)
{
	const struct link_device first = {.name = "net_null0"};
	struct link_failed failed;
	int fd = control_connect();

	(void)hello(fd);
	config_with(fd, 1);
	put(fd, LINK_DEVICE, &first, sizeof(first), NULL, 0);
	put(fd, LINK_DEVICE, &device, sizeof(device), NULL, 0);
	expect_failed(fd, EINVAL);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(eq(int, failed.device, device.index));
	cr_assert(eq(int, failed.listener, LINK_SETUP_NO_LISTENER));
	close(fd);
}

Test(link_server, a_device_out_of_its_order_is_refused)
{
	refuse_device((struct link_device){.index = 2, .name = "net_null1"});
	refuse_device((struct link_device){.index = 0, .name = "net_null1"});
	refuse_device((struct link_device){.index = 255, .name = "net_null1"});
}

Test(link_server, a_device_without_a_name_of_its_own_is_refused)
{
	struct link_device endless = {.index = 1};

	refuse_device((struct link_device){.index = 1});
	refuse_device((struct link_device){.index = 1, .name = "net_null0"});
	refuse_device((struct link_device){.index = 1, .name = "net null1"});
	memset(endless.name, 'n', sizeof(endless.name));
	refuse_device(endless);
}

Test(link_server, a_device_with_no_way_to_the_kernel_is_refused)
{
	struct link_device endless = {
		.index = 1, .name = "net_null1", .exception = LINK_EXCEPTION_TAP};

	refuse_device((struct link_device){
		.index = 1, .name = "net_null1", .exception = LINK_EXCEPTION_TAP});
	refuse_device((struct link_device){.index = 1, .name = "net_null1", .tap = "tap"});
	refuse_device((struct link_device){
		.index = 1, .name = "net_null1", .exception = LINK_EXCEPTION_TAP + 1});
	memset(endless.tap, 't', sizeof(endless.tap));
	refuse_device(endless);
}

Test(link_server, a_device_after_a_listener_is_refused)
{
	const struct link_device device = {.name = "net_null0"};
	int fd = control_connect();

	(void)hello(fd);
	config_with(fd, 1);
	listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), 1);
	put(fd, LINK_DEVICE, &device, sizeof(device), NULL, 0);
	expect_failed(fd, EBADMSG);
	close(fd);
}

// A listener that is refused with this errno.
static void refuse_listener(struct link_listener listener, uint32_t sockets, int error)
{
	struct link_failed failed;
	int fd = control_connect();

	(void)hello(fd);
	config_with(fd, 2);
	listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), 2);
	listener_with(fd, listener, sockets);
	expect_failed(fd, error);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(eq(int, failed.listener, listener.id));
	close(fd);
}

Test(link_server, a_listener_without_a_socket_for_each_worker_is_refused)
{
	refuse_listener(listener_of(FAKE_ACCESS, SIDE_ACCESS), 1, EINVAL);
}

Test(link_server, a_listener_id_that_is_taken_is_refused)
{
	refuse_listener(listener_of(FAKE_CORE, SIDE_ACCESS), 2, EINVAL);
}

Test(link_server, a_listener_of_a_stream_is_refused)
{
	struct link_listener listener = listener_of(FAKE_ACCESS, SIDE_ACCESS);

	listener.transport = TRANSPORT_TLS;
	refuse_listener(listener, 2, EPROTONOSUPPORT);
}

Test(link_server, a_socket_on_a_device_is_refused)
{
	struct link_listener listener = listener_of(FAKE_ACCESS, SIDE_ACCESS);

	listener.device = 1;
	refuse_listener(listener, 2, EINVAL);
}

Test(link_server, a_listener_on_a_device_that_was_not_named_is_refused)
{
	struct link_listener listener = listener_of(FAKE_ACCESS, SIDE_ACCESS);

	listener.driver = LINK_DRIVER_DPDK;
	refuse_listener(listener, 2, EINVAL);
	listener.driver = LINK_DRIVER_DPDK + 1;
	refuse_listener(listener, 2, EINVAL);
}

Test(link_server, what_is_no_socket_is_refused_by_listener)
{
	const struct link_listener listener = listener_of(FAKE_ACCESS, SIDE_ACCESS);
	struct link_failed failed;
	int fd = control_connect();
	int no_socket = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)hello(fd);
	config_with(fd, 1);
	put(fd, LINK_LISTENER, &listener, sizeof(listener), &no_socket, 1);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	expect_failed(fd, ENOTSOCK);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(eq(int, failed.listener, FAKE_ACCESS));
	close(no_socket);
	close(fd);
}

Test(link_server, a_start_without_listeners_is_refused)
{
	int fd = control_connect();

	(void)hello(fd);
	config_with(fd, 1);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	expect_failed(fd, EBADMSG);
	close(fd);
}

Test(link_server, packets_out_of_order_are_refused)
{
	const struct link_config config = {.workers = 1};
	int fd = control_connect();

	put(fd, LINK_CONFIG, &config, sizeof(config), NULL, 0);
	expect_failed(fd, EBADMSG);
	close(fd);
	fd = control_connect();
	(void)hello(fd);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	expect_failed(fd, EBADMSG);
	close(fd);
}

Test(link_server, junk_ends_the_connection_and_the_next_one_is_served)
{
	static const uint8_t junk[200] = {9, 9, 9};
	struct fake_control control;

	for (size_t length = 1; length < sizeof(junk); length += 13) {
		int fd = control_connect();

		cr_assert(eq(long, send(fd, junk, length, 0), (long)length));
		cr_assert(is_closed(fd));
		close(fd);
	}
	int fd = control_up(1, &control);

	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, a_control_that_talks_when_it_is_up_has_its_link_ended)
{
	struct fake_control control;
	int fd = control_up(1, &control);
	struct setup_packet first = packet;

	fake_teach(&control);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	cr_assert(is_closed(fd));
	cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&first);
	close(fd);
}

Test(link_server, a_control_that_breaks_a_ring_has_its_link_ended)
{
	struct fake_control control;
	int fd = control_up(1, &control);
	struct setup_packet first = packet;

	fake_teach(&control);
	atomic_store(&control.table.shared->head, UINT64_C(1) << 50);
	(void)eventfd_write(control.keeper, 1);
	cr_assert(is_closed(fd));
	cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&first);
	close(fd);
	fd = control_connect();
	cr_assert(eq(u32, hello(fd).running, 1));
	close(fd);
}

Test(link_server, descriptors_of_failed_set_ups_are_closed)
{
	int before = dup(0);

	close(before);
	for (unsigned i = 0; i < 20; i++) {
		int fd = control_connect();

		(void)hello(fd);
		config_with(fd, 2);
		listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), 2);
		listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), 2);
		expect_failed(fd, EINVAL);
		shutdown(fd, SHUT_WR);
		cr_assert(is_closed(fd));
		close(fd);
	}
	int after = dup(0);

	close(after);
	cr_assert(eq(int, after, before));
}

Test(link_server, a_path_in_use_is_refused_and_a_dead_ones_is_taken)
{
	struct link_server *other;
	char dead[80];

	cr_assert(eq(int, link_server_open(path, &other), -EADDRINUSE));
	snprintf(dead, sizeof(dead), "%s.dead", path);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, dead, strlen(dead));
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	close(fd);
	cr_assert(eq(int, link_server_open(dead, &other), 0));
	struct stat status;

	cr_assert(eq(int, stat(dead, &status), 0));
	cr_assert(eq(u32, status.st_mode & 0777, 0660));
	link_server_close(other);
}

Test(link_server, a_file_that_is_no_socket_is_left_alone)
{
	struct link_server *other;
	char file[80];

	snprintf(file, sizeof(file), "%s.file", path);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert(eq(int, link_server_open(file, &other), -EADDRINUSE));
	cr_assert(eq(int, access(file, F_OK), 0));
	unlink(file);
}

// --- Devices ---

// Speaks for a device until it is to be started: a core listener is on it, an access listener at `bound` is the kernel's.
static int device_bring(const char *name, uint32_t workers)
{
	struct link_listener listener = listener_of(FAKE_CORE, SIDE_CORE);
	struct link_device device = {0};
	int fd = control_connect();

	snprintf(device.name, sizeof(device.name), "%s", name);
	listener.driver = LINK_DRIVER_DPDK;
	(void)hello(fd);
	config_with(fd, workers);
	put(fd, LINK_DEVICE, &device, sizeof(device), NULL, 0);
	listener_with(fd, listener, workers);
	listener_with(fd, listener_of(FAKE_ACCESS, SIDE_ACCESS), workers);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	return fd;
}

static bool queue_receives(const struct fake_control *control, uint32_t worker)
{
	const struct link_queue_counters *queue =
		region_queue_counters(&control->region, worker, 0);

	for (unsigned i = 0; i < 5000; i++) {
		if (atomic_load(&queue->received) > 0)
			return true;
		usleep(1000);
	}
	return false;
}

// Whatever a worker has taken and not sent; it is asked for five times a second.
static bool packets_are_out(const struct fake_control *control, uint32_t worker)
{
	const struct link_queue_counters *queue =
		region_queue_counters(&control->region, worker, 0);

	for (unsigned i = 0; i < 5000; i++) {
		if (atomic_load(&queue->packets_out) > 0)
			return true;
		usleep(1000);
	}
	return false;
}

// The null device gives empty frames without end.
Test(link_server, control_hears_of_devices_and_of_every_queue)
{
	struct link_event_device event;
	struct fake_control control;
	int fd = device_bring("net_null0", 2);

	up(fd, 2, &control);
	cr_assert(fake_await_event(&control, LINK_EVENT_DEVICE, &event, sizeof(event), 5000));
	cr_assert(eq(int, event.device, 0));
	cr_assert(eq(int, event.up, 1));
	cr_assert(eq(u32, event.queues, 2));
	cr_assert(eq(str, event.driver, "net_null"));
	cr_assert(queue_receives(&control, 0));
	cr_assert(queue_receives(&control, 1));
	cr_assert(packets_are_out(&control, 1));
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, devices_and_sockets_serve_under_one_worker)
{
	struct fake_control control;
	int fd = device_bring("net_null0,no-rx=1", 1);

	up(fd, 1, &control);
	fake_teach(&control);
	cr_assert(edge_answers());
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, the_next_control_gets_devices_back_with_their_guard_sockets)
{
	struct link_listener listener;
	struct link_device device;
	struct fake_control control;
	int fd = device_bring("net_null0,no-rx=1", 2);

	up(fd, 2, &control);
	fake_detach(&control);
	setup_close(&packet);
	close(fd);

	fd = control_connect();
	cr_assert(eq(u32, hello(fd).running, 1));
	expect(fd, LINK_DEVICE);
	memcpy(&device, packet.payload, sizeof(device));
	cr_assert(eq(str, device.name, "net_null0,no-rx=1"));
	for (unsigned i = 0; i < 2; i++) {
		expect(fd, LINK_LISTENER);
		memcpy(&listener, packet.payload, sizeof(listener));
		cr_assert(eq(int, listener.driver, i == 0 ? LINK_DRIVER_DPDK : LINK_DRIVER_SOCKET));
		cr_assert(eq(u32, packet.descriptor_count, 2));
		setup_close(&packet);
	}
	expect(fd, LINK_START);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	up(fd, 2, &control);
	fake_detach(&control);
	setup_close(&packet);
	close(fd);
}

Test(link_server, a_device_that_does_not_open_is_named_and_the_process_is_of_no_more_use)
{
	struct link_failed failed;
	int fd;

	ended = -ENOTRECOVERABLE;
	fd = device_bring("net_af_packet0,iface=nowhere", 1);
	expect(fd, LINK_FAILED);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(eq(int, failed.device, 0));
	cr_assert(eq(int, failed.listener, LINK_SETUP_NO_LISTENER));
	cr_assert(ne(ptr, (void *)strstr(failed.what, "net_af_packet0"), NULL));
	close(fd);
}

Test(link_server, eal_words_that_dpdk_refuses_are_told_to_control)
{
	struct link_config config = {.workers = 1,
		.flows_max = 16,
		.peer_flows_max = 16,
		.rows_max = 64,
		.edge = 1,
		.word_count = 1,
		.words = "--nonsense"};
	const struct link_device device = {.name = "net_null0"};
	struct link_listener listener = listener_of(FAKE_ACCESS, SIDE_ACCESS);
	struct link_failed failed;
	int fd = control_connect();

	ended = -ENOTRECOVERABLE;
	listener.driver = LINK_DRIVER_DPDK;
	(void)hello(fd);
	put(fd, LINK_CONFIG, &config, sizeof(config), NULL, 0);
	put(fd, LINK_DEVICE, &device, sizeof(device), NULL, 0);
	listener_with(fd, listener, 1);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	expect(fd, LINK_FAILED);
	memcpy(&failed, packet.payload, sizeof(failed));
	cr_assert(ne(ptr, (void *)strstr(failed.what, "DPDK does not start"), NULL));
	close(fd);
}

Test(link_server, a_worker_on_a_processor_that_is_not_there_is_refused)
{
	const struct link_config config = {.workers = 1,
		.flows_max = 16,
		.peer_flows_max = 16,
		.rows_max = 64,
		.edge = 1,
		.cpus = {1024}};
	int fd = control_connect();

	(void)hello(fd);
	put(fd, LINK_CONFIG, &config, sizeof(config), NULL, 0);
	listener_with(fd, listener_of(FAKE_CORE, SIDE_CORE), 1);
	put(fd, LINK_START, NULL, 0, NULL, 0);
	expect_failed(fd, EINVAL);
	close(fd);
}
