// base64url_avx2.c: 32 characters at a time (W. Mula, D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018). Built
// for x86-64-v3 and called only where that runs.
//
// The last block may overlap the one before it, which then is coded twice to the same result: so nothing is read or written past the ends.

#include "base64url_kernel.h"

#include <immintrin.h>

static __m256i text_load(const uint8_t *text)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)text);
}

static __m256i range_mask(__m256i text, char first, char last)
{
	return _mm256_and_si256(_mm256_cmpgt_epi8(text, _mm256_set1_epi8((char)(first - 1))),
		_mm256_cmpgt_epi8(_mm256_set1_epi8((char)(last + 1)), text));
}

// What is added to a character to make it its value, and, in *known, which are in the alphabet at all.
static __m256i shift_find(__m256i text, __m256i *known)
{
	const __m256i upper = range_mask(text, 'A', 'Z');
	const __m256i lower = range_mask(text, 'a', 'z');
	const __m256i digit = range_mask(text, '0', '9');
	const __m256i minus = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('-'));
	const __m256i underscore = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('_'));
	const __m256i letters = _mm256_or_si256(_mm256_and_si256(upper, _mm256_set1_epi8(-'A')),
		_mm256_and_si256(lower, _mm256_set1_epi8(26 - 'a')));
	const __m256i others = _mm256_or_si256(_mm256_and_si256(digit, _mm256_set1_epi8(52 - '0')),
		_mm256_or_si256(_mm256_and_si256(minus, _mm256_set1_epi8(62 - '-')),
			_mm256_and_si256(underscore, _mm256_set1_epi8(63 - '_'))));

	*known = _mm256_or_si256(_mm256_or_si256(upper, lower),
		_mm256_or_si256(digit, _mm256_or_si256(minus, underscore)));
	return _mm256_or_si256(letters, others);
}

static bool block_is_known(const uint8_t *text)
{
	__m256i known;

	(void)shift_find(text_load(text), &known);
	return _mm256_movemask_epi8(known) == -1;
}

// Four values of six bits to three octets, in every 32 bits; then the octets side by side.
static __m256i values_pack(__m256i values)
{
	const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
	const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
	const __m256i octets = _mm256_shuffle_epi8(fours,
		_mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0, 6,
			5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));

	return _mm256_permutevar8x32_epi32(octets, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

static void block_decode(uint8_t *out, const uint8_t *text)
{
	__m256i characters = text_load(text);
	__m256i known;
	__m256i packed = values_pack(_mm256_add_epi8(characters, shift_find(characters, &known)));

	_mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(packed));
	_mm_storel_epi64((__m128i *)(void *)(out + 16), _mm256_extracti128_si256(packed, 1));
}

bool base64url_decode_avx2(uint8_t *out, const uint8_t *text, size_t length)
{
	const size_t last = length - BASE64URL_BLOCK_TEXT;

	for (size_t at = 0; at < last; at += BASE64URL_BLOCK_TEXT)
		if (!block_is_known(text + at))
			return false;
	if (!block_is_known(text + last))
		return false;
	for (size_t at = 0; at < last; at += BASE64URL_BLOCK_TEXT)
		block_decode(out + at / 4 * 3, text + at);
	block_decode(out + last / 4 * 3, text + last);
	return true;
}

// Twelve octets in each half, every three of them as the four that the multiplications below take apart.
static __m256i octets_spread(const uint8_t *octets)
{
	const __m128i first = _mm_loadu_si128((const __m128i *)(const void *)octets);
	const __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(octets + 8));

	return _mm256_shuffle_epi8(_mm256_set_m128i(second, first),
		_mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 5, 4, 6, 5, 8,
			7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14));
}

static __m256i values_unpack(__m256i spread)
{
	const __m256i odd =
		_mm256_mulhi_epu16(_mm256_and_si256(spread, _mm256_set1_epi32(0x0fc0fc00)),
			_mm256_set1_epi32(0x04000040));
	const __m256i even =
		_mm256_mullo_epi16(_mm256_and_si256(spread, _mm256_set1_epi32(0x003f03f0)),
			_mm256_set1_epi32(0x01000010));

	return _mm256_or_si256(odd, even);
}

// By the range that a value is in: 26 to 51, each of 52 to 61, 62, 63, 0 to 25.
static __m256i values_write(__m256i values)
{
	const __m256i shifts = _mm256_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
		'0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '-' - 62, '_' - 63, 'A',
		0, 0, 'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
		'0' - 52, '0' - 52, '0' - 52, '0' - 52, '-' - 62, '_' - 63, 'A', 0, 0);
	const __m256i above = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
	const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
	const __m256i range = _mm256_or_si256(above, _mm256_and_si256(upper, _mm256_set1_epi8(13)));

	return _mm256_add_epi8(values, _mm256_shuffle_epi8(shifts, range));
}

static void block_encode(uint8_t *out, const uint8_t *octets)
{
	_mm256_storeu_si256(
		(__m256i *)(void *)out, values_write(values_unpack(octets_spread(octets))));
}

void base64url_encode_avx2(uint8_t *out, const uint8_t *octets, size_t length)
{
	const size_t last = length - BASE64URL_BLOCK_TEXT;

	for (size_t at = 0; at < last; at += BASE64URL_BLOCK_TEXT)
		block_encode(out + at, octets + at / 4 * 3);
	block_encode(out + last, octets + last / 4 * 3);
}
