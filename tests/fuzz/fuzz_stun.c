// STUN on SIP's own ports: whatever comes, an answer goes to a Binding Request alone, says whence it came, is no longer than the head room, and is
// itself nothing that would be answered.

#include "../unit/guard.h"
#include "fuzz.h"
#include "pipeline/stun.h"

enum {
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
	XOR_MAPPED_ADDRESS = 0x0020,
	PORT = 40000,
};

static unsigned get16(const uint8_t *octets)
{
	return (unsigned)octets[0] << 8 | octets[1];
}

// RFC 5389 section 15.2, read back.
static void address_check(const struct packet *packet, const struct endpoint *peer)
{
	const uint8_t *attribute = packet->octets + STUN_HEADER_OCTETS;
	size_t octets = peer->family == ENDPOINT_V6 ? 16 : 4;

	CHECK(packet->length == STUN_HEADER_OCTETS + 8 + octets);
	CHECK(get16(attribute) == XOR_MAPPED_ADDRESS && get16(attribute + 2) == 4 + octets);
	CHECK((get16(attribute + 6) ^ get16(packet->octets + 4)) == peer->port);
	for (size_t i = 0; i < octets; i++)
		CHECK((attribute[8 + i] ^ packet->octets[4 + i]) == peer->address[i]);
}

static void answer_check(struct packet *packet, const uint8_t *request)
{
	struct stun again;
	unsigned type = get16(packet->octets);

	CHECK(packet->octets == packet->buffer && packet->length <= PACKET_HEAD_ROOM_MIN);
	CHECK(get16(packet->octets + 2) == packet->length - STUN_HEADER_OCTETS);
	CHECK(memcmp(packet->octets + 4, request + 4, 16) == 0);
	CHECK(type == BINDING_SUCCESS || type == BINDING_ERROR);
	if (type == BINDING_SUCCESS)
		address_check(packet, &packet->peer);
	CHECK(!stun_read(packet, &again));
}

static void datagram_run(const uint8_t *data, size_t size, uint8_t family)
{
	static struct guard room;
	uint8_t request[STUN_HEADER_OCTETS];
	struct stun stun;

	if (room.map == NULL)
		room = guard_new(PACKET_HEAD_ROOM_MIN + UINT16_MAX);
	uint32_t capacity = (uint32_t)(PACKET_HEAD_ROOM_MIN + size);
	uint8_t *buffer = guard_end(&room, capacity);
	struct packet packet = {.octets = buffer + PACKET_HEAD_ROOM_MIN,
		.length = (uint32_t)size,
		.capacity = capacity,
		.buffer = buffer,
		.peer = {.address = {198, 51, 100, 5}, .port = PORT, .family = family}};

	if (size > 0)
		memcpy(packet.octets, data, size);
	if (!stun_read(&packet, &stun))
		return;
	CHECK(size >= STUN_HEADER_OCTETS && stun.unknown_count <= STUN_UNKNOWN_MAX);
	memcpy(request, packet.octets, sizeof(request));
	stun_answer(&packet, &stun);
	answer_check(&packet, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > UINT16_MAX)
		return 0;
	datagram_run(data, size, ENDPOINT_V4);
	datagram_run(data, size, ENDPOINT_V6);
	return 0;
}
