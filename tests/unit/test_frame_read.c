// test_frame_read.c: every form of header around a datagram is read, and none that lies.

#include "frame_lab.h"

TestSuite(frame_read, .init = frame_lab_setup, .fini = frame_lab_teardown);

static void make_v4_options(const void *options, size_t length)
{
	made_begin(&made, -1, 0x0800);
	made_put_v4(&made, options, length, 17, 0);
	made_end_udp(&made, 20);
}

Test(frame_read, datagrams_of_both_families_tagged_or_not)
{
	static const struct {
		int tag, vlan;
	} tags[] = {{-1, 0}, {0, 0}, {0xe000, 0}, {7, 7}, {0xb064, 100}, {0xffe, 0xffe}};
	static const size_t payloads[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 499, 500, 1472, 65000};

	for (int family = 4; family <= 6; family += 2)
		for (unsigned t = 0; t < sizeof(tags) / sizeof(tags[0]); t++)
			for (unsigned p = 0; p < sizeof(payloads) / sizeof(payloads[0]); p++) {
				made_plain(&made, family, tags[t].tag, payloads[p]);
				expect_datagram(payloads[p]);
				cr_assert(eq(int, frame.vlan, tags[t].vlan));
			}
}

Test(frame_read, the_largest_datagrams)
{
	made_plain(&made, 4, 7, 65507);
	expect_datagram(65507);
	made_plain(&made, 6, 7, 65527);
	expect_datagram(65527);
}

Test(frame_read, every_prefix_is_refused_and_nothing_past_it_is_read)
{
	for (int family = 4; family <= 6; family += 2)
		for (int tag = -1; tag < 8; tag += 8) {
			made_plain(&made, family, tag, 40);
			for (size_t length = 0; length < made.length; length++) {
				frame.vlan = 77;
				cr_assert(ge(int, read_prefix(length, 0), FRAME_OTHER));
				cr_assert(eq(int, frame.vlan, 77));
				memcpy(guard_begin(&room), made.octets, length);
				cr_assert(ge(int, frame_read(guard_begin(&room), length, 0, &frame),
					FRAME_OTHER));
			}
		}
}

Test(frame_read, padding_behind_the_datagram_is_no_part_of_it)
{
	for (int family = 4; family <= 6; family += 2)
		for (size_t padding = 1; padding < 60; padding++) {
			made_plain(&made, family, -1, 3);
			memset(made.octets + made.length, 0xee, padding);
			made.length += padding;
			expect_datagram(3);
		}
}

Test(frame_read, octets_between_the_end_of_udp_and_of_ip_are_nobodys)
{
	for (int family = 4; family <= 6; family += 2) {
		made_plain(&made, family, -1, 30);
		made_set(&made, made.transport + 4, 8 + 21);
		made_sum_udp(&made, 8 + 21);
		expect_datagram(21);
	}
}

Test(frame_read, lengths_that_lie_are_malformed)
{
	for (int family = 4; family <= 6; family += 2) {
		// UDP says less than its own header, or more than there is.
		for (unsigned length = 0; length < 8; length++) {
			made_plain(&made, family, -1, 30);
			made_set(&made, made.transport + 4, length);
			cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP),
				FRAME_MALFORMED));
		}
		made_plain(&made, family, -1, 30);
		made_set(&made, made.transport + 4, 8 + 31);
		cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP), FRAME_MALFORMED));
		// IP says more than there is, or too little for UDP.
		for (int by = -31; by <= 1; by += 32) {
			made_plain(&made, family, -1, 30);
			made.length = (size_t)((int)made.length + by);
			made_end(&made);
			made.length = (size_t)((int)made.length - by);
			cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP),
				FRAME_MALFORMED));
		}
	}
	// Too little for IPv4 itself.
	for (unsigned total = 0; total < 20; total++) {
		made_plain(&made, 4, -1, 30);
		made_set(&made, made.network + 2, total);
		made_sum_v4(&made);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
	}
	for (unsigned words = 0; words < 5; words++) {
		made_plain(&made, 4, -1, 30);
		made.octets[made.network] = (uint8_t)(0x40 | words);
		cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_IP), FRAME_MALFORMED));
	}
	// An IPv4 header longer than the packet.
	made_begin(&made, -1, 0x0800);
	made_put_v4(&made, NULL, 0, 17, 0);
	made_end(&made);
	made.octets[made.network] = 0x4f;
	cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_IP), FRAME_MALFORMED));
}

// But for what no checksum of its family covers.
static bool octet_is_covered(int family, size_t at)
{
	size_t offset = at - made.network;

	return family == 4 || offset >= 8 || offset == 6 || offset == 4 || offset == 5;
}

Test(frame_read, no_octet_can_be_changed_unseen)
{
	for (int family = 4; family <= 6; family += 2)
		for (unsigned bit = 0; bit < 8; bit++) {
			made_plain(&made, family, -1, 51);
			for (size_t at = made.network; at < made.length; at++) {
				made.octets[at] ^= (uint8_t)(1u << bit);
				if (octet_is_covered(family, at))
					cr_assert(
						ge(int, read_made(), FRAME_OTHER), "octet %zu", at);
				made.octets[at] ^= (uint8_t)(1u << bit);
			}
		}
}

Test(frame_read, a_checksum_that_is_verified_is_not_asked_again)
{
	for (int family = 4; family <= 6; family += 2) {
		made_plain(&made, family, -1, 51);
		made.octets[made.length - 1] ^= 1;
		cr_assert(eq(int, read_made(), FRAME_MALFORMED));
		cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_IP), FRAME_MALFORMED));
		cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP), FRAME_DATAGRAM));
	}
	made_plain(&made, 4, -1, 51);
	made.octets[made.network + 8]--;
	cr_assert(eq(int, read_made(), FRAME_MALFORMED));
	cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP), FRAME_MALFORMED));
	cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_IP), FRAME_DATAGRAM));
}

Test(frame_read, no_udp_checksum_is_good_over_ipv4_alone)
{
	made_plain(&made, 4, -1, 20);
	made_set(&made, made.transport + 6, 0);
	expect_datagram(20);
	made_plain(&made, 6, -1, 20);
	made_set(&made, made.transport + 6, 0);
	cr_assert(eq(int, read_made(), FRAME_MALFORMED));
	cr_assert(eq(int, read_prefix(made.length, FRAME_CHECKSUM_UDP), FRAME_MALFORMED));
}

Test(frame_read, ipv4_options_are_skipped)
{
	static const uint8_t record_route[40] = {1, 7, 39, 4};
	static const uint8_t alert[4] = {148, 4, 0, 0};

	for (size_t length = 4; length <= 40; length += 4) {
		make_v4_options("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
				"\1\1\1\1\1\1",
			length);
		expect_datagram(20);
	}
	make_v4_options(record_route, sizeof(record_route));
	expect_datagram(20);
	make_v4_options(alert, sizeof(alert));
	expect_datagram(20);
	// Behind the end of the list nothing is read.
	make_v4_options("\0\203\377\377", 4);
	expect_datagram(20);
}

Test(frame_read, a_source_route_is_the_kernels_to_judge)
{
	make_v4_options("\1\203\3\4", 4);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	make_v4_options("\211\3\4\0", 4);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}

Test(frame_read, an_ipv4_option_that_lies_is_malformed)
{
	static const char *const options[] = {"\7\0\0\0", "\7\1\0\0", "\7\5\0\0", "\1\1\1\7"};

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		make_v4_options(options[i], 4);
		cr_assert(eq(int, read_made(), FRAME_MALFORMED), "option %u", i);
	}
}

Test(frame_read, what_is_not_udp_over_ip_is_the_kernels)
{
	static const unsigned types[] = {0x0806, 0x88a8, 0x8863, 46, 0};

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		made_plain(&made, 4, -1, 20);
		made_set(&made, 12, types[i]);
		cr_assert(eq(int, read_made(), FRAME_OTHER));
	}
	// The number 4095 is reserved; a second tag is no business of ours.
	made_plain(&made, 4, 0xfff, 20);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_plain(&made, 4, 7, 20);
	made_set(&made, 16, 0x8100);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_plain(&made, 4, -1, 20);
	made.octets[made.network + 9] = 6;
	made_sum_v4(&made);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_plain(&made, 6, -1, 20);
	made.octets[made.network + 6] = 58;
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	// The version is another's.
	made_plain(&made, 4, -1, 20);
	made.octets[made.network] = 0x65;
	made_sum_v4(&made);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_plain(&made, 6, -1, 20);
	made.octets[made.network] = 0x40;
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}

Test(frame_read, a_frame_to_a_group_is_the_kernels)
{
	made_plain(&made, 4, -1, 20);
	memset(made.octets, 0xff, 6);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	made_plain(&made, 6, -1, 20);
	made.octets[0] = 0x33;
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}

static enum frame_kind read_from_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t address[4] = {a, b, c, d};

	made_plain(&made, 4, -1, 20);
	memcpy(made.octets + made.network + 12, address, 4);
	made_sum_v4(&made);
	made_sum_udp(&made, 28);
	return read_made();
}

static enum frame_kind read_from_v6(const uint8_t address[16])
{
	made_plain(&made, 6, -1, 20);
	memcpy(made.octets + made.network + 8, address, 16);
	made_sum_udp(&made, 28);
	return read_made();
}

Test(frame_read, a_source_that_no_host_has_is_malformed)
{
	static const uint8_t v6[][16] = {
		{0}, {[15] = 1}, {0xff, 2, [15] = 1}, {[10] = 0xff, 0xff, 127, 0, 0, 1}};

	cr_assert(eq(int, read_from_v4(127, 0, 0, 1), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(127, 255, 255, 254), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(0, 0, 0, 0), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(224, 0, 0, 1), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(239, 1, 2, 3), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(255, 255, 255, 255), FRAME_MALFORMED));
	cr_assert(eq(int, read_from_v4(126, 0, 0, 1), FRAME_DATAGRAM));
	cr_assert(eq(int, read_from_v4(223, 0, 0, 1), FRAME_DATAGRAM));
	for (unsigned i = 0; i < sizeof(v6) / sizeof(v6[0]); i++)
		cr_assert(eq(int, read_from_v6(v6[i]), FRAME_MALFORMED), "source %u", i);
	cr_assert(eq(int, read_from_v6((const uint8_t[16]){[14] = 1}), FRAME_DATAGRAM));
	cr_assert(eq(int, read_from_v6((const uint8_t[16]){[15] = 2}), FRAME_DATAGRAM));
}
