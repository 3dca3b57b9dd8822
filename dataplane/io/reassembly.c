// reassembly.c: datagrams out of fragments.

#include "reassembly.h"

#include "frame_layout.h"

#include <stdlib.h>

enum {
	UNIT_OCTETS = 8, // in which offsets are counted
	UNITS_MAX = 65536 / UNIT_OCTETS,
	UNITS_A_WORD = 64,
};

struct work_key {
	struct endpoint source; // ports 0
	struct endpoint destination;
	uint32_t identification;
	uint16_t device;
	uint16_t vlan;
};

// One datagram that is being put together.
struct work {
	bool used;
	struct work_key key;
	struct packet *packet; // NULL: overlapped, so that whatever else comes of it is refused
	uint64_t begun_ms;
	uint32_t total; // octets of what IP carries; 0: the last piece has not come
	uint32_t reach; // where the farthest piece ends
	uint32_t have; // octets
	uint64_t *units; // a bit for each that has come
};

struct reassembly {
	struct pool *pool;
	// All of it is looked through for each piece: it is small.
	struct work work[REASSEMBLY_DATAGRAMS_MAX];
	uint64_t units[REASSEMBLY_DATAGRAMS_MAX][UNITS_MAX / UNITS_A_WORD];
};

struct piece {
	struct work_key key;
	const uint8_t *octets;
	uint32_t offset;
	uint32_t length;
	bool more;
};

struct reassembly *reassembly_new(struct pool *pool)
{
	struct reassembly *reassembly = calloc(1, sizeof(*reassembly));

	if (reassembly == NULL)
		return NULL;
	reassembly->pool = pool;
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++)
		reassembly->work[i].units = reassembly->units[i];
	return reassembly;
}

static void work_end(struct reassembly *reassembly, struct work *work)
{
	if (work->packet != NULL)
		pool_give(reassembly->pool, work->packet);
	work->packet = NULL;
	work->used = false;
}

void reassembly_free(struct reassembly *reassembly)
{
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++)
		if (reassembly->work[i].used)
			work_end(reassembly, &reassembly->work[i]);
	free(reassembly);
}

unsigned reassembly_expire(struct reassembly *reassembly, uint64_t now_ms)
{
	unsigned count = 0;

	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++) {
		struct work *work = &reassembly->work[i];

		if (!work->used || now_ms - work->begun_ms < REASSEMBLY_WAIT_MS)
			continue;
		// What has overlapped was given up then.
		count += work->packet != NULL;
		work_end(reassembly, work);
	}
	return count;
}

// Identification, offset and the flag (RFC 791 section 3.1, RFC 8200 section 4.5); frame_read() has seen that they can be.
static struct piece piece_read(unsigned device, const uint8_t *octets, const struct frame *frame)
{
	const uint8_t *ip = octets + frame->network;
	const uint8_t *header = octets + frame->payload - UNIT_OCTETS; // IPv6's fragment header
	struct piece piece = {
		.key = {.source = frame->source,
			.destination = frame->destination,
			.device = (uint16_t)device,
			.vlan = frame->vlan},
		.octets = octets + frame->payload,
		.length = frame->length,
	};

	if (frame->source.family == ENDPOINT_V6) {
		piece.key.identification =
			(uint32_t)field_read(header + 4) << 16 | field_read(header + 6);
		piece.offset = field_read(header + 2) & IPV6_OFFSET_MASK;
		piece.more = (field_read(header + 2) & IPV6_MORE_FRAGMENTS) != 0;
	} else {
		piece.key.identification = field_read(ip + 4);
		piece.offset = (field_read(ip + 6) & IPV4_OFFSET_MASK) * UNIT_OCTETS;
		piece.more = (field_read(ip + 6) & IPV4_MORE_FRAGMENTS) != 0;
	}
	return piece;
}

static struct work *work_find(struct reassembly *reassembly, const struct work_key *key)
{
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++) {
		struct work *work = &reassembly->work[i];

		if (work->used && memcmp(&work->key, key, sizeof(*key)) == 0)
			return work;
	}
	return NULL;
}

// Where a datagram of this source may begin: the oldest of it, if it has its share, else a free place, else the oldest of all.
static struct work *place_find(struct reassembly *reassembly, const struct endpoint *source)
{
	struct work *oldest = &reassembly->work[0];
	struct work *oldest_own = NULL;
	struct work *free_place = NULL;
	unsigned own = 0;

	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++) {
		struct work *work = &reassembly->work[i];

		if (!work->used) {
			free_place = work;
			continue;
		}
		if (work->begun_ms < oldest->begun_ms)
			oldest = work;
		if (!endpoint_equal(&work->key.source, source))
			continue;
		own++;
		if (oldest_own == NULL || work->begun_ms < oldest_own->begun_ms)
			oldest_own = work;
	}
	if (own >= REASSEMBLY_SOURCE_MAX)
		return oldest_own;
	return free_place != NULL ? free_place : oldest;
}

// NULL: no packet is free.
static struct work *work_begin(struct reassembly *reassembly, const struct work_key *key,
	uint64_t now_ms, uint64_t *refused)
{
	struct work *work = place_find(reassembly, &key->source);

	if (work->used) {
		*refused += work->packet != NULL;
		work_end(reassembly, work);
	}
	struct packet *packet = pool_take(reassembly->pool);

	if (packet == NULL)
		return NULL;
	memset(work->units, 0, sizeof(reassembly->units[0]));
	*work = (struct work){.used = true,
		.key = *key,
		.packet = packet,
		.begun_ms = now_ms,
		.units = work->units};
	return work;
}

// What IP carried stands where its payload, without UDP's header, has the head room of any packet.
static uint8_t *work_octets(const struct work *work)
{
	return work->packet->buffer + PACKET_HEAD_ROOM - UDP_OCTETS;
}

static bool unit_has_come(const struct work *work, uint32_t unit)
{
	return (work->units[unit / UNITS_A_WORD] >> unit % UNITS_A_WORD & 1) != 0;
}

static unsigned units_come(const struct work *work, uint32_t first, uint32_t end)
{
	unsigned count = 0;

	for (uint32_t unit = first; unit < end; unit++)
		count += unit_has_come(work, unit);
	return count;
}

// Where the datagram ends is told once, and nothing is beyond.
static bool end_holds(const struct work *work, const struct piece *piece)
{
	uint32_t end = piece->offset + piece->length;

	if (!piece->more && (work->reach > end || (work->total != 0 && work->total != end)))
		return false;
	return work->total == 0 || end <= work->total;
}

static enum reassembly_result piece_place(struct work *work, const struct piece *piece)
{
	uint32_t end = piece->offset + piece->length;
	uint32_t first_unit = piece->offset / UNIT_OCTETS;
	uint32_t end_unit = (end + UNIT_OCTETS - 1) / UNIT_OCTETS;
	uint8_t *at = work_octets(work) + piece->offset;

	if (!end_holds(work, piece))
		return REASSEMBLY_REFUSED;
	unsigned come = units_come(work, first_unit, end_unit);

	if (come == end_unit - first_unit && memcmp(at, piece->octets, piece->length) == 0)
		return REASSEMBLY_WAITS;
	if (come > 0)
		return REASSEMBLY_REFUSED;
	memcpy(at, piece->octets, piece->length);
	for (uint32_t unit = first_unit; unit < end_unit; unit++)
		work->units[unit / UNITS_A_WORD] |= UINT64_C(1) << unit % UNITS_A_WORD;
	work->have += piece->length;
	if (end > work->reach)
		work->reach = end;
	if (!piece->more)
		work->total = end;
	return work->have == work->total ? REASSEMBLY_WHOLE : REASSEMBLY_WAITS;
}

// Length and checksum of UDP, as of a datagram in one frame (RFC 768, RFC 8200 section 8.1). Returns the length, 0: it is malformed.
static uint16_t udp_judge(const struct work *work)
{
	const uint8_t *udp = work_octets(work);
	bool v6 = work->key.source.family == ENDPOINT_V6;
	uint8_t addresses[32];
	size_t half = v6 ? 16 : 4;

	if (work->total < UDP_OCTETS)
		return 0;
	uint16_t length = field_read(udp + 4);

	if (length < UDP_OCTETS || length > work->total)
		return 0;
	if (field_read(udp + 6) == 0)
		return v6 ? 0 : length;
	memcpy(addresses, work->key.source.address, half);
	memcpy(addresses + half, work->key.destination.address, half);
	uint64_t sum = checksum_add(0, addresses, 2 * half);

	sum = checksum_add_field(checksum_add_field(sum, PROTOCOL_UDP), length);
	return checksum_fold(checksum_add(sum, udp, length)) == UINT16_MAX ? length : 0;
}

static enum reassembly_result work_finish(
	struct reassembly *reassembly, struct work *work, struct reassembled *whole)
{
	const uint8_t *udp = work_octets(work);
	uint16_t length = udp_judge(work);

	if (length == 0) {
		work_end(reassembly, work);
		return REASSEMBLY_REFUSED;
	}
	*whole = (struct reassembled){work->packet, work->key.destination};
	whole->destination.port = field_read(udp + 2);
	whole->packet->octets = work_octets(work) + UDP_OCTETS;
	whole->packet->length = length - UDP_OCTETS;
	whole->packet->peer = work->key.source;
	whole->packet->peer.port = field_read(udp);
	work->packet = NULL;
	work->used = false;
	return REASSEMBLY_WHOLE;
}

// Nothing more is taken of this datagram until it would have timed out.
static void work_spoil(struct reassembly *reassembly, struct work *work)
{
	pool_give(reassembly->pool, work->packet);
	work->packet = NULL;
}

static enum reassembly_result piece_take(struct reassembly *reassembly, const struct piece *piece,
	uint64_t now_ms, struct reassembled *whole, uint64_t *refused)
{
	struct work *work = work_find(reassembly, &piece->key);

	if (work == NULL)
		work = work_begin(reassembly, &piece->key, now_ms, refused);
	if (work == NULL || work->packet == NULL)
		return REASSEMBLY_REFUSED;
	switch (piece_place(work, piece)) {
	case REASSEMBLY_WAITS:
		return REASSEMBLY_WAITS;
	case REASSEMBLY_WHOLE:
		return work_finish(reassembly, work, whole);
	case REASSEMBLY_REFUSED:
		break;
	}
	work_spoil(reassembly, work);
	return REASSEMBLY_REFUSED;
}

enum reassembly_result reassembly_add(struct reassembly *reassembly, unsigned device,
	const uint8_t *octets, const struct frame *frame, uint64_t now_ms,
	struct reassembled *whole, uint64_t *refused)
{
	struct piece piece = piece_read(device, octets, frame);
	enum reassembly_result result = REASSEMBLY_REFUSED;

	*refused += reassembly_expire(reassembly, now_ms);
	if (!piece.more || piece.length >= REASSEMBLY_PIECE_MIN)
		result = piece_take(reassembly, &piece, now_ms, whole, refused);
	if (result == REASSEMBLY_REFUSED)
		(*refused)++;
	return result;
}
