// checksum.c: the Internet checksum, eight octets at a time (RFC 1071 section 2 C: parallel summation).

#include "checksum.h"

#include <arpa/inet.h>
#include <string.h>

// One's complement: what is carried out comes in again.
static inline uint64_t carry_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

static inline uint64_t word_load(const uint8_t *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	return word;
}

// Fewer than eight octets: each step takes as many as one bit of their number says, so that none is asked for its length.
static uint64_t tail_add(uint64_t sum, const uint8_t *octets, size_t length)
{
	uint32_t four = 0;
	uint16_t two = 0;

	if ((length & 4) != 0)
		memcpy(&four, octets, 4);
	octets += length & 4;
	if ((length & 2) != 0)
		memcpy(&two, octets, 2);
	octets += length & 2;
	sum = carry_add(sum, (uint64_t)four + two);
	if ((length & 1) == 0)
		return sum;
	// Behind it stands a zero (RFC 1071 section 4.1).
	const uint8_t last[2] = {*octets, 0};

	memcpy(&two, last, 2);
	return carry_add(sum, two);
}

uint64_t checksum_add(uint64_t sum, const uint8_t *octets, size_t length)
{
	uint64_t other = 0;

	// Two sums, since each addition waits for the one before.
	for (; length >= 16; octets += 16, length -= 16) {
		sum = carry_add(sum, word_load(octets));
		other = carry_add(other, word_load(octets + 8));
	}
	if (length >= 8) {
		sum = carry_add(sum, word_load(octets));
		octets += 8;
		length -= 8;
	}
	return tail_add(carry_add(sum, other), octets, length);
}

uint64_t checksum_add_field(uint64_t sum, uint16_t field)
{
	return carry_add(sum, htons(field));
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}
