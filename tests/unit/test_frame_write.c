// test_frame_write.c: what is written is what a reader and a card expect.

#include "checksum.h"
#include "frame.h"
#include "frame_maker.h"
#include "guard.h"
#include "random.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct endpoint v4_source = {
	.address = {192, 0, 2, 1}, .family = ENDPOINT_V4, .port = 5060};
static const struct endpoint v4_destination = {
	.address = {198, 51, 100, 2}, .family = ENDPOINT_V4, .port = 40000};
static const struct endpoint v6_source = {
	.address = {0x20, 1, 0x0d, 0xb8, [15] = 1}, .family = ENDPOINT_V6, .port = 5060};
static const struct endpoint v6_destination = {
	.address = {0x20, 1, 0x0d, 0xb8, [15] = 2}, .family = ENDPOINT_V6, .port = 40000};

static struct next_hop hop = {
	.source_mac = {2, 0, 0, 0, 0, 1},
	.destination_mac = {2, 0, 0, 0, 0, 2},
};
static struct made_frame made;
static struct guard room;

static void setup(void)
{
	room = guard_new(FRAME_MADE_MAX);
}

static void teardown(void)
{
	guard_free(&room);
}

TestSuite(frame_write, .init = setup, .fini = teardown);

// Into `made`, from where nothing before the headers can be written.
static void write_made(int family, const uint8_t *payload, uint16_t length, unsigned offloaded)
{
	size_t headers = 14 + (hop.vlan != 0 ? 4 : 0) + (family == 6 ? 40 : 20) + 8;
	uint8_t *at = guard_begin(&room) + headers;

	if (length > 0)
		memcpy(at, payload, length);
	size_t written = frame_write(at, length, &hop, family == 6 ? &v6_source : &v4_source,
		family == 6 ? &v6_destination : &v4_destination, offloaded);

	cr_assert(eq(sz, written, headers));
	cr_assert(le(sz, written, FRAME_HEADERS_MAX));
	made.length = 0;
	made_put(&made, guard_begin(&room), headers + length);
	made.transport = headers - 8;
	made.network = made.transport - (family == 6 ? 40 : 20);
}

// As a card does it: the field holds the pseudo header's sum already.
static void card_fill(size_t length, unsigned offloaded)
{
	if ((offloaded & FRAME_CHECKSUM_UDP) != 0) {
		unsigned sum = made_sum(0, made.octets + made.transport, 8 + length);

		cr_assert(eq(uint,
			made.octets[made.transport + 6] << 8 | made.octets[made.transport + 7],
			made_pseudo_sum(&made, 8 + length)));
		made_set(&made, made.transport + 6, (~sum & 0xffff) == 0 ? 0xffff : ~sum & 0xffff);
	}
	if ((offloaded & FRAME_CHECKSUM_IP) != 0 && !made_is_v6(&made)) {
		cr_assert(eq(uint,
			made.octets[made.network + 10] << 8 | made.octets[made.network + 11], 0));
		made_sum_v4(&made);
	}
}

static void expect_read_back(int family, const uint8_t *payload, uint16_t length)
{
	struct frame frame;

	cr_assert(eq(int, frame_read(made.octets, made.length, 0, &frame), FRAME_DATAGRAM));
	cr_assert(endpoint_equal(&frame.source, family == 6 ? &v6_source : &v4_source));
	cr_assert(endpoint_equal(
		&frame.destination, family == 6 ? &v6_destination : &v4_destination));
	cr_assert(eq(int, frame.vlan, hop.vlan));
	cr_assert(eq(int, frame.length, length));
	cr_assert(eq(sz, frame.payload + (size_t)length, made.length));
	cr_assert(eq(int, memcmp(made.octets + frame.payload, payload, length), 0));
	cr_assert(eq(int, memcmp(made.octets, hop.destination_mac, 6), 0));
	cr_assert(eq(int, memcmp(made.octets + 6, hop.source_mac, 6), 0));
}

Test(frame_write, all_combinations_are_read_back)
{
	static const uint16_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 500, 1232, 1472, 65507};
	static const uint16_t vlans[] = {0, 1, 4094};
	static uint8_t payload[65507];
	struct random random = {1};

	random_fill(&random, payload, sizeof(payload));
	for (int family = 4; family <= 6; family += 2)
		for (unsigned v = 0; v < 3; v++)
			for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
				for (unsigned offloaded = 0; offloaded < 4; offloaded++) {
					hop.vlan = vlans[v];
					write_made(family, payload, lengths[l], offloaded);
					card_fill(lengths[l], offloaded);
					expect_read_back(family, payload, lengths[l]);
				}
}

Test(frame_write, an_ipv4_datagram_is_atomic)
{
	write_made(4, (const uint8_t *)"abc", 3, 0);
	const uint8_t *ip = made.octets + made.network;

	// Header, type of service, length, identification, DF alone, time to live.
	cr_assert(eq(int, memcmp(ip, "\x45\0\0\x1f\0\0\x40\0\x40\x11", 10), 0));
}

Test(frame_write, an_ipv6_datagram_has_no_class_and_no_label)
{
	write_made(6, (const uint8_t *)"abc", 3, 0);
	cr_assert(eq(int, memcmp(made.octets + made.network, "\x60\0\0\0\0\x0b\x11\x40", 8), 0));
}

Test(frame_write, a_udp_checksum_of_zero_is_written_as_ones)
{
	for (int family = 4; family <= 6; family += 2) {
		uint8_t payload[2] = {0, 0};

		// Two octets that make up for all others.
		write_made(family, payload, 2, 0);
		memcpy(payload, made.octets + made.transport + 6, 2);
		write_made(family, payload, 2, 0);
		cr_assert(eq(int, made.octets[made.transport + 6], 0xff));
		cr_assert(eq(int, made.octets[made.transport + 7], 0xff));
		expect_read_back(family, payload, 2);
	}
}

Test(frame_write, checksums_of_every_length_and_alignment_are_those_of_rfc_1071)
{
	uint8_t octets[600];
	struct random random = {2};

	for (unsigned round = 0; round < 3; round++) {
		random_fill(&random, octets, sizeof(octets));
		// Many carries.
		if (round == 1)
			memset(octets, 0xff, sizeof(octets));
		if (round == 2)
			memset(octets, 0, sizeof(octets));
		for (size_t length = 0; length <= 560; length++)
			for (size_t offset = 0; offset < 17; offset++) {
				uint16_t sum =
					checksum_fold(checksum_add(0, octets + offset, length));
				uint8_t written[2];

				memcpy(written, &sum, 2);
				cr_assert(eq(uint, written[0] << 8 | written[1],
					made_sum(0, octets + offset, length)));
			}
	}
}

// RFC 1071 section 3: the example.
Test(frame_write, the_sum_of_the_rfcs_example)
{
	static const uint8_t example[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t sum = checksum_fold(checksum_add(checksum_add(0, example, 2), example + 2, 6));

	cr_assert(eq(int, memcmp(&sum, "\xdd\xf2", 2), 0));
}
