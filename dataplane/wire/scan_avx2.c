// scan_avx2.c: the line scan 64 octets at a time. Built for x86-64-v3 and called only where that runs.

#include "scan.h"

#include <immintrin.h>
#include <string.h>

enum { BLOCK = 64 };

// One bit an octet of the block, lowest first.
struct block {
	uint64_t carriage_returns;
	uint64_t line_feeds;
	uint64_t controls; // CR and LF among them
};

static uint64_t mask_join(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low)
		| (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static uint64_t equal_mask(__m256i low, __m256i high, char octet)
{
	__m256i wanted = _mm256_set1_epi8(octet);

	return mask_join(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

static uint64_t below_space_mask(__m256i low, __m256i high)
{
	__m256i last = _mm256_set1_epi8(0x1f);

	return mask_join(_mm256_cmpeq_epi8(_mm256_min_epu8(low, last), low),
		_mm256_cmpeq_epi8(_mm256_min_epu8(high, last), high));
}

static struct block block_read(const uint8_t *octets)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)octets);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(octets + 32));
	struct block block = {
		.controls = (below_space_mask(low, high) & ~equal_mask(low, high, '\t'))
			| equal_mask(low, high, 0x7f),
	};

	// Most blocks are the middle of a line.
	if (block.controls != 0) {
		block.carriage_returns = equal_mask(low, high, '\r');
		block.line_feeds = equal_mask(low, high, '\n');
	}
	return block;
}

// Where to read the next block: less than a whole one is copied, followed by octets that mean nothing.
static const uint8_t *block_source(const uint8_t *octets, uint32_t left, uint8_t padded[BLOCK])
{
	if (left >= BLOCK)
		return octets;
	memset(padded, ' ', BLOCK);
	memcpy(padded, octets, left);
	return padded;
}

static uint64_t bits_below(unsigned bit)
{
	return bit < 64 ? ((uint64_t)1 << bit) - 1 : ~(uint64_t)0;
}

// Notes the line ends of one block; true when ends[] is full, and then *bit is the LF of the last one.
static bool ends_note(const uint8_t *octets, uint32_t length, uint32_t base, uint64_t line_feeds,
	struct scan *scan, unsigned *bit)
{
	for (; line_feeds != 0; line_feeds &= line_feeds - 1) {
		*bit = (unsigned)__builtin_ctzll(line_feeds);
		uint32_t next = base + *bit + 1;

		if (next < length && (octets[next] == ' ' || octets[next] == '\t'))
			continue;
		scan->ends[scan->count++] = (uint16_t)(next - 2);
		if (scan->count == SCAN_LINES)
			return true;
	}
	return false;
}

enum scan_stop scan_lines_avx2(const uint8_t *octets, uint32_t length, struct scan *scan)
{
	uint32_t base = scan->next;
	uint64_t after_return = 0; // bit 0: the octet before this block is a CR
	// The two bits above the last two octets before this block: they are LF. A message begins after no line.
	uint64_t after_feeds = base > 0 ? 2 : 0;

	uint8_t padded[BLOCK];

	scan->count = 0;
	for (; base < length; base += BLOCK) {
		uint32_t left = length - base;
		struct block block = block_read(block_source(octets + base, left, padded));
		uint64_t bare = block.line_feeds ^ (block.carriage_returns << 1 | after_return);
		uint64_t blank = block.line_feeds & (block.line_feeds << 2 | after_feeds);
		unsigned stop = bare | blank ? (unsigned)__builtin_ctzll(bare | blank) : BLOCK;
		uint64_t others = block.controls & ~block.carriage_returns & ~block.line_feeds;
		unsigned last;

		if (ends_note(octets, length, base, block.line_feeds & bits_below(stop), scan,
			    &last)) {
			scan->control |= (others & bits_below(last)) != 0;
			scan->next = base + last + 1;
			return SCAN_FULL;
		}
		scan->control |= (others & bits_below(stop)) != 0;
		if (stop < left && stop < BLOCK) {
			bool is_bare = bare >> stop & 1;

			scan->next = base + stop + !is_bare;
			return is_bare ? SCAN_BARE : SCAN_BLANK;
		}
		after_return = block.carriage_returns >> 63;
		after_feeds = block.line_feeds >> 62;
	}
	scan->next = length;
	return length > 0 && octets[length - 1] == '\r' ? SCAN_BARE : SCAN_END;
}
