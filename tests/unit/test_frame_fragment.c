// test_frame_fragment.c: fragments of both families are told from whole datagrams.

#include "frame_lab.h"

TestSuite(frame_fragment, .init = frame_lab_setup, .fini = frame_lab_teardown);

static void expect_fragment(size_t length)
{
	frame = (struct frame){0};
	cr_assert(eq(int, read_made(), FRAME_FRAGMENT));
	bool v6 = made_is_v6(&made);

	cr_assert(eq(int, memcmp(frame.source.address, v6 ? made_v6 : made_v4, v6 ? 16 : 4), 0));
	cr_assert(eq(int,
		memcmp(frame.destination.address, v6 ? made_v6 + 16 : made_v4 + 4, v6 ? 16 : 4),
		0));
	cr_assert(eq(int, frame.source.port, 0));
	cr_assert(eq(int, frame.destination.port, 0));
	cr_assert(eq(int, frame.vlan, 5));
	cr_assert(eq(sz, frame.network, made.network));
	cr_assert(eq(sz, frame.payload, made.transport));
	cr_assert(eq(sz, frame.length, length));
}

// fragment: as IPv4 has it: MF is 0x2000, the offset in eights.
static void make_fragment(int family, unsigned fragment, size_t length)
{
	static const uint8_t piece[65535] = {0x13, 0xc4, 0x13, 0xd8, 0x10, 0};

	made_begin(&made, 5, family == 6 ? 0x86dd : 0x0800);
	if (family == 6) {
		made_put_v6(&made);
		made_put_v6_fragment(&made, (fragment & 0x1fff) << 3 | fragment >> 13);
		made_chain(&made, 17);
	} else {
		made_put_v4(&made, "\1\1\1\1", 4, 17, fragment);
	}
	made_put(&made, piece, length);
	made_end(&made);
	made_put(&made, "padding", 7);
}

Test(frame_fragment, fragments_of_both_families)
{
	for (int family = 4; family <= 6; family += 2) {
		make_fragment(family, 0x2000, 1400);
		expect_fragment(1400);
		make_fragment(family, 0x2000 | 175, 8);
		expect_fragment(8);
		make_fragment(family, 176, 13);
		expect_fragment(13);
		make_fragment(family, 1, 1);
		expect_fragment(1);
	}
}

Test(frame_fragment, a_fragment_that_cannot_be_a_piece_is_malformed)
{
	for (int family = 4; family <= 6; family += 2) {
		size_t header = family == 4 ? 24 : 0;

		// Nothing in it; not the last, and no multiple of eight; past the largest packet.
		make_fragment(family, 0x2000, 0);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
		make_fragment(family, 100, 0);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
		make_fragment(family, 0x2000, 1401);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
		make_fragment(family, 0x1f00, 65535 - 0x1f00 * 8 - header);
		expect_fragment(65535 - 0x1f00 * 8 - header);
		make_fragment(family, 0x1f00, 65535 - 0x1f00 * 8 - header + 1);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
		// A length beyond the frame.
		make_fragment(family, 0x2000, 64);
		made.length -= 8;
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
	}
	make_fragment(4, 0x2000, 64);
	made.octets[made.network + 8]--;
	cr_assert(eq(int, read_made(), FRAME_MALFORMED));
}

Test(frame_fragment, fragments_of_other_protocols_are_the_kernels)
{
	made_begin(&made, 5, 0x0800);
	made_put_v4(&made, NULL, 0, 1, 0x2000);
	made_put(&made, made_v6, 32);
	made_end(&made);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_begin(&made, 5, 0x86dd);
	made_put_v6(&made);
	made_put_v6_fragment(&made, 1);
	made_chain(&made, 58);
	made_put(&made, made_v6, 32);
	made_end(&made);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}

Test(frame_fragment, an_ipv6_fragment_with_headers_of_its_own_is_the_kernels_first_or_last)
{
	for (unsigned offset = 0; offset < 2; offset++) {
		begin_v6();
		made_put_v6_fragment(&made, offset * 64 | 1);
		made_put_extension(&made, 60, PADS, 6);
		made_end_udp(&made, 32);
		cr_assert(eq(int, read_made(), FRAME_OTHER));
	}
}

Test(frame_fragment, an_ipv6_fragment_behind_extension_headers)
{
	made_begin(&made, 5, 0x86dd);
	made_put_v6(&made);
	made_put_extension(&made, 0, PADS, 6);
	made_put_extension(&made, 60, PADS, 6);
	made_put_v6_fragment(&made, 0x100 | 1);
	made_chain(&made, 17);
	made_put(&made, made_v6, 32);
	made_end(&made);
	expect_fragment(32);
}

Test(frame_fragment, an_atomic_fragment_is_a_whole_datagram)
{
	begin_v6();
	made_put_v6_fragment(&made, 0);
	made_end_udp(&made, 20);
	expect_datagram(20);
	begin_v6();
	made_put_v6_fragment(&made, 0);
	made_put_v6_fragment(&made, 0);
	made_end_udp(&made, 20);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}
