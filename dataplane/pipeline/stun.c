#include "stun.h"

#include "stage.h"

// RFC 5389 sections 6, 15 and 18.
enum {
	STUN_BINDING_REQUEST = 0x0001,
	STUN_BINDING_SUCCESS = 0x0101,
	STUN_BINDING_ERROR = 0x0111,
	STUN_COOKIE = 0x2112a442,
	STUN_MAPPED_ADDRESS = 0x0001,
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_ERROR_CODE = 0x0009,
	STUN_UNKNOWN_ATTRIBUTES = 0x000a,
	STUN_REALM = 0x0014,
	STUN_NONCE = 0x0015,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_OPTIONAL = 0x8000, // from here on, attributes may be ignored
	STUN_FINGERPRINT = 0x8028,
	STUN_FINGERPRINT_XOR = 0x5354554e,
};

static uint16_t get16(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

static uint32_t get32(const uint8_t *octets)
{
	return (uint32_t)get16(octets) << 16 | get16(octets + 2);
}

static void put16(uint8_t *octets, uint32_t number)
{
	octets[0] = (uint8_t)(number >> 8);
	octets[1] = (uint8_t)number;
}

static void put32(uint8_t *octets, uint32_t number)
{
	put16(octets, number >> 16);
	put16(octets + 2, number);
}

// The CRC-32 of ITU V.42, as RFC 5389 section 15.5 asks; the few octets of a keep-alive need no table.
static uint32_t crc32_compute(const uint8_t *octets, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= octets[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

static bool attribute_is_known(uint16_t type)
{
	switch (type) {
	case STUN_MAPPED_ADDRESS:
	case STUN_USERNAME:
	case STUN_MESSAGE_INTEGRITY:
	case STUN_ERROR_CODE:
	case STUN_UNKNOWN_ATTRIBUTES:
	case STUN_REALM:
	case STUN_NONCE:
	case STUN_XOR_MAPPED_ADDRESS:
		return true;
	default:
		return type >= STUN_OPTIONAL;
	}
}

// A fingerprint is the last attribute and covers all before it.
static bool fingerprint_is_good(const struct packet *packet, size_t at, size_t length)
{
	return length == 4 && at + 8 == packet->length
		&& get32(packet->octets + at + 4)
		== (crc32_compute(packet->octets, at) ^ STUN_FINGERPRINT_XOR);
}

static bool attributes_read(const struct packet *packet, struct stun *stun)
{
	size_t at = STUN_HEADER_OCTETS;

	while (at < packet->length) {
		uint16_t type = get16(packet->octets + at);
		size_t length = get16(packet->octets + at + 2);

		// The whole is a multiple of 4, so four octets of a header are there.
		if (length > packet->length - at - 4)
			return false;
		if (type == STUN_FINGERPRINT && !fingerprint_is_good(packet, at, length))
			return false;
		if (!attribute_is_known(type) && stun->unknown_count < STUN_UNKNOWN_MAX)
			stun->unknown[stun->unknown_count++] = type;
		at += 4 + (length + 3) / 4 * 4;
	}
	return at == packet->length;
}

bool stun_read(const struct packet *packet, struct stun *stun)
{
	if (packet->length < STUN_HEADER_OCTETS || packet->length % 4 != 0
		|| get16(packet->octets) != STUN_BINDING_REQUEST
		|| get16(packet->octets + 2) != packet->length - STUN_HEADER_OCTETS
		|| get32(packet->octets + 4) != STUN_COOKIE)
		return false;
	memcpy(stun->transaction, packet->octets + 8, sizeof(stun->transaction));
	stun->unknown_count = 0;
	return attributes_read(packet, stun);
}

// RFC 5389 section 15.2: xor-ed with the cookie and, for IPv6, the transaction id behind it.
static size_t mapped_address_write(
	uint8_t *out, const struct endpoint *peer, const uint8_t *cookie_and_transaction)
{
	size_t octets = peer->family == ENDPOINT_V6 ? 16 : 4;

	put16(out, STUN_XOR_MAPPED_ADDRESS);
	put16(out + 2, (uint32_t)octets + 4);
	put16(out + 4, peer->family == ENDPOINT_V6 ? 2 : 1);
	put16(out + 6, peer->port ^ (uint32_t)STUN_COOKIE >> 16);
	for (size_t i = 0; i < octets; i++)
		out[8 + i] = peer->address[i] ^ cookie_and_transaction[i];
	return 8 + octets;
}

static size_t refusal_write(uint8_t *out, const struct stun *stun)
{
	size_t listed = (size_t)stun->unknown_count * 2;
	size_t padded = (listed + 3) / 4 * 4;

	put16(out, STUN_ERROR_CODE);
	put16(out + 2, 4);
	put32(out + 4, 4 << 8 | 20); // class 4, number 20
	put16(out + 8, STUN_UNKNOWN_ATTRIBUTES);
	put16(out + 10, (uint32_t)listed);
	memset(out + 12, 0, padded);
	for (unsigned i = 0; i < stun->unknown_count; i++)
		put16(out + 12 + 2 * i, stun->unknown[i]);
	return 12 + padded;
}

void stun_answer(struct packet *packet, const struct stun *stun)
{
	uint8_t *out = packet->buffer;
	size_t length;

	static_assert(STUN_HEADER_OCTETS + 24 <= PACKET_HEAD_ROOM_MIN
			&& STUN_HEADER_OCTETS + 12 + 2 * STUN_UNKNOWN_MAX <= PACKET_HEAD_ROOM_MIN,
		"an answer fits the head room");
	put32(out + 4, STUN_COOKIE);
	memcpy(out + 8, stun->transaction, sizeof(stun->transaction));
	if (stun->unknown_count != 0)
		length = refusal_write(out + STUN_HEADER_OCTETS, stun);
	else
		length = mapped_address_write(out + STUN_HEADER_OCTETS, &packet->peer, out + 4);
	put16(out, stun->unknown_count != 0 ? STUN_BINDING_ERROR : STUN_BINDING_SUCCESS);
	put16(out + 2, (uint32_t)length);
	packet->octets = out;
	packet->length = (uint32_t)(STUN_HEADER_OCTETS + length);
}
