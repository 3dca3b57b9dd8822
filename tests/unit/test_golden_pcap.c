// test_golden_pcap.c: the golden messages (test_golden.c) as frames of a pcap file, through a device of DPDK and the four stages into
// another pcap file, octet for octet. IPv4 goes untagged, IPv6 in a VLAN. A second round asks tshark about every checksum.

#include "dpdk_lab.h"
#include "golden_player.h"
#include "pcap_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IDS = 5, // UDP listeners of an edge (lab.h); all edges' listeners are on the device, edge N's from (N - 1) * IDS + 1
	LINK = 7, // the kernel's index, as the picture has it
	VLAN_LINK = 8,
	VLAN = 42,
	MTU = 1500,
	PIECE = 1400, // octets of a larger datagram in each fragment
	PATH_MAX_OCTETS = 32,
};

static struct {
	char folder[PATH_MAX_OCTETS];
	FILE *in; // being written, then the device's
	FILE *expected; // frames
	struct io_port *port;
	struct io_dpdk_listener listeners[LAB_EDGES * IDS];
	const struct next_hops *_Atomic hops;
	int wakeup;
	unsigned baseline; // packets out
	uint64_t by_kernel; // too large for a frame
	unsigned frames; // expected
} lane;

static struct made_frame made;

// --- Frames, put together apart from what is tested ---

static void frame_make(const struct endpoint *from, const struct endpoint *to, struct span payload)
{
	bool v6 = from->family == ENDPOINT_V6;

	made_begin(&made, v6 ? VLAN : -1, v6 ? 0x86dd : 0x0800);
	size_t addresses = made.network + (v6 ? 8 : 12), width = v6 ? 16 : 4;

	if (v6)
		made_put_v6(&made);
	else
		made_put_v4(&made, NULL, 0, 17, 0x4000);
	memcpy(made.octets + addresses, from->address, width);
	memcpy(made.octets + addresses + width, to->address, width);
	made_end_udp(&made, payload.length);
	made_set(&made, made.transport, from->port);
	made_set(&made, made.transport + 2, to->port);
	memcpy(made.octets + made.transport + 8, payload.octets, payload.length);
	made_sum_udp(&made, 8 + payload.length);
}

// As Weir sends: from its own MAC address, with a life of 64 hops, and atomic.
static void frame_make_ours(
	const struct endpoint *from, const struct endpoint *to, struct span payload)
{
	frame_make(from, to, payload);
	memcpy(made.octets, lab_peer_mac, sizeof(lab_peer_mac));
	memcpy(made.octets + 6, lab_mac, sizeof(lab_mac));
	if (from->family == ENDPOINT_V6) {
		made.octets[made.network + 7] = 64;
		return;
	}
	made.octets[made.network + 8] = 64;
	made_set(&made, made.network + 4, 0);
	made_sum_v4(&made);
}

// --- The first round: what comes from the wire becomes a file ---

static const struct io_dpdk_listener *listener_of(const struct lab *lab, uint8_t id)
{
	return &lane.listeners[(lab->edge - 1) * IDS + id - 1];
}

static bool write_down(struct lab *lab, uint8_t listener, const struct endpoint *source,
	struct span message, enum origin origin)
{
	static struct made_frame whole;
	size_t offset = 0;

	if (origin != ORIGIN_WIRE)
		return false;
	frame_make(source, &listener_of(lab, listener)->address, message);
	if (made.length <= MTU + made.network) {
		pcap_put(lane.in, &made);
		return false;
	}
	whole = made;
	for (bool more = true; more; offset += PIECE) {
		more = made_fragment(&made, &whole, offset, PIECE);
		pcap_put(lane.in, &made);
	}
	return false;
}

static void never(struct lab *lab, struct packet *packet, bool leaves)
{
	(void)lab;
	(void)leaves;
	cr_fatal("nothing was played: %p", (void *)packet);
}

// --- The second: through the device ---

static struct packet *packet_receive(
	const struct lab *lab, uint8_t listener, const struct endpoint *source, struct span message)
{
	struct packet *packet;
	unsigned frames = 0;

	// All but the last fragment give nothing yet.
	while (lane.port->ops->receive(lane.port, &packet, 1) == 0)
		cr_assert(lt(uint, frames++, message.length / PIECE));
	cr_assert(span_equal(span_of(packet->octets, packet->length), message));
	cr_assert(endpoint_equal(&packet->peer, source));
	cr_assert(eq(int, packet->listener, listener_of(lab, listener)->id));
	return packet;
}

static bool receive(struct lab *lab, uint8_t listener, const struct endpoint *source,
	struct span message, enum origin origin)
{
	struct packet *packet;

	if (origin == ORIGIN_WIRE) {
		packet = packet_receive(lab, listener, source, message);
	} else {
		packet = lane.port->ops->allocate(lane.port, (uint32_t)message.length);
		cr_assert(packet != NULL);
		memcpy(packet->octets, message.octets, message.length);
		packet->length = (uint32_t)message.length;
		packet->peer = *source;
	}
	packet->listener = listener;
	(void)lab_add_packet(lab, packet, origin);
	return true;
}

static void expect_frame(const struct endpoint *from, const struct packet *packet)
{
	size_t headers = packet->peer.family == ENDPOINT_V6 ? 48 : 28;

	if (packet->length + headers > MTU || packet->pool != 0) {
		lane.by_kernel++;
		return;
	}
	frame_make_ours(from, &packet->peer, span_of(packet->octets, packet->length));
	pcap_put(lane.expected, &made);
	lane.frames++;
}

static void send_or_release(struct lab *lab, struct packet *packet, bool leaves)
{
	// Streams are control's, and no frames of ours.
	if (!leaves || packet->listener > IDS) {
		lane.port->ops->release(lane.port, &packet, 1);
		return;
	}
	const struct io_dpdk_listener *listener = listener_of(lab, packet->listener);
	uint64_t by_kernel = lane.by_kernel;

	packet->listener = listener->id;
	expect_frame(&listener->address, packet);
	uint32_t refused = lane.port->ops->send(lane.port, &packet, 1);

	// The guard sockets of this test are bound where nothing can be reached from.
	cr_assert(lane.by_kernel != by_kernel || refused == 0);
}

// --- The device and what is around it ---

static void listeners_open(void)
{
	static const char *const addresses[IDS] = {"192.0.2.%u:5060", "10.0.0.%u:5060",
		"10.0.1.%u:7000", "[2001:db8::%u]:5060", "[fd00::%u]:5060"};

	for (unsigned i = 0; i < LAB_EDGES * IDS; i++) {
		struct io_dpdk_listener *listener = &lane.listeners[i];
		struct endpoint ignored;
		char text[64];

		snprintf(text, sizeof(text), addresses[i % IDS], i / IDS + 1);
		listener->address = lab_endpoint(text);
		listener->id = (uint8_t)(i + 1);
		listener->guard = dpdk_lab_socket(
			listener->address.family == ENDPOINT_V6 ? AF_INET6 : AF_INET, &ignored);
	}
}

static void picture_publish(void)
{
	struct next_hop_interface interfaces[2] = {{.interface = LINK, .mtu = MTU},
		{.interface = VLAN_LINK, .mtu = MTU, .vlan = VLAN}};
	const struct next_hop_route routes[2] = {
		{.prefix = {.family = ENDPOINT_V4},
			.gateway = lab_endpoint("192.0.2.254:0"),
			.interface = LINK,
			.mtu = MTU},
		{.prefix = {.family = ENDPOINT_V6},
			.gateway = lab_endpoint("[fe80::1]:0"),
			.interface = VLAN_LINK,
			.mtu = MTU},
	};
	struct next_hop_neighbour neighbours[2] = {
		{.address = routes[0].gateway, .interface = LINK},
		{.address = routes[1].gateway, .interface = VLAN_LINK},
	};

	for (unsigned i = 0; i < 2; i++) {
		memcpy(interfaces[i].mac, lab_mac, sizeof(lab_mac));
		memcpy(neighbours[i].mac, lab_peer_mac, sizeof(lab_peer_mac));
	}
	atomic_store(&lane.hops, next_hops_new(interfaces, 2, routes, 2, neighbours, 2));
}

static void device_open(void)
{
	char name[DPDK_DEVICE_NAME_MAX];
	char complaint[DPDK_COMPLAINT_MAX];
	const char *device = name;
	const struct dpdk_start_options start = {.devices = &device, .device_count = 1};
	const struct dpdk_device_options options = {.name = name, .workers = 1};

	snprintf(name, sizeof(name), "net_pcap0,rx_pcap=%s/in.pcap,tx_pcap=%s/out.pcap",
		lane.folder, lane.folder);
	cr_assert(eq(int, dpdk_start(&start, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_open_device(&options, complaint), 0), "%s", complaint);
	lane.wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cr_assert(eq(int,
		io_dpdk_open(0, lane.listeners, LAB_EDGES * IDS, &lane.hops, DPDK_IDLE_POLL,
			lane.wakeup, &lane.port),
		0));
	cr_assert(eq(int, dpdk_run_devices(complaint), 0), "%s", complaint);
	lane.baseline = io_dpdk_packets_out(lane.port);
}

static void device_close(void)
{
	const struct dpdk_queue_counters *counters = dpdk_read_queue(0, 0);
	struct packet *more;

	cr_assert(eq(uint, lane.port->ops->receive(lane.port, &more, 1), 0));
	cr_assert(eq(u64, atomic_load(&counters->sent), lane.frames));
	cr_assert(eq(u64, atomic_load(&counters->by_kernel), lane.by_kernel));
	cr_assert(eq(uint, io_dpdk_packets_out(lane.port), lane.baseline));
	lane.port->ops->close(lane.port);
	dpdk_stop();
	for (unsigned i = 0; i < LAB_EDGES * IDS; i++)
		close(lane.listeners[i].guard);
	close(lane.wakeup);
	next_hops_free((struct next_hops *)atomic_load(&lane.hops));
}

static void compare(void)
{
	static struct made_frame expected, sent;
	char path[2 * PATH_MAX_OCTETS];
	unsigned count = 0;

	snprintf(path, sizeof(path), "%s/out.pcap", lane.folder);
	FILE *out = fopen(path, "r");

	cr_assert(out != NULL);
	cr_assert(eq(int, fseek(out, PCAP_HEAD_OCTETS, SEEK_SET), 0));
	cr_assert(eq(int, fseek(lane.expected, PCAP_HEAD_OCTETS, SEEK_SET), 0));
	for (; pcap_take(lane.expected, &expected); count++) {
		cr_assert(pcap_take(out, &sent), "%u frames, not %u", count, lane.frames);
		cr_assert(eq(sz, sent.length, expected.length), "frame %u", count);
		for (size_t at = 0; at < sent.length; at++)
			cr_assert(eq(int, sent.octets[at], expected.octets[at]),
				"frame %u, octet %zu", count, at);
	}
	cr_assert(not(pcap_take(out, &sent)));
	cr_assert(gt(uint, count, 0));
	fclose(out);
}

// One line a frame: whether the IP header's checksum is good, and UDP's: 1, or nothing where there is none.
static void ask_tshark(void)
{
	char command[512];
	char line[64];
	unsigned count = 0;

	snprintf(command, sizeof(command),
		"tshark -n -r %s/out.pcap -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T "
		"fields "
		"-e ip.version -e ip.checksum.status -e udp.checksum.status 2>/dev/null",
		lane.folder);
	FILE *words = popen(command, "r");

	cr_assert(words != NULL);
	for (; fgets(line, sizeof(line), words) != NULL; count++)
		cr_assert(strcmp(line, "4\t1\t1\n") == 0 || strcmp(line, "6\t\t1\n") == 0,
			"frame %u: %s", count + 1, line);
	cr_assert(eq(int, pclose(words), 0));
	cr_assert(eq(uint, count, lane.frames));
}

static FILE *file_new(const char *name)
{
	char path[2 * PATH_MAX_OCTETS];

	snprintf(path, sizeof(path), "%s/%s", lane.folder, name);
	return pcap_new(path);
}

static void play(const char *file)
{
	static const struct golden_way down = {write_down, never};
	static const struct golden_way through = {receive, send_or_release};

	listeners_open();
	lane.in = file_new("in.pcap");
	lane.expected = file_new("expected.pcap");
	golden_play(GOLDEN, file, &down);
	fclose(lane.in);
	picture_publish();
	device_open();
	golden_play(GOLDEN, file, &through);
	device_close();
}

static void folder_make(void)
{
	strcpy(lane.folder, "/tmp/weir-pcap-XXXXXX");
	cr_assert(mkdtemp(lane.folder) != NULL);
}

static void folder_remove(void)
{
	static const char *const names[] = {"in.pcap", "out.pcap", "expected.pcap"};
	char path[2 * PATH_MAX_OCTETS];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", lane.folder, names[i]);
		unlink(path);
	}
	rmdir(lane.folder);
}

TestSuite(golden_pcap, .init = folder_make, .fini = folder_remove, .timeout = 120);
TestSuite(golden_pcap_tshark, .init = folder_make, .fini = folder_remove, .timeout = 120);

#define GOLDEN_PCAP_TEST(name) \
	Test(golden_pcap, name) \
	{ \
		play(#name); \
		compare(); \
	} \
	Test(golden_pcap_tshark, name) \
	{ \
		if (system("tshark --version >/dev/null 2>&1") != 0) \
			cr_skip_test("tshark is not installed: 1 test skipped"); \
		play(#name); \
		ask_tshark(); \
	}

GOLDEN_PCAP_TEST(initial_requests_get_their_record_routes)
GOLDEN_PCAP_TEST(mid_dialog_requests_follow_their_tokens)
GOLDEN_PCAP_TEST(relays_between_edges)
GOLDEN_PCAP_TEST(requests_without_a_token_find_the_contact)
GOLDEN_PCAP_TEST(lost_flows_wait_or_end_in_430)
GOLDEN_PCAP_TEST(next_hops_and_targets)
GOLDEN_PCAP_TEST(registrations)
GOLDEN_PCAP_TEST(responses)
GOLDEN_PCAP_TEST(refusals)
GOLDEN_PCAP_TEST(stripped_and_moved)
GOLDEN_PCAP_TEST(keep_alives_that_are_offered)
GOLDEN_PCAP_TEST(what_is_passed_is_not_touched)
GOLDEN_PCAP_TEST(ipv6)
GOLDEN_PCAP_TEST(streams)
