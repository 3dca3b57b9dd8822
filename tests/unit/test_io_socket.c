// test_io_socket.c: kernel UDP on loopback: nothing is cut, nothing is lost to somebody else's ICMP error.

#include "io_socket.h"
#include "pool.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct io_port *port;
static int wakeup;
// Listener 1 is IPv4, 2 IPv6; phone and phone6 stand on the other side.
static int fds[2];
static int phone;
static int phone6;
static struct endpoint listener_at[2];
static struct endpoint phone_at;
static struct endpoint phone6_at;

static int socket_bound(int family, struct endpoint *at)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 1 << 20;
	socklen_t length = family == AF_INET ? sizeof(v4) : sizeof(v6);
	struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;

	cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0));
	cr_assert(eq(int, bind(fd, address, length), 0));
	cr_assert(eq(int, getsockname(fd, address, &length), 0));
	*at = (struct endpoint){.family = family == AF_INET ? ENDPOINT_V4 : ENDPOINT_V6};
	at->port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	memcpy(at->address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr,
		family == AF_INET ? 4 : 16);
	return fd;
}

static void setup(void)
{
	unsigned failed;

	wakeup = eventfd(0, EFD_NONBLOCK);
	fds[0] = socket_bound(AF_INET, &listener_at[0]);
	fds[1] = socket_bound(AF_INET6, &listener_at[1]);
	phone = socket_bound(AF_INET, &phone_at);
	phone6 = socket_bound(AF_INET6, &phone6_at);
	struct io_socket_listener listeners[] = {{fds[0], 1}, {fds[1], 2}};

	cr_assert(eq(int, io_socket_open(listeners, 2, wakeup, &port, &failed), 0));
}

static void teardown(void)
{
	port->ops->close(port);
	close(fds[0]);
	close(fds[1]);
	close(phone);
	close(phone6);
	close(wakeup);
}

TestSuite(io_socket, .init = setup, .fini = teardown, .timeout = 60);

static void phone_send(unsigned listener, const void *octets, size_t length)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(listener_at[0].port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(listener_at[1].port)};

	memcpy(&v4.sin_addr, listener_at[0].address, 4);
	memcpy(&v6.sin6_addr, listener_at[1].address, 16);
	ssize_t sent = listener == 1
		? sendto(phone, octets, length, 0, (struct sockaddr *)&v4, sizeof(v4))
		: sendto(phone6, octets, length, 0, (struct sockaddr *)&v6, sizeof(v6));

	cr_assert(eq(long, sent, (long)length));
}

// Waits for datagrams for at most 2 s.
static unsigned receive_some(struct packet **packets, unsigned max)
{
	unsigned count = 0;

	for (unsigned tries = 0; tries < 20 && count == 0; tries++) {
		count = port->ops->receive(port, packets, max);
		if (count == 0)
			port->ops->wait(port, 100);
	}
	return count;
}

static struct packet *packet_to(
	const struct endpoint *peer, uint8_t listener, const void *octets, uint32_t length)
{
	struct packet *packet = port->ops->allocate(port, length);

	cr_assert(packet != NULL);
	memcpy(packet->octets, octets, length);
	packet->length = length;
	packet->peer = *peer;
	packet->listener = listener;
	return packet;
}

static struct span phone_receive(int fd, uint8_t *octets, size_t capacity)
{
	struct timeval limit = {2, 0};

	cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0));
	ssize_t length = recv(fd, octets, capacity, 0);

	return span_of(octets, length < 0 ? 0 : (size_t)length);
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// An endpoint where nobody hears.
static struct endpoint nobody(void)
{
	struct endpoint at;

	close(socket_bound(AF_INET, &at));
	return at;
}

Test(io_socket, a_datagram_comes_with_its_source_and_listener)
{
	struct packet *packets[BURST_MAX];

	phone_send(1, "over four", 9);
	cr_assert(eq(uint, receive_some(packets, BURST_MAX), 1));
	cr_assert(span_equal(span_of(packets[0]->octets, packets[0]->length), SPAN("over four")));
	cr_assert(endpoint_equal(&packets[0]->peer, &phone_at));
	cr_assert(eq(int, packets[0]->listener, 1));
	cr_assert(packets[0]->octets - packets[0]->buffer >= PACKET_HEAD_ROOM);
	port->ops->release(port, packets, 1);
}

Test(io_socket, ipv6_goes_both_ways)
{
	struct packet *packets[BURST_MAX];
	uint8_t octets[16];

	phone_send(2, "over six", 8);
	cr_assert(eq(uint, receive_some(packets, BURST_MAX), 1));
	cr_assert(endpoint_equal(&packets[0]->peer, &phone6_at));
	cr_assert(eq(int, packets[0]->listener, 2));
	cr_assert(eq(u32, port->ops->send(port, packets, 1), 0));
	cr_assert(span_equal(phone_receive(phone6, octets, sizeof(octets)), SPAN("over six")));
}

Test(io_socket, datagrams_of_every_size_come_whole)
{
	const uint32_t room = pool_room(POOL_NORMAL);
	const uint32_t lengths[] = {0, 1, room - 1, room, room + 1, 9000, 65507};
	uint8_t *octets = malloc(65507);
	struct packet *packet;

	for (uint32_t i = 0; i < 65507; i++)
		octets[i] = (uint8_t)(i * 31 + i / 251);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		phone_send(1, octets, lengths[i]);
		cr_assert(eq(uint, receive_some(&packet, 1), 1));
		cr_assert(span_equal(
			span_of(packet->octets, packet->length), span_of(octets, lengths[i])));
		cr_assert(packet->buffer + packet->capacity - packet->octets - packet->length
			>= IO_TAIL_ROOM);
		port->ops->release(port, &packet, 1);
	}
	free(octets);
}

Test(io_socket, a_large_datagram_leaves_whole)
{
	uint8_t *octets = calloc(1, 65507);
	uint8_t *got = malloc(65507);

	octets[0] = 'a';
	octets[65506] = 'z';
	struct packet *packet = packet_to(&phone_at, 1, octets, 65507);

	cr_assert(eq(u32, port->ops->send(port, &packet, 1), 0));
	cr_assert(span_equal(phone_receive(phone, got, 65507), span_of(octets, 65507)));
	free(octets);
	free(got);
}

Test(io_socket, a_burst_larger_than_asked_for_waits_for_the_next_call)
{
	struct packet *packets[BURST_MAX];
	unsigned count = 0;

	for (uint8_t i = 0; i < 40; i++)
		phone_send(1, &i, 1);
	while (count < 40) {
		unsigned got = receive_some(packets, 16);

		cr_assert(got > 0 && got <= 16);
		for (unsigned i = 0; i < got; i++)
			cr_assert(eq(int, packets[i]->octets[0], (int)(count + i)));
		port->ops->release(port, packets, got);
		count += got;
	}
	cr_assert(eq(uint, count, 40));
}

Test(io_socket, a_busy_listener_does_not_starve_another)
{
	struct packet *packets[4];
	bool heard = false;

	for (unsigned i = 0; i < 200; i++)
		phone_send(1, "busy", 4);
	cr_assert(eq(uint, receive_some(packets, 4), 4));
	port->ops->release(port, packets, 4);
	phone_send(2, "rare", 4);
	for (unsigned i = 0; i < 12 && !heard; i++) {
		unsigned got = port->ops->receive(port, packets, 4);

		for (unsigned j = 0; j < got; j++)
			heard |= packets[j]->listener == 2;
		port->ops->release(port, packets, got);
	}
	cr_assert(heard);
}

Test(io_socket, a_burst_for_several_listeners_goes_out_in_order)
{
	struct packet *packets[] = {
		packet_to(&phone_at, 1, "1", 1),
		packet_to(&phone6_at, 2, "2", 1),
		packet_to(&phone_at, 1, "3", 1),
		packet_to(&phone6_at, 2, "4", 1),
	};
	uint8_t octet[4];

	cr_assert(eq(u32, port->ops->send(port, packets, 4), 0));
	cr_assert(span_equal(phone_receive(phone, octet, 4), SPAN("1")));
	cr_assert(span_equal(phone_receive(phone, octet, 4), SPAN("3")));
	cr_assert(span_equal(phone_receive(phone6, octet, 4), SPAN("2")));
	cr_assert(span_equal(phone_receive(phone6, octet, 4), SPAN("4")));
}

Test(io_socket, what_cannot_go_out_is_named_and_the_rest_goes)
{
	struct packet *packets[] = {
		packet_to(&phone6_at, 1, "no IPv6 here", 12),
		packet_to(&phone_at, 9, "no such listener", 16),
		packet_to(&phone_at, 1, "good", 4),
	};
	uint8_t octets[16];

	cr_assert(eq(u32, port->ops->send(port, packets, 3), 3));
	cr_assert(span_equal(phone_receive(phone, octets, sizeof(octets)), SPAN("good")));
}

Test(io_socket, a_refused_port_is_reported_with_its_listener)
{
	struct endpoint gone = nobody();
	struct packet *packet = packet_to(&gone, 1, "hello?", 6);
	struct io_unreachable report;
	unsigned count = 0;

	cr_assert(eq(u32, port->ops->send(port, &packet, 1), 0));
	for (unsigned i = 0; i < 20 && count == 0; i++) {
		port->ops->wait(port, 100);
		count = port->ops->unreachable(port, &report, 1);
	}
	cr_assert(eq(uint, count, 1));
	cr_assert(endpoint_equal(&report.peer, &gone));
	cr_assert(eq(int, report.listener, 1));
}

Test(io_socket, one_peers_icmp_error_does_not_cost_another_peers_message)
{
	struct endpoint gone = nobody();
	uint8_t octets[8];

	for (unsigned i = 0; i < 50; i++) {
		struct packet *packet = packet_to(&gone, 1, "hello?", 6);

		cr_assert(eq(u32, port->ops->send(port, &packet, 1), 0));
		packet = packet_to(&phone_at, 1, "good", 4);
		cr_assert(eq(u32, port->ops->send(port, &packet, 1), 0));
		cr_assert(span_equal(phone_receive(phone, octets, sizeof(octets)), SPAN("good")));
		phone_send(1, "back", 4);
		cr_assert(eq(uint, receive_some(&packet, 1), 1));
		port->ops->release(port, &packet, 1);
	}
}

Test(io_socket, a_wait_ends_by_the_eventfd_and_reads_it)
{
	uint64_t begin = clock_ms();

	cr_assert(eq(int, eventfd_write(wakeup, 1), 0));
	port->ops->wait(port, 5000);
	port->ops->wait(port, 0);
	cr_assert(lt(u64, clock_ms() - begin, 4000));
	port->ops->wait(port, 30);
	begin = clock_ms();
	port->ops->wait(port, 30);
	cr_assert(ge(u64, clock_ms() - begin, 29));
}

Test(io_socket, packets_come_back_however_long_it_runs)
{
	struct packet *packets[BURST_MAX];

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 8; i++)
			phone_send(1, "x", 1);
		unsigned got = receive_some(packets, BURST_MAX);

		cr_assert(got > 0);
		cr_assert(eq(u32, port->ops->send(port, packets, got), 0));
	}
}

Test(io_socket, what_is_no_udp_socket_is_refused_by_index)
{
	struct endpoint at;
	struct io_port *other;
	unsigned failed = 9;
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int good = socket_bound(AF_INET, &at);
	struct io_socket_listener listeners[] = {{good, 1}, {tcp, 2}, {good, 1}};

	cr_assert(eq(int, io_socket_open(listeners, 2, wakeup, &other, &failed), -ESOCKTNOSUPPORT));
	cr_assert(eq(uint, failed, 1));
	listeners[1].fd = wakeup;
	cr_assert(eq(int, io_socket_open(listeners, 2, wakeup, &other, &failed), -ENOTSOCK));
	listeners[1] = listeners[2];
	cr_assert(eq(int, io_socket_open(listeners, 2, wakeup, &other, &failed), -EEXIST));
	cr_assert(eq(int, io_socket_open(listeners, 0, wakeup, &other, &failed), -EINVAL));
	close(tcp);
	close(good);
}
