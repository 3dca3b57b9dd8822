#include "../dataplane/io/frame.h"
#include "bye.h"
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// --- Frames around a BYE ---

struct framed {
	unsigned checksums; // that the card sees to, reading and writing
	struct next_hop hop;
	struct endpoint source;
	struct endpoint destination;
	uint8_t *payload;
	size_t headers;
	uint8_t room[FRAME_HEADERS_MAX + BYE_OCTETS];
};

static bool frame_is_good(const struct framed *framed)
{
	struct frame frame;

	return frame_read(framed->payload - framed->headers, framed->headers + BYE_OCTETS,
		       framed->checksums, &frame)
		== FRAME_DATAGRAM
		&& frame.length == BYE_OCTETS && endpoint_equal(&frame.source, &framed->source)
		&& endpoint_equal(&frame.destination, &framed->destination);
}

static void *frame_setup(uint8_t family, unsigned checksums)
{
	struct framed *framed = calloc(1, sizeof(*framed));

	if (framed == NULL)
		return NULL;
	framed->checksums = checksums;
	framed->source = (struct endpoint){{192, 0, 2, 1}, 5060, family, 0};
	framed->destination = (struct endpoint){{198, 51, 100, 2}, 40000, family, 0};
	framed->payload = framed->room + FRAME_HEADERS_MAX;
	memcpy(framed->payload, bye, BYE_OCTETS);
	framed->headers = frame_write(framed->payload, BYE_OCTETS, &framed->hop, &framed->source,
		&framed->destination, framed->checksums);
	if (frame_is_good(framed))
		return framed;
	free(framed);
	errno = EBADMSG;
	return NULL;
}

void *frame_v4_setup(void)
{
	return frame_setup(ENDPOINT_V4, 0);
}

void *frame_v6_setup(void)
{
	return frame_setup(ENDPOINT_V6, 0);
}

void *frame_card_setup(void)
{
	return frame_setup(ENDPOINT_V4, FRAME_CHECKSUM_IP | FRAME_CHECKSUM_UDP);
}

void frame_read_run(void *state, uint64_t rounds)
{
	const struct framed *framed = state;
	const uint8_t *octets = framed->payload - framed->headers;
	struct frame frame = {.length = 0};

	for (; rounds > 0; rounds--) {
		measure_keep(frame_read(
			octets, framed->headers + BYE_OCTETS, framed->checksums, &frame));
		measure_keep(frame.length);
	}
}

void frame_write_run(void *state, uint64_t rounds)
{
	struct framed *framed = state;

	for (; rounds > 0; rounds--)
		measure_keep(frame_write(framed->payload, BYE_OCTETS, &framed->hop, &framed->source,
			&framed->destination, framed->checksums));
}

void frame_teardown(void *state)
{
	free(state);
}

// --- Where they go ---

enum {
	DESTINATIONS = 65536, // asked for in turn
	LINK = 1, // the kernel's index
	STRIDE = 40503, // odd: all neighbours, in an order that no prefetcher follows
};

struct lookups {
	struct next_hops *hops;
	uint32_t at;
	struct endpoint destination[DESTINATIONS];
};

// In 10.0.0.0/8, on link; neighbour 0 is the gateway.
static struct endpoint neighbour_address(uint32_t number)
{
	return (struct endpoint){.family = ENDPOINT_V4,
		.address = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

// The first is the default route, the second the link; the others are as long as a /24, beside each other.
static void routes_fill(struct next_hop_route *routes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		routes[i] = (struct next_hop_route){
			.prefix = {{172, (uint8_t)(16 + i / 256), (uint8_t)i}, ENDPOINT_V4, 24},
			.gateway = neighbour_address(0),
			.interface = LINK,
		};
	routes[0].prefix = (struct prefix){.family = ENDPOINT_V4};
	routes[1] = (struct next_hop_route){
		.prefix = {{10}, ENDPOINT_V4, 8},
		.interface = LINK,
	};
}

static struct next_hops *picture_new(unsigned route_count, unsigned neighbour_count)
{
	const struct next_hop_interface link = {
		.interface = LINK, .mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	struct next_hop_route *routes = calloc(route_count, sizeof(*routes));
	struct next_hop_neighbour *neighbours = calloc(neighbour_count, sizeof(*neighbours));
	struct next_hops *hops = NULL;

	if (routes != NULL && neighbours != NULL) {
		routes_fill(routes, route_count);
		for (unsigned i = 0; i < neighbour_count; i++)
			neighbours[i] = (struct next_hop_neighbour){
				.address = neighbour_address(i),
				.interface = LINK,
				.mac = {2, 0, 0, 0, 1, 1},
			};
		hops = next_hops_new(&link, 1, routes, route_count, neighbours, neighbour_count);
	}
	free(routes);
	free(neighbours);
	return hops;
}

static void *lookups_new(unsigned routes, unsigned neighbours, bool on_link)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (lookups == NULL)
		return NULL;
	lookups->hops = picture_new(routes, neighbours);
	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		lookups->destination[i] = neighbour_address(i * STRIDE % neighbours);
		// By the default route, from all over.
		if (!on_link)
			lookups->destination[i].address[0] = (uint8_t)(20 + i % 100);
		if (next_hops_find(lookups->hops, &lookups->destination[i]) == NULL) {
			hops_teardown(lookups);
			errno = EBADMSG;
			return NULL;
		}
	}
	return lookups;
}

void *hops_gateway_setup(void)
{
	return lookups_new(16, 1024, false);
}

void *hops_link_setup(void)
{
	return lookups_new(16, 1024, true);
}

void *hops_many_setup(void)
{
	return lookups_new(NEXT_HOP_ROUTES_MAX, NEXT_HOP_NEIGHBOURS_MAX, true);
}

void hops_run(void *state, uint64_t rounds)
{
	struct lookups *lookups = state;

	for (; rounds > 0; rounds--)
		for (unsigned i = 0; i < BURST; i++) {
			const struct next_hop *hop = next_hops_find(
				lookups->hops, &lookups->destination[lookups->at++ % DESTINATIONS]);

			measure_keep(hop->destination_mac[5]);
		}
}

void hops_teardown(void *state)
{
	struct lookups *lookups = state;

	next_hops_free(lookups->hops);
	free(lookups);
}
