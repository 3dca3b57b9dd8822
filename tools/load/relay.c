// relay.c: a relay that only copies: the floor of every proxy on kernel sockets.

#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RELAY_WAIT_MS = 100,
	RELAY_PATIENCE_S = 60,
	RELAY_OCTETS = 4096,
};

struct relay {
	struct mmsghdr messages[LOAD_BURST];
	struct iovec vectors[LOAD_BURST];
	struct sockaddr_in to[LOAD_BURST];
	uint8_t octets[LOAD_BURST][RELAY_OCTETS];
	uint64_t relayed;
	uint64_t last_ns;
};

static void vectors_set(struct relay *relay)
{
	for (unsigned i = 0; i < LOAD_BURST; i++) {
		relay->vectors[i] = (struct iovec){relay->octets[i], RELAY_OCTETS};
		relay->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &relay->vectors[i], .msg_iovlen = 1};
	}
}

// To the phone's port, as whoever is measured does: the one look into a message that a copy needs.
static void address_take(struct relay *relay, int index, const struct load_options *options)
{
	size_t length = relay->messages[index].msg_len;

	relay->to[index] = options->to;
	relay->to[index].sin_port = htons((uint16_t)load_port_read(relay->octets[index], length));
	relay->vectors[index].iov_len = length;
	relay->messages[index].msg_hdr.msg_name = &relay->to[index];
	relay->messages[index].msg_hdr.msg_namelen = sizeof(relay->to[index]);
}

static void relay_turn(struct relay *relay, int socket, const struct load_options *options)
{
	struct pollfd polled = {socket, POLLIN, 0};
	int count = recvmmsg(socket, relay->messages, LOAD_BURST, MSG_DONTWAIT, NULL);

	if (count <= 0) {
		(void)poll(&polled, 1, RELAY_WAIT_MS);
		return;
	}
	for (int i = 0; i < count; i++)
		address_take(relay, i, options);
	int sent = sendmmsg(socket, relay->messages, (unsigned)count, 0);

	relay->relayed += sent > 0 ? (uint64_t)sent : 0;
	relay->last_ns = load_clock_ns(CLOCK_MONOTONIC);
	vectors_set(relay);
}

static bool relay_is_over(const struct relay *relay, uint64_t begin_ns, double seconds)
{
	uint64_t now = load_clock_ns(CLOCK_MONOTONIC);

	if (relay->last_ns == 0)
		return now - begin_ns > RELAY_PATIENCE_S * UINT64_C(1000000000);
	return (double)(now - relay->last_ns) > seconds * 1e9;
}

int load_relay(const struct load_options *options)
{
	uint64_t begin = load_clock_ns(CLOCK_MONOTONIC);
	struct relay *relay = calloc(1, sizeof(*relay));
	int socket = relay == NULL ? -ENOMEM : load_socket_open(&options->from);

	if (socket >= 0) {
		vectors_set(relay);
		while (!relay_is_over(relay, begin, options->seconds))
			relay_turn(relay, socket, options);
		printf("{\"relayed\": %llu, \"cpu_seconds\": %.6f}\n",
			(unsigned long long)relay->relayed,
			(double)load_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
		close(socket);
	}
	free(relay);
	return socket < 0 ? socket : 0;
}
