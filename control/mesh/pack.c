#include "pack.h"

void pack_octets(struct packer *packer, const void *octets, size_t length)
{
	if (packer->overflow || length > packer->capacity - packer->length) {
		packer->overflow = true;
		return;
	}
	if (length > 0)
		memcpy(packer->octets + packer->length, octets, length);
	packer->length += length;
}

void pack_number(struct packer *packer, uint64_t number, unsigned octets)
{
	uint8_t little[8];

	for (unsigned i = 0; i < octets; i++)
		little[i] = (uint8_t)(number >> (8 * i));
	pack_octets(packer, little, octets);
}

void pack_text(struct packer *packer, struct span text)
{
	if (text.length > UINT8_MAX) {
		packer->overflow = true;
		return;
	}
	pack_number(packer, text.length, 1);
	pack_octets(packer, text.octets, text.length);
}

struct span unpack_octets(struct unpacker *unpacker, size_t length)
{
	struct span taken = span_of(unpacker->rest.octets, length);

	if (unpacker->short_ || length > unpacker->rest.length) {
		unpacker->short_ = true;
		return span_of(NULL, 0);
	}
	unpacker->rest = span_of(unpacker->rest.octets + length, unpacker->rest.length - length);
	return taken;
}

uint64_t unpack_number(struct unpacker *unpacker, unsigned octets)
{
	struct span little = unpack_octets(unpacker, octets);
	uint64_t number = 0;

	for (size_t i = 0; i < little.length; i++)
		number |= (uint64_t)little.octets[i] << (8 * i);
	return number;
}

struct span unpack_text(struct unpacker *unpacker)
{
	return unpack_octets(unpacker, unpack_number(unpacker, 1));
}
