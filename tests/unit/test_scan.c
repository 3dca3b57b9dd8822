// test_scan.c: every kernel finds the same line ends, and reads nothing beside the octets it is given.

#include "guard.h"
#include "scan.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { LONGEST = 400 };

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

// Mostly text, and often what a kernel must stop and think about.
static void random_fill(uint8_t *octets, size_t length)
{
	static const char pieces[][5] = {"\r\n", "\r\n ", "\r\n\t", "\r\n\r\n", "\r", "\n", "\001",
		"\177", "\t", "a: b", "\200"};
	size_t at = 0;
	uint32_t rare = 1 + random_below(40);

	while (at < length) {
		// The first four are common, so that many inputs get far.
		unsigned piece = random_below(rare) == 0 ? random_below(11)
			: random_below(2) == 0           ? random_below(3)
							 : 9;
		size_t octets_left = length - at;
		size_t step = strlen(pieces[piece]);

		if (step > octets_left)
			step = octets_left;
		memcpy(octets + at, pieces[piece], step);
		at += step;
	}
}

static bool scans_equal(const struct scan *a, const struct scan *b)
{
	return a->next == b->next && a->count == b->count && a->control == b->control
		&& memcmp(a->ends, b->ends, a->count * sizeof(a->ends[0])) == 0;
}

// Runs a kernel and the scalar one side by side to the end of the input.
static void agree(const struct scan_kernel *kernel, const uint8_t *octets, uint32_t length)
{
	struct scan one = {0}, other = {0};
	enum scan_stop stop = SCAN_FULL;

	while (stop == SCAN_FULL) {
		stop = kernel->lines(octets, length, &one);
		enum scan_stop expected = scan_lines_scalar(octets, length, &other);

		cr_assert(eq(int, stop, expected), "%s, %u octets", kernel->name, length);
		cr_assert(scans_equal(&one, &other), "%s, %u octets", kernel->name, length);
	}
}

Test(scan, kernels_agree_on_random_input_at_every_length_between_guard_pages)
{
	struct guard guard = guard_new(LONGEST);

	for (const struct scan_kernel *kernel = scan_kernels; kernel->name != NULL; kernel++) {
		if (!kernel->is_supported())
			continue;
		for (unsigned round = 0; round < 100 * LONGEST; round++) {
			uint32_t length = round % LONGEST;
			uint8_t *end = guard_end(&guard, length);

			random_fill(end, length);
			agree(kernel, end, length);
			agree(kernel, memmove(guard_begin(&guard), end, length), length);
		}
	}
	guard_free(&guard);
}

Test(scan, kernels_agree_at_every_alignment)
{
	static _Alignas(64) uint8_t buffer[64 + LONGEST];

	for (const struct scan_kernel *kernel = scan_kernels; kernel->name != NULL; kernel++) {
		if (!kernel->is_supported())
			continue;
		for (unsigned round = 0; round < 64 * 200; round++) {
			uint8_t *octets = buffer + round % 64;

			random_fill(octets, LONGEST);
			agree(kernel, octets, LONGEST);
		}
	}
}

static enum scan_stop scan_text(const char *text, struct scan *scan)
{
	*scan = (struct scan){0};
	return scan_lines_scalar((const uint8_t *)text, (uint32_t)strlen(text), scan);
}

Test(scan, lines_end_at_crlf_and_folds_end_none)
{
	struct scan scan;

	cr_assert(eq(int, scan_text("a\r\nb\r\n c\r\n\td\r\n\r\nbody\n\001", &scan), SCAN_BLANK));
	cr_assert(eq(u16, scan.count, 2));
	cr_assert(eq(u16, scan.ends[0], 1));
	cr_assert(eq(u16, scan.ends[1], 12));
	cr_assert(eq(u32, scan.next, 16));
	cr_assert(not(scan.control));
}

Test(scan, a_line_of_white_space_is_a_fold_and_not_the_empty_line)
{
	struct scan scan;

	cr_assert(eq(int, scan_text("a\r\n \r\n\r\n", &scan), SCAN_BLANK));
	cr_assert(eq(u16, scan.count, 1));
	cr_assert(eq(u16, scan.ends[0], 4));
}

Test(scan, cr_and_lf_alone_stop_it_where_they_are)
{
	struct scan scan;

	cr_assert(eq(int, scan_text("a\nb", &scan), SCAN_BARE));
	cr_assert(eq(u32, scan.next, 1));
	cr_assert(eq(int, scan_text("a\rb", &scan), SCAN_BARE));
	cr_assert(eq(u32, scan.next, 2));
	cr_assert(eq(int, scan_text("a\r\r\n", &scan), SCAN_BARE));
	cr_assert(eq(int, scan_text("a\r", &scan), SCAN_BARE));
	cr_assert(eq(int, scan_text("a\r\n\n", &scan), SCAN_BARE));
}

Test(scan, octets_without_an_empty_line_come_to_their_end)
{
	struct scan scan;

	cr_assert(eq(int, scan_text("", &scan), SCAN_END));
	cr_assert(eq(int, scan_text("a", &scan), SCAN_END));
	cr_assert(eq(int, scan_text("a\r\nb\r\n", &scan), SCAN_END));
	cr_assert(eq(u16, scan.count, 2));
	cr_assert(eq(int, scan_text("\r\n", &scan), SCAN_END));
	cr_assert(eq(u16, scan.count, 1));
}

Test(scan, control_octets_are_flagged_and_tabs_are_not)
{
	struct scan scan;

	(void)scan_text("a\tb\r\n\r\n\001", &scan);
	cr_assert(not(scan.control));
	(void)scan_text("a\001b\r\n\r\n", &scan);
	cr_assert(scan.control);
	(void)scan_text("a\177b\r\n\r\n", &scan);
	cr_assert(scan.control);
}

Test(scan, a_full_list_goes_on_where_it_stopped)
{
	static const char line[] = "abc\r\n";
	uint8_t octets[5 * (SCAN_LINES + 1) + 2];
	struct scan scan = {0};

	for (unsigned i = 0; i <= SCAN_LINES; i++)
		memcpy(octets + 5 * i, line, 5);
	memcpy(octets + sizeof(octets) - 2, "\r\n", 2);
	cr_assert(eq(int, scan_lines(octets, sizeof(octets), &scan), SCAN_FULL));
	cr_assert(eq(u16, scan.count, SCAN_LINES));
	cr_assert(eq(int, scan_lines(octets, sizeof(octets), &scan), SCAN_BLANK));
	cr_assert(eq(u16, scan.count, 1));
	cr_assert(eq(u32, scan.next, sizeof(octets)));
}

static enum scan_stop nothing_scan(const uint8_t *octets, uint32_t length, struct scan *scan)
{
	scan->next = 4711;
	return SCAN_END;
}

Test(scan, a_test_can_force_a_kernel)
{
	static const struct scan_kernel nothing = {"nothing", NULL, nothing_scan};
	struct scan scan = {0};

	scan_force(&nothing);
	(void)scan_lines((const uint8_t *)"", 0, &scan);
	cr_assert(eq(u32, scan.next, 4711));
}
