// sink.c: all the phones: what reaches them is read, checked and counted.

#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SINK_WAIT_MS = 100,
	SINK_PATIENCE_S = 60, // for the first message
	SINK_OCTETS = 4096, // of a message that is looked at
};

struct sink {
	const struct load_options *options;
	int epoll;
	int sockets[1000];
	uint64_t *seen; // a bit a number
	uint64_t received; // good ones
	uint64_t duplicates;
	uint64_t wrong; // no message of ours, or at another's port
	uint64_t first_ns;
	uint64_t last_ns;
	struct mmsghdr messages[LOAD_BURST];
	struct iovec vectors[LOAD_BURST];
	uint8_t octets[LOAD_BURST][SINK_OCTETS];
};

static void message_count(struct sink *sink, const uint8_t *octets, size_t length, unsigned port)
{
	uint64_t number;

	if (!load_number_read(octets, length, &number) || number >= LOAD_NUMBERS_MAX
		|| load_port_read(octets, length) != port
		|| memmem(octets, length, LOAD_MARK, LOAD_DIGITS) != NULL) {
		sink->wrong++;
		return;
	}
	uint64_t bit = UINT64_C(1) << number % 64;

	if (sink->seen[number / 64] & bit) {
		sink->duplicates++;
		return;
	}
	sink->seen[number / 64] |= bit;
	sink->received++;
	sink->last_ns = load_clock_ns(CLOCK_MONOTONIC);
	if (sink->first_ns == 0)
		sink->first_ns = sink->last_ns;
}

static void socket_read(struct sink *sink, unsigned index)
{
	int count = recvmmsg(sink->sockets[index], sink->messages, LOAD_BURST, MSG_DONTWAIT, NULL);
	unsigned port = ntohs(sink->options->from.sin_port) + index;

	for (int i = 0; i < count; i++)
		message_count(sink, sink->octets[i], sink->messages[i].msg_len, port);
}

// Over once nothing has come for the time that was asked for.
static bool sink_is_over(const struct sink *sink, uint64_t begin_ns)
{
	uint64_t now = load_clock_ns(CLOCK_MONOTONIC);

	if (sink->first_ns == 0)
		return now - begin_ns > SINK_PATIENCE_S * UINT64_C(1000000000);
	return (double)(now - sink->last_ns) > sink->options->seconds * 1e9;
}

static void sink_run(struct sink *sink)
{
	uint64_t begin = load_clock_ns(CLOCK_MONOTONIC);
	struct epoll_event events[LOAD_BURST];

	while (!sink_is_over(sink, begin)) {
		int count = epoll_wait(sink->epoll, events, LOAD_BURST, SINK_WAIT_MS);

		for (int i = 0; i < count; i++)
			socket_read(sink, events[i].data.u32);
	}
	printf("{\"received\": %llu, \"duplicates\": %llu, \"wrong\": %llu, \"seconds\": %.6f}\n",
		(unsigned long long)sink->received, (unsigned long long)sink->duplicates,
		(unsigned long long)sink->wrong, (double)(sink->last_ns - sink->first_ns) / 1e9);
}

static int sockets_open(struct sink *sink)
{
	struct sockaddr_in address = sink->options->from;

	for (unsigned i = 0; i < sink->options->ports; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		address.sin_port = htons((uint16_t)(ntohs(sink->options->from.sin_port) + i));
		sink->sockets[i] = load_socket_open(&address);
		if (sink->sockets[i] < 0)
			return sink->sockets[i];
		if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, sink->sockets[i], &event) < 0)
			return -errno;
	}
	return 0;
}

int load_sink(const struct load_options *options)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	int error = -ENOMEM;

	if (sink == NULL)
		return -ENOMEM;
	sink->options = options;
	sink->seen = calloc(LOAD_NUMBERS_MAX / 64, sizeof(*sink->seen));
	for (unsigned i = 0; i < LOAD_BURST; i++) {
		sink->vectors[i] = (struct iovec){sink->octets[i], SINK_OCTETS};
		sink->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &sink->vectors[i], .msg_iovlen = 1};
	}
	if (sink->seen != NULL) {
		sink->epoll = epoll_create1(EPOLL_CLOEXEC);
		error = sink->epoll < 0 ? -errno : sockets_open(sink);
	}
	if (error == 0)
		sink_run(sink);
	// The sockets end with the process.
	free(sink->seen);
	free(sink);
	return error;
}
