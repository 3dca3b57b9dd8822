// test_dpdk_offload.c: a device that sees to checksums, reading and writing: DPDK's tap, with the kernel as the phone behind it.

#include "dpdk_lab.h"
#include "dpdk_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct dpdk_lab lab;

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_write(const struct endpoint *endpoint, union address *address)
{
	*address = (union address){0};
	if (endpoint->family == ENDPOINT_V4) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(endpoint->port);
		memcpy(&address->v4.sin_addr, endpoint->address, 4);
		return sizeof(address->v4);
	}
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_port = htons(endpoint->port);
	memcpy(&address->v6.sin6_addr, endpoint->address, 16);
	return sizeof(address->v6);
}

static void run(const char *command)
{
	cr_assert(eq(int, system(command), 0), "%s", command);
}

static void open_or_skip(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		cr_skip_test("network namespaces take root");
	run("ip link set lo up");
	dpdk_lab_open_device(&lab, "net_tap0,iface=phone0,mac=02:00:00:00:00:09");
	run("ip addr add 192.0.2.9/24 dev phone0");
	run("ip addr add 2001:db8::9/64 dev phone0 nodad");
	run("ip link set phone0 up");
	run("ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev phone0");
	run("ip neigh replace 2001:db8::1 lladdr 02:00:00:00:00:01 dev phone0");
}

// The driver tells of frames by a signal: whatever waits then is interrupted, and asked again.
static ssize_t phone_receive(int phone, uint8_t *octets, size_t size)
{
	ssize_t length = -1;

	for (unsigned i = 0; i < 1000 && length < 0; i++) {
		length = recv(phone, octets, size, MSG_DONTWAIT);
		if (length < 0)
			usleep(1000);
	}
	return length;
}

static struct packet *packet_receive(void)
{
	struct io_port *port = lab.port[0];
	struct packet *packet = NULL;

	for (unsigned i = 0; i < 2000 && port->ops->receive(port, &packet, 1) == 0; i++)
		port->ops->wait(port, 1);
	return packet;
}

static void assert_echoes(const char *phone_address, unsigned listener)
{
	static uint8_t octets[1400];
	const struct endpoint at = dpdk_lab_endpoint(phone_address, 5070);
	union address address;
	socklen_t length = address_write(&at, &address);
	int phone = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t got[2048];

	cr_assert(eq(int, bind(phone, &address.any, length), 0));
	length = address_write(&lab.listeners[listener - 1].address, &address);
	for (size_t size = 0; size < sizeof(octets); size += 199) {
		memset(octets, (int)size, size);
		cr_assert(
			eq(long, sendto(phone, octets, size, 0, &address.any, length), (long)size));
		struct packet *packet = packet_receive();

		cr_assert(packet != NULL);
		cr_assert(endpoint_equal(&packet->peer, &at));
		cr_assert(
			span_equal(span_of(packet->octets, packet->length), span_of(octets, size)));
		cr_assert(eq(u32, lab.port[0]->ops->send(lab.port[0], &packet, 1), 0));
		// The kernel checks the sum of what comes by a tap.
		cr_assert(eq(long, phone_receive(phone, got, sizeof(got)), (long)size));
		cr_assert(eq(int, memcmp(got, octets, size), 0));
	}
	close(phone);
}

Test(dpdk_offload, checksums_by_the_device_hold_both_ways_over_both_families, .timeout = 60)
{
	open_or_skip();
	cr_assert(eq(uint, dpdk_device_at(0)->checksums, FRAME_CHECKSUM_IP | FRAME_CHECKSUM_UDP));
	assert_echoes("192.0.2.9", 1);
	assert_echoes("2001:db8::9", 2);
	cr_assert(eq(u64, LAB_COUNTER(&lab, malformed), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 0));
	dpdk_lab_close(&lab);
}
