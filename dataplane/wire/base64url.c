// base64url.c: see base64url.h; the kernel table, and the kernel that runs everywhere.

#include "base64url_kernel.h"
#include "kernel.h"
#include "poison.h"

#include <weir/base64url.h>

enum {
	// Set in every entry of value_of that stands for an octet of the alphabet.
	IN_ALPHABET = 0x80,
	VALUE = 0x3f,
};

static const uint8_t alphabet[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// clang-format off
static const uint8_t value_of[256] = {
	['-'] = 0xbe,
	['0'] = 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd,
	['A'] = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c,
	        0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
	['_'] = 0xbf,
	['a'] = 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6,
	        0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb3,
};
// clang-format on

static uint8_t *group_encode(uint8_t *out, uint32_t bits, unsigned characters)
{
	for (unsigned i = 0; i < characters; i++)
		*out++ = alphabet[bits >> (18 - 6 * i) & VALUE];
	return out;
}

static bool is_in_alphabet(struct span text)
{
	uint8_t common = IN_ALPHABET;

	for (size_t i = 0; i < text.length; i++)
		common &= value_of[text.octets[i]];
	return common != 0;
}

// The last character of a part group has four or two bits that belong to no octet. Were they free, one octet string would
// have several texts (RFC 4648 section 3.5).
static bool slack_is_zero(struct span text)
{
	static const uint8_t slack[4] = {0, 0, 0x0f, 0x03};

	return (value_of[text.octets[text.length - 1]] & slack[text.length % 4]) == 0;
}

static uint32_t group_decode(const uint8_t *text, unsigned characters)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < characters; i++)
		bits |= (uint32_t)(value_of[text[i]] & VALUE) << (18 - 6 * i);
	return bits;
}

static void group_store(uint8_t *out, uint32_t bits, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
}

static void blocks_encode(uint8_t *out, const uint8_t *octets, size_t length)
{
	for (size_t at = 0; at < length; at += 4, octets += 3)
		group_encode(out + at,
			(uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 | octets[2], 4);
}

static bool blocks_decode(uint8_t *out, const uint8_t *text, size_t length)
{
	if (!is_in_alphabet(span_of(text, length)))
		return false;
	for (size_t at = 0; at < length; at += 4, out += 3)
		group_store(out, group_decode(text + at, 4), 3);
	return true;
}

static bool scalar_is_supported(void)
{
	return true;
}

const struct base64url_kernel base64url_kernels[] = {
#if WIRE_V3
	{"avx2", kernel_v3_is_supported, base64url_decode_avx2, base64url_encode_avx2},
#endif
	{"scalar", scalar_is_supported, blocks_decode, blocks_encode},
	{NULL, NULL, NULL, NULL},
};

// set before threads start
static const struct base64url_kernel *chosen;

const struct base64url_kernel *base64url_choose(const struct base64url_kernel *kernels)
{
	while (!kernels->is_supported())
		kernels++;
	return kernels;
}

__attribute__((constructor)) static void kernel_choose(void)
{
	chosen = base64url_choose(base64url_kernels);
}

void base64url_force(const struct base64url_kernel *kernel)
{
	chosen = kernel;
}

size_t base64url_encode(uint8_t *out, const uint8_t *octets, size_t length)
{
	size_t whole = length / 3 * 4;
	uint8_t *end = out + whole;

	if (whole >= BASE64URL_BLOCK_TEXT)
		chosen->encode(out, octets, whole);
	else
		blocks_encode(out, octets, whole);
	octets += length / 3 * 3;
	if (length % 3 == 2)
		end = group_encode(end, (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8, 3);
	if (length % 3 == 1)
		end = group_encode(end, (uint32_t)octets[0] << 16, 2);
	return (size_t)(end - out);
}

// The octets of the part group that may end a text.
static bool rest_is_valid(struct span text, unsigned rest)
{
	return is_in_alphabet(span_of(text.octets + text.length - rest, rest))
		&& slack_is_zero(text);
}

size_t base64url_decode(uint8_t *out, size_t capacity, struct span text)
{
	unsigned rest = text.length % 4;
	size_t whole = text.length - rest;
	size_t octets = whole / 4 * 3 + (rest == 0 ? 0 : rest - 1);

	if (text.length == 0 || rest == 1 || octets > capacity)
		return 0;
	if (rest != 0 && !rest_is_valid(text, rest))
		return 0;
	bool decoded = whole >= BASE64URL_BLOCK_TEXT ? chosen->decode(out, text.octets, whole)
						     : blocks_decode(out, text.octets, whole);

	if (!decoded)
		return 0;
	if (rest != 0)
		group_store(out + whole / 4 * 3, group_decode(text.octets + whole, rest), rest - 1);
	return octets;
}
