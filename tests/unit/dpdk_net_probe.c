// dpdk_net_probe.c: what the edge's kernel still answers.

#include "dpdk_net.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/time.h>
#include <unistd.h>

socklen_t dpdk_net_address(
	int family, unsigned number, uint16_t port, union socket_address *address)
{
	*address = (union socket_address){0};
	if (family == AF_INET) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(port);
		address->v4.sin_addr.s_addr = htonl(0xc0000200 | number);
		return sizeof(address->v4);
	}
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_port = htons(port);
	inet_pton(AF_INET6, number == 1 ? "2001:db8::1" : "2001:db8::2", &address->v6.sin6_addr);
	return sizeof(address->v6);
}

static uint16_t checksum(const uint8_t *octets, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)octets[i] << 8 | octets[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static int phone_raw(struct dpdk_net *net, int family)
{
	struct timeval limit = {1, 0};

	dpdk_net_enter(net->phone);
	int raw = socket(
		family, SOCK_RAW | SOCK_CLOEXEC, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	dpdk_net_enter(net->edge);
	cr_assert(ge(int, raw, 0));
	cr_assert(eq(int, setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0));
	return raw;
}

bool dpdk_net_ping(struct dpdk_net *net, int family)
{
	const uint8_t answer = family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	const size_t at = family == AF_INET ? 20 : 0; // the socket shows IPv4's header
	uint8_t echo[16] = {family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST, 0, 0, 0, 'w', 'e'};
	uint16_t sum = checksum(echo, sizeof(echo));
	union socket_address edge;
	socklen_t length = dpdk_net_address(family, 1, 0, &edge);
	int raw = phone_raw(net, family);
	uint8_t got[128];
	bool answered = false;

	memcpy(echo + 2, &sum, sizeof(sum));
	cr_assert(eq(long, sendto(raw, echo, sizeof(echo), 0, &edge.any, length), 16));
	for (unsigned i = 0; i < 16 && !answered; i++) {
		ssize_t octets = recv(raw, got, sizeof(got), 0);

		if (octets < 0)
			break;
		answered = octets >= (ssize_t)(at + 6) && got[at] == answer && got[at + 4] == 'w';
	}
	close(raw);
	return answered;
}

bool dpdk_net_tcp(struct dpdk_net *net, int family)
{
	const struct timeval limit = {2, 0};
	union socket_address edge;
	socklen_t length = dpdk_net_address(family, 1, NET_PORT, &edge);
	int server = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	cr_assert(eq(int, setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0));
	cr_assert(eq(int, bind(server, &edge.any, length), 0));
	cr_assert(eq(int, listen(server, 1), 0));
	dpdk_net_enter(net->phone);
	int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	dpdk_net_enter(net->edge);
	cr_assert(eq(int, setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0));
	bool connected = connect(client, &edge.any, length) == 0;

	close(client);
	close(server);
	return connected;
}
