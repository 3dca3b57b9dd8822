// flood.c: messages under other people's addresses, as many as there are sources to be.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FLOOD_OCTETS = 2048, // a frame of the usual size, and none in pieces
	FLOOD_TTL = 64,
};

struct flood {
	const struct load_options *options;
	struct load_templates templates;
	int socket;
	uint64_t sent;
	struct mmsghdr messages[LOAD_BURST];
	struct iovec vectors[LOAD_BURST];
	uint8_t packets[LOAD_BURST][FLOOD_OCTETS];
};

// One after the other from `from` on, in an order that leaves no two neighbours together: an odd factor modulo the next power of two.
static uint32_t source_of(const struct load_options *options, uint64_t number)
{
	uint64_t sources = options->sources;
	uint64_t size = 1;

	while (size < sources)
		size *= 2;
	uint64_t index = number * 0x9e3779b1u & (size - 1);

	return ntohl(options->from.sin_addr.s_addr) + (uint32_t)(index % sources);
}

// Over IPv4 a UDP datagram may go without a checksum (RFC 768), and the kernel fills in the header's.
static size_t packet_write(const struct load_options *options, uint8_t *out,
	const struct load_template *text, uint64_t number)
{
	size_t length = sizeof(struct iphdr) + sizeof(struct udphdr) + text->length;
	const struct iphdr ip = {.version = 4,
		.ihl = sizeof(struct iphdr) / 4,
		.ttl = FLOOD_TTL,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(source_of(options, number)),
		.daddr = options->to.sin_addr.s_addr};
	const struct udphdr udp = {.source = options->from.sin_port,
		.dest = options->to.sin_port,
		.len = htons((uint16_t)(sizeof(struct udphdr) + text->length))};

	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &udp, sizeof(udp));
	memcpy(out + sizeof(ip) + sizeof(udp), text->octets, text->length);
	return length;
}

static void burst_fill(struct flood *flood)
{
	for (unsigned i = 0; i < LOAD_BURST; i++) {
		uint64_t number = flood->sent + i;
		struct load_template *template =
			&flood->templates.items[number % flood->templates.count];

		load_number_write(template, number);
		flood->vectors[i].iov_base = flood->packets[i];
		flood->vectors[i].iov_len =
			packet_write(flood->options, flood->packets[i], template, number);
		flood->messages[i].msg_hdr =
			(struct msghdr){.msg_name = (void *)&flood->options->to,
				.msg_namelen = sizeof(flood->options->to),
				.msg_iov = &flood->vectors[i],
				.msg_iovlen = 1};
	}
}

static int burst_send(struct flood *flood)
{
	burst_fill(flood);
	int sent = sendmmsg(flood->socket, flood->messages, LOAD_BURST, 0);

	if (sent < 0)
		return errno == ENOBUFS || errno == EAGAIN ? 0 : -errno;
	flood->sent += (uint64_t)sent;
	return 0;
}

static int flood_run(struct flood *flood)
{
	const struct load_options *options = flood->options;
	uint64_t begin = load_clock_ns(CLOCK_MONOTONIC);
	uint64_t length = (uint64_t)(options->seconds * 1e9);
	uint64_t passed;
	int error = 0;

	while (error == 0 && (passed = load_clock_ns(CLOCK_MONOTONIC) - begin) < length)
		if (options->rate == 0
			|| (double)flood->sent < (double)passed * (double)options->rate / 1e9)
			error = burst_send(flood);
		else
			usleep(100);
	printf("{\"sent\": %llu, \"seconds\": %.6f}\n", (unsigned long long)flood->sent,
		(double)(load_clock_ns(CLOCK_MONOTONIC) - begin) / 1e9);
	return error;
}

static int templates_check(const struct load_templates *templates)
{
	for (size_t i = 0; i < templates->count; i++)
		if (templates->items[i].length + sizeof(struct iphdr) + sizeof(struct udphdr)
			> FLOOD_OCTETS)
			return -EMSGSIZE;
	return 0;
}

int load_flood(const struct load_options *options)
{
	static struct flood flood;
	int error = load_templates_read(options->templates, &flood.templates);

	if (error < 0)
		return error;
	flood.options = options;
	error = templates_check(&flood.templates);
	flood.socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (error == 0 && flood.socket < 0)
		error = -errno;
	if (error == 0)
		error = flood_run(&flood);
	if (flood.socket >= 0)
		close(flood.socket);
	load_templates_free(&flood.templates);
	return error;
}
