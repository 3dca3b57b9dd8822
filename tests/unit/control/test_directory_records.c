// What the dataplane is told of the world: names, listeners, prefixes, peers and targets, from a configuration.

#include "directory/directory.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

static struct config *config;
static struct config_report report;
static const struct sync_hello *hellos[256];

static struct {
	unsigned count[256]; // by record type
	struct link_settings settings;
	struct link_name names[64];
	struct link_directory_listener listeners[8];
	struct link_prefix prefixes[512];
	struct link_peer peer;
	uint16_t first;
	uint16_t last;
} told;

static const char EDGE[] =
	"node: {id: 1, name: Edge1.test}\n"
	"listeners:\n"
	"  - {name: access, side: access, transport: udp, address: 198.51.100.1:5060}\n"
	"  - {name: core, side: core, transport: udp, address: 10.0.0.1:5080}\n"
	"  - {name: peer, side: peer, transport: udp, address: 10.0.0.1:5070}\n"
	"cluster: {name: sip.test, listen: 10.0.0.1:7060, peers: [{id: 2, name: edge2.test, "
	"address: 10.0.0.2:7060}]}\n"
	"upstream: {targets: ['sip:core.test']}\n"
	"keys: {directory: /nowhere}\n"
	"link: {socket: /nowhere}\n"
	"store: {path: off}\n"
	"admin: {socket: /nowhere}\n";

static int take(void *context, uint16_t type, struct span record)
{
	unsigned index = told.count[type]++;

	if (told.first == 0)
		told.first = type;
	told.last = type;
	if (type == LINK_SETTINGS)
		memcpy(&told.settings, record.octets, record.length);
	if (type == LINK_NAME)
		memcpy(&told.names[index], record.octets, record.length);
	if (type == LINK_DIRECTORY_LISTENER)
		memcpy(&told.listeners[index], record.octets, record.length);
	if (type == LINK_PREFIX)
		memcpy(&told.prefixes[index], record.octets, record.length);
	if (type == LINK_PEER)
		memcpy(&told.peer, record.octets, record.length);
	return 0;
}

static void tell(const struct link_target *targets, unsigned count)
{
	const struct directory_input input = {.config = config,
		.incarnation = 77,
		.hellos = hellos,
		.targets = targets,
		.target_count = count};

	memset(&told, 0, sizeof(told));
	cr_assert(eq(int, directory_write(&input, take, NULL), 0));
}

static void read_config(const char *text)
{
	config = config_read("edge.yaml", span_of(text, strlen(text)), &report);
	if (config == NULL)
		config_report_print(&report, stderr);
	cr_assert(ne(ptr, config, NULL));
}

static void setup(void)
{
	read_config(EDGE);
}

static void teardown(void)
{
	config_free(config);
	config_report_free(&report);
}

static bool is_named(uint8_t edge, const char *host, uint16_t port)
{
	for (unsigned i = 0; i < told.count[LINK_NAME]; i++)
		if (told.names[i].edge == edge && told.names[i].port == port
			&& span_equal(span_of(told.names[i].host, told.names[i].host_length),
				span_of(host, strlen(host))))
			return true;
	return false;
}

static bool is_listed(enum link_prefix_list list, uint8_t listener, const char *address)
{
	struct endpoint endpoint = {0};

	cr_assert(endpoint_parse_address(span_of(address, strlen(address)), &endpoint));
	for (unsigned i = 0; i < told.count[LINK_PREFIX]; i++)
		if (told.prefixes[i].list == list && told.prefixes[i].listener == listener
			&& prefix_contains(&told.prefixes[i].prefix, &endpoint))
			return true;
	return false;
}

Test(directory_records, begin_and_end_frame_the_whole, .init = setup, .fini = teardown)
{
	tell(NULL, 0);
	cr_assert(eq(int, told.first, LINK_DIRECTORY_BEGIN));
	cr_assert(eq(int, told.last, LINK_DIRECTORY_END));
	cr_assert(eq(u64, told.settings.incarnation, 77));
	cr_assert(eq(int, told.settings.edge, 1));
	cr_assert(eq(u32, told.settings.park_ms, 20000));
	cr_assert(eq(uint, told.count[LINK_DIRECTORY_LISTENER], 3));
}

Test(directory_records, a_route_is_ours_by_any_name_of_the_cluster, .init = setup, .fini = teardown)
{
	tell(NULL, 0);
	cr_assert(is_named(1, "edge1.test", 5060));
	cr_assert(is_named(1, "198.51.100.1", 5060));
	cr_assert(is_named(1, "10.0.0.1", 5080));
	cr_assert(is_named(2, "edge2.test", 5060));
	cr_assert(is_named(0, "sip.test", 5060));
	cr_assert(not(is_named(1, "10.0.0.1", 5070))); // never a peer listener
}

Test(directory_records, what_is_written_has_no_port_when_it_is_the_default, .init = setup,
	.fini = teardown)
{
	uint8_t text[LINK_NAME_MAX + 9];

	size_t length = directory_written(config, &config->listeners.items[0], text);
	cr_assert(span_equal(span_of(text, length), SPAN("edge1.test")));
	length = directory_written(config, &config->listeners.items[1], text);
	cr_assert(span_equal(span_of(text, length), SPAN("10.0.0.1:5080")));
}

Test(directory_records, phones_are_on_public_addresses_or_in_our_subnet, .init = setup,
	.fini = teardown)
{
	tell(NULL, 0);
	uint8_t access = config->listeners.items[0].id;
	const char *const yes[] = {"1.2.3.4", "203.0.113.9", "198.51.100.77", "223.255.255.255",
		"100.63.0.1", "172.32.0.1", "2001:db8::1"};
	const char *const no[] = {"0.0.0.1", "10.1.2.3", "127.0.0.1", "169.254.1.1", "172.16.0.1",
		"192.168.1.1", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1",
		"fd00::1", "ff02::1"};

	for (unsigned i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_assert(is_listed(LINK_PREFIX_ACCESS_NETWORKS, access, yes[i]), "%s", yes[i]);
	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_assert(not(is_listed(LINK_PREFIX_ACCESS_NETWORKS, access, no[i])), "%s", no[i]);
}

Test(directory_records, the_inside_is_where_core_and_peers_are, .init = setup, .fini = teardown)
{
	tell(NULL, 0);
	cr_assert(is_listed(LINK_PREFIX_INSIDE, 0, "10.0.0.200"));
	cr_assert(not(is_listed(LINK_PREFIX_INSIDE, 0, "198.51.100.1")));
}

Test(directory_records, the_core_listener_hears_the_targets_alone, .init = setup, .fini = teardown)
{
	const struct link_target target = {
		.endpoint = {.address = {10, 0, 0, 9}, .port = 5060, .family = ENDPOINT_V4}};
	uint8_t core = config->listeners.items[1].id;

	tell(&target, 1);
	cr_assert(eq(uint, told.count[LINK_TARGET], 1));
	cr_assert(is_listed(LINK_PREFIX_ALLOW, core, "10.0.0.9"));
	cr_assert(not(is_listed(LINK_PREFIX_ALLOW, core, "10.0.0.8")));
}

Test(directory_records, a_peers_hello_makes_it_reachable_and_named, .init = setup, .fini = teardown)
{
	struct sync_hello hello = {.edge = 2,
		.name_count = 1,
		.listener_count = 1,
		.relay = {.address = {10, 0, 0, 2}, .port = 5070, .family = ENDPOINT_V4},
		.names = {{.edge = 2, .port = 5080, .host_length = 8, .host = "10.0.0.2"}}};
	uint8_t peer = config->listeners.items[2].id;

	hellos[2] = &hello;
	tell(NULL, 0);
	hellos[2] = NULL;
	cr_assert(eq(int, told.peer.edge, 2));
	cr_assert(eq(int, told.peer.relay.port, 5070));
	cr_assert(is_named(2, "10.0.0.2", 5080));
	cr_assert(is_listed(LINK_PREFIX_ALLOW, peer, "10.0.0.2"));
	cr_assert(eq(uint, told.count[LINK_PEER_LISTENER], 1));
}

Test(directory_records, our_own_hello_says_what_we_are, .init = setup, .fini = teardown)
{
	struct sync_hello hello;

	cr_assert(eq(uint, directory_write_hello(config, 77, 5, &hello), 0));
	cr_assert(eq(int, hello.edge, 1));
	cr_assert(eq(int, hello.relay.port, 5070));
	cr_assert(eq(int, hello.listener_count, 3));
	cr_assert(span_equal(span_of(hello.name, hello.name_length), SPAN("edge1.test")));
	cr_assert(gt(int, hello.name_count, 2));
}

Test(directory_records, names_that_do_not_fit_a_hello_are_counted, .init = setup, .fini = teardown)
{
	static struct sync_hello hello;
	char text[8192];
	const char *rest = strstr(EDGE, "cluster:");
	int length = snprintf(text, sizeof(text), "%.*s", (int)(rest - EDGE), EDGE);

	// Two names a listener more: its address and the node's name, each with its port.
	for (unsigned i = 0; i < 20; i++)
		length += snprintf(text + length, sizeof(text) - length,
			"  - {name: access%u, side: access, transport: udp, address: "
			"198.51.100.1:%u}\n",
			i, 6000 + i);
	snprintf(text + length, sizeof(text) - length, "%s", rest);
	config_free(config);
	read_config(text);
	unsigned left_out = directory_write_hello(config, 77, 5, &hello);
	cr_assert(eq(int, hello.name_count, SYNC_NAMES_MAX));
	cr_assert(eq(uint, left_out + SYNC_NAMES_MAX, 4 + 2 * 20));
}

static const char TAKER[] =
	"node: {id: 1, name: edge1.test}\n"
	"listeners:\n"
	"  - {name: of-2, side: access, address: 198.51.100.2:5060, owner: 2, id: 22}\n"
	"  - {name: of-2-b, side: access, address: 198.51.100.2:5070, owner: 2}\n"
	"  - {name: of-3, side: access, address: 198.51.100.3:5060, owner: 3, advertise: "
	"third.test}\n"
	"  - {name: access, side: access, address: 198.51.100.1:5060}\n"
	"  - {name: core, side: core, address: 10.0.0.1:5080}\n"
	"  - {name: peer, side: peer, address: 10.0.0.1:5070}\n"
	"cluster: {name: sip.test, listen: 10.0.0.1:7060, takeover: address, peers: [{id: 2, name: "
	"edge2.test, address: 10.0.0.2:7060}, {id: 3, address: 10.0.0.3:7060}]}\n"
	"upstream: {targets: ['sip:core.test']}\n"
	"keys: {directory: /nowhere}\n"
	"link: {socket: /nowhere}\n"
	"store: {path: off}\n"
	"admin: {socket: /nowhere}\n";

static void setup_taker(void)
{
	read_config(TAKER);
}

static bool is_written(unsigned index, const char *text)
{
	const struct link_directory_listener *listener = &told.listeners[index];

	return span_equal(
		span_of(listener->written, listener->written_length), span_of(text, strlen(text)));
}

Test(directory_records, what_is_written_for_another_edges_address_is_what_that_edge_writes,
	.init = setup_taker, .fini = teardown)
{
	tell(NULL, 0);
	cr_assert(eq(int, told.listeners[0].owner, 2));
	cr_assert(eq(int, told.listeners[3].owner, 0));
	cr_assert(is_written(0, "edge2.test"));
	cr_assert(is_written(1, "198.51.100.2:5070"));
	cr_assert(is_written(2, "third.test"));
	cr_assert(is_written(3, "edge1.test"));
	const struct link_directory_listener *taken = &told.listeners[0];

	cr_assert(span_equal(
		span_of(taken->sent_by, taken->sent_by_length), SPAN("198.51.100.2:5060")));
}

Test(directory_records, another_edges_address_is_that_edges_name_and_not_told_as_ours,
	.init = setup_taker, .fini = teardown)
{
	static struct sync_hello hello;

	tell(NULL, 0);
	cr_assert(is_named(2, "198.51.100.2", 5060));
	cr_assert(is_named(3, "third.test", 5060));
	cr_assert(not(is_named(1, "198.51.100.2", 5060)));
	cr_assert(eq(uint, directory_write_hello(config, 1, 1, &hello), 0));
	for (unsigned i = 0; i < hello.name_count; i++)
		cr_assert(not(span_equal(span_of(hello.names[i].host, hello.names[i].host_length),
			SPAN("198.51.100.2"))));
	// But that we have a listener for it is.
	cr_assert(eq(int, hello.listeners[0].id, 22));
}
