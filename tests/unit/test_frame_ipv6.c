// test_frame_ipv6.c: extension headers are skipped as RFC 8200 says, a bounded number of them.

#include "frame_lab.h"

TestSuite(frame_ipv6, .init = frame_lab_setup, .fini = frame_lab_teardown);

Test(frame_ipv6, every_prefix_with_extension_headers_is_refused)
{
	begin_v6();
	made_put_extension(&made, 0, PADS, 6);
	made_put_extension(&made, 60, PADS, 6);
	made_put_extension(&made, 43, "\0\0\0\0\0\0", 6);
	made_put_v6_fragment(&made, 0);
	made_put_extension(&made, 60, PADS PADS "\1\0", 14);
	made_end_udp(&made, 40);
	expect_datagram(40);
	for (size_t length = 0; length < made.length; length++)
		cr_assert(ge(int, read_prefix(length, 0), FRAME_OTHER));
}

Test(frame_ipv6, ipv6_extension_headers_are_skipped_up_to_five)
{
	for (unsigned count = 0; count <= 6; count++) {
		begin_v6();
		for (unsigned i = 0; i < count; i++)
			made_put_extension(&made, i == 0 ? 0 : 60, PADS, 6);
		made_end_udp(&made, 20);
		if (count <= 5)
			expect_datagram(20);
		else
			cr_assert(eq(int, read_made(), FRAME_OTHER));
	}
}

Test(frame_ipv6, hop_by_hop_options_stand_first_or_nowhere)
{
	begin_v6();
	made_put_extension(&made, 60, PADS, 6);
	made_put_extension(&made, 0, PADS, 6);
	made_end_udp(&made, 20);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}

Test(frame_ipv6, a_routing_header_is_skipped_where_it_ends)
{
	for (unsigned left = 0; left < 2; left++) {
		const uint8_t routing[22] = {4, (uint8_t)left};

		begin_v6();
		made_put_extension(&made, 43, routing, sizeof(routing));
		made_end_udp(&made, 20);
		if (left == 0)
			expect_datagram(20);
		else
			cr_assert(eq(int, read_made(), FRAME_OTHER));
	}
}

Test(frame_ipv6, an_option_that_wants_to_be_understood_is_the_kernels)
{
	// Router alert may be skipped; quick-start too; these of the other three actions may not.
	static const struct {
		const char *option;
		enum frame_kind kind;
	} options[] = {
		{"\5\2\0\0\1\0", FRAME_DATAGRAM}, {"\46\4\0\0\0\0", FRAME_DATAGRAM},
		{"\0\0\0\0\0\0", FRAME_DATAGRAM}, {"\1\4\0\0\0\0", FRAME_DATAGRAM},
		{"\102\4\0\0\0\0", FRAME_OTHER}, {"\202\4\0\0\0\0", FRAME_OTHER},
		{"\302\4\0\1\0\0", FRAME_OTHER}, // jumbo payload
		{"\1\5\0\0\0\0", FRAME_OTHER}, // longer than its header
		{"\0\0\0\0\0\1", FRAME_OTHER}, // its length is not there
	};
	static const unsigned protocols[] = {0, 60};

	for (unsigned p = 0; p < 2; p++)
		for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
			begin_v6();
			made_put_extension(&made, protocols[p], options[i].option, 6);
			made_end_udp(&made, 20);
			cr_assert(eq(int, read_made(), options[i].kind), "option %u", i);
		}
}

Test(frame_ipv6, options_without_end_are_the_kernels)
{
	static const uint8_t zeros[2046];

	begin_v6();
	made_put_extension(&made, 0, zeros, 14);
	made_end_udp(&made, 20);
	expect_datagram(20);
	begin_v6();
	made_put_extension(&made, 0, zeros, 22);
	made_end_udp(&made, 20);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
	begin_v6();
	made_put_extension(&made, 60, zeros, sizeof(zeros));
	made_end_udp(&made, 20);
	cr_assert(eq(int, read_made(), FRAME_OTHER));
}
