// test_dpdk_refuse.c: what is not a datagram for us, not whole, or cannot leave: counted, and every packet comes back.

#include "dpdk_lab.h"
#include "frame_maker.h"
#include "reassembly.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <rte_ring.h>

#include <unistd.h>

static struct dpdk_lab lab;
static struct io_port *port;
static struct packet *packets[BURST_MAX];
static uint8_t frame[LAB_FRAME_MAX];
static struct endpoint peer;
static struct endpoint peer6;

static void setup(void)
{
	dpdk_lab_open(&lab, 1, 0);
	port = lab.port[0];
	peer = dpdk_lab_endpoint("192.0.2.9", 5070);
	peer6 = dpdk_lab_endpoint("2001:db8::9", 5070);
}

static void teardown(void)
{
	dpdk_lab_close(&lab);
}

TestSuite(dpdk_refuse, .init = setup, .fini = teardown, .timeout = 60);

static struct span text(const struct packet *packet)
{
	return span_of(packet->octets, packet->length);
}

static unsigned receive(void)
{
	return port->ops->receive(port, packets, BURST_MAX);
}

// The next frame that was sent is a sound datagram.
static struct frame frame_sent(unsigned worker)
{
	struct frame read;
	size_t length = dpdk_lab_take(&lab, worker, frame);

	cr_assert(gt(sz, length, 0));
	cr_assert(eq(int, frame_read(frame, length, 0, &read), FRAME_DATAGRAM));
	return read;
}

// Cuts an IPv4 datagram for this destination in two, and feeds the halves that are asked for.
static void fragments_feed(
	const struct endpoint *to, uint16_t identification, bool first, bool last)
{
	enum { CUT = 1480, PAYLOAD = 1900 };
	static uint8_t payload[PAYLOAD];
	size_t length = dpdk_lab_datagram(frame, &peer, to, 0, span_of(payload, PAYLOAD));

	for (unsigned half = 0; half < 2; half++) {
		static struct made_frame made;

		if (!(half == 0 ? first : last))
			continue;
		made = (struct made_frame){.network = 14};
		made_put(&made, frame, 34);
		made_put(&made, frame + 34 + half * CUT, half == 0 ? CUT : length - 34 - CUT);
		made_set(&made, 14 + 4, identification);
		made_set(&made, 14 + 6, half == 0 ? 0x2000 : CUT / 8);
		made_end(&made);
		cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(made.octets, made.length)));
	}
}

Test(dpdk_refuse, fragments_become_a_message_of_their_listener)
{
	fragments_feed(&lab.listeners[2].address, 7, true, true);
	cr_assert(eq(uint, receive(), 1));
	cr_assert(eq(u32, packets[0]->length, 1900));
	cr_assert(endpoint_equal(&packets[0]->peer, &peer));
	cr_assert(eq(int, packets[0]->listener, 3));
	port->ops->release(port, packets, 1);
	cr_assert(eq(u64, LAB_COUNTER(&lab, fragments), 2));
	cr_assert(eq(u64, LAB_COUNTER(&lab, fragments_refused), 0));
}

Test(dpdk_refuse, fragments_for_others_are_not_kept)
{
	struct endpoint elsewhere = dpdk_lab_endpoint("192.0.2.77", 5060);
	struct endpoint other_port = dpdk_lab_endpoint("192.0.2.1", 9);

	fragments_feed(&elsewhere, 7, true, true);
	cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, other), 2));
	cr_assert(eq(u64, LAB_COUNTER(&lab, fragments), 0));
	// The port is known when all of it has come.
	fragments_feed(&other_port, 8, true, true);
	cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, no_listener), 1));
}

Test(dpdk_refuse, a_flood_of_fragments_takes_a_bounded_room_and_gives_it_back)
{
	for (uint16_t i = 0; i < 2000; i++) {
		fragments_feed(&lab.listeners[0].address, i, true, false);
		cr_assert(eq(uint, receive(), 0));
		cr_assert(
			le(uint, io_dpdk_packets_out(port), lab.baseline + REASSEMBLY_SOURCE_MAX));
	}
	cr_assert(eq(u64, LAB_COUNTER(&lab, fragments_refused), 2000 - REASSEMBLY_SOURCE_MAX));
	usleep((REASSEMBLY_WAIT_MS + 50) * 1000);
	// Nothing more comes, and still they are given up.
	for (unsigned i = 0; i < 2000; i++)
		cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(uint, io_dpdk_packets_out(port), lab.baseline));
	cr_assert(eq(u64, LAB_COUNTER(&lab, fragments_refused), 2000));
}

Test(dpdk_refuse, garbage_is_counted_by_its_kind_and_dropped)
{
	static const uint8_t zeroes[LAB_FRAME_MAX];
	struct endpoint elsewhere = dpdk_lab_endpoint("192.0.2.1", 9);
	size_t length = dpdk_lab_datagram(frame, &peer, &elsewhere, 0, SPAN("nobody's"));

	cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(frame, length)));
	// A changed octet breaks the checksum.
	length = dpdk_lab_datagram(frame, &peer, &lab.listeners[0].address, 0, SPAN("broken"));
	frame[length - 1] ^= 1;
	cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(frame, length)));
	for (size_t zero = 0; zero <= LAB_FRAME_MAX; zero += 256)
		cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(zeroes, zero)));
	cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, no_listener), 1));
	cr_assert(eq(u64, LAB_COUNTER(&lab, malformed), 1));
	cr_assert(eq(u64, LAB_COUNTER(&lab, other), LAB_FRAME_MAX / 256 + 1));
}

// A datagram whose sum does not hold, and what the card says of it.
static unsigned receive_checked(uint64_t flags)
{
	size_t length =
		dpdk_lab_datagram(frame, &peer, &lab.listeners[0].address, 0, SPAN("unfinished"));
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(lab.pool);

	cr_assert(mbuf != NULL);
	frame[14 + 20 + 6] ^= 1;
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), frame, length);
	mbuf->ol_flags = flags;
	cr_assert(eq(int, rte_ring_enqueue(lab.in[0], mbuf), 0));
	unsigned count = receive();

	port->ops->release(port, packets, count);
	return count;
}

Test(dpdk_refuse, a_sum_that_the_card_vouches_for_need_not_be_there)
{
	cr_assert(eq(uint, receive_checked(RTE_MBUF_F_RX_L4_CKSUM_GOOD), 1));
	cr_assert(eq(uint, receive_checked(RTE_MBUF_F_RX_L4_CKSUM_NONE), 1));
	cr_assert(eq(uint, receive_checked(RTE_MBUF_F_RX_L4_CKSUM_BAD), 0));
	cr_assert(eq(uint, receive_checked(RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN), 0));
	cr_assert(eq(uint, receive_checked(RTE_MBUF_F_RX_IP_CKSUM_GOOD), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, malformed), 3));
}

Test(dpdk_refuse, a_frame_of_64_kib_in_many_buffers_is_dropped_whole)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(lab.pool);
	size_t length = dpdk_lab_datagram(
		frame, &peer, &lab.listeners[0].address, 0, SPAN("the rest is a chain"));

	memcpy(rte_pktmbuf_append(first, (uint16_t)length), frame, length);
	while (first->pkt_len < 65536) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(lab.pool);

		cr_assert(rte_pktmbuf_append(next, 2048) != NULL);
		cr_assert(eq(int, rte_pktmbuf_chain(first, next), 0));
	}
	cr_assert(eq(int, rte_ring_enqueue(lab.in[0], first), 0));
	cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, malformed), 1));
}

Test(dpdk_refuse, a_frame_in_a_strangers_buffer_is_copied_and_has_its_room)
{
	size_t length = dpdk_lab_datagram(
		frame, &peer, &lab.listeners[0].address, 0, SPAN("from elsewhere"));

	cr_assert(dpdk_lab_feed(&lab, 0, lab.foreign, span_of(frame, length)));
	cr_assert(eq(uint, receive(), 1));
	cr_assert(span_equal(text(packets[0]), SPAN("from elsewhere")));
	cr_assert(ge(long, packets[0]->octets - packets[0]->buffer, PACKET_HEAD_ROOM_MIN));
	port->ops->release(port, packets, 1);
}

Test(dpdk_refuse, what_a_full_ring_refuses_is_named_and_free_again)
{
	uint32_t refused = 0;

	for (unsigned sent = 0; sent < LAB_RING; sent += BURST_MAX) {
		for (unsigned i = 0; i < BURST_MAX; i++)
			packets[i] = dpdk_lab_packet(&lab, 0, &peer, 1, SPAN("fill"));
		refused |= port->ops->send(port, packets, BURST_MAX);
	}
	cr_assert(eq(u32, refused, 0));
	for (unsigned i = 0; i < 4; i++)
		packets[i] = dpdk_lab_packet(
			&lab, 0, i == 1 ? &peer6 : &peer, i == 1 ? 2 : 1, SPAN("full"));
	cr_assert(gt(sz, dpdk_lab_take(&lab, 0, frame), 0));
	cr_assert(eq(u32, port->ops->send(port, packets, 4), 0xe));
	cr_assert(eq(u64, LAB_COUNTER(&lab, send_failed), 3));
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), LAB_RING + 1));
}

Test(dpdk_refuse, what_no_listener_can_send_is_refused_and_the_rest_goes)
{
	packets[0] = dpdk_lab_packet(&lab, 0, &peer6, 1, SPAN("no IPv6 here"));
	packets[1] = dpdk_lab_packet(&lab, 0, &peer, 9, SPAN("no such listener"));
	packets[2] = dpdk_lab_packet(&lab, 0, &peer, 1, SPAN("good"));
	cr_assert(eq(u32, port->ops->send(port, packets, 3), 3));
	struct frame sent = frame_sent(0);

	cr_assert(span_equal(span_of(frame + sent.payload, sent.length), SPAN("good")));
}
