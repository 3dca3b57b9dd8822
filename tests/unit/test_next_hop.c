// test_next_hop.c: packets leave as the kernel's routes and neighbours say, or by the kernel.

#include "next_hop.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <stdlib.h>

enum {
	ETH = 11, // device 0
	ETH_VLAN = 12, // VLAN 7 on it
	OTHER_ETH = 13, // device 1
	FOREIGN = 20, // an interface of the kernel's own
};

static const struct next_hop_interface interfaces[] = {
	{OTHER_ETH, 1, 0, 1500, {2, 0, 0, 0, 0, 13}},
	{ETH_VLAN, 0, 7, 1500, {2, 0, 0, 0, 0, 12}},
	{ETH, 0, 0, 9000, {2, 0, 0, 0, 0, 11}},
};

static struct next_hop_route *routes;
static struct next_hop_neighbour *neighbours;
static size_t route_count, neighbour_count;
static struct next_hops *hops;

static void setup(void)
{
	routes = calloc(NEXT_HOP_ROUTES_MAX + 1, sizeof(*routes));
	neighbours = calloc(NEXT_HOP_NEIGHBOURS_MAX + 1, sizeof(*neighbours));
	cr_assert(routes != NULL && neighbours != NULL);
}

static void teardown(void)
{
	next_hops_free(hops);
	free(routes);
	free(neighbours);
}

TestSuite(next_hop, .init = setup, .fini = teardown);

static struct endpoint address(const char *text)
{
	struct endpoint endpoint = {
		.family = strchr(text, ':') == NULL ? ENDPOINT_V4 : ENDPOINT_V6};

	cr_assert(eq(int,
		inet_pton(endpoint.family == ENDPOINT_V4 ? AF_INET : AF_INET6, text,
			endpoint.address),
		1));
	return endpoint;
}

// prefix: "192.0.2.0/24". Returns the route, so that a test can say more of it.
static struct next_hop_route *route_add(const char *prefix, const char *gateway, uint32_t interface)
{
	struct next_hop_route *route = &routes[route_count++];
	char text[64] = {0};
	size_t slash = strcspn(prefix, "/");

	memcpy(text, prefix, slash);
	struct endpoint first = address(text);

	route->prefix.family = first.family;
	route->prefix.length = (uint8_t)atoi(prefix + slash + 1);
	memcpy(route->prefix.address, first.address, sizeof(first.address));
	if (gateway != NULL)
		route->gateway = address(gateway);
	route->interface = interface;
	return route;
}

static struct next_hop_neighbour *neighbour_add(const char *text, uint32_t interface, uint8_t last)
{
	struct next_hop_neighbour *neighbour = &neighbours[neighbour_count++];

	*neighbour = (struct next_hop_neighbour){
		.address = address(text), .interface = interface, .mac = {2, 0, 0, 0, 1, last}};
	return neighbour;
}

static void picture_make(void)
{
	next_hops_free(hops);
	hops = next_hops_new(interfaces, sizeof(interfaces) / sizeof(interfaces[0]), routes,
		route_count, neighbours, neighbour_count);
	cr_assert(hops != NULL);
}

// The last octet of the neighbour's MAC address; -1: the kernel sends.
static int find(const char *text)
{
	struct endpoint destination = address(text);

	destination.port = 5060;
	const struct next_hop *hop = next_hops_find(hops, &destination);

	return hop == NULL ? -1 : hop->destination_mac[5];
}

Test(next_hop, without_a_picture_the_kernel_sends)
{
	cr_assert(eq(int, find("192.0.2.1"), -1));
	hops = next_hops_new(NULL, 0, NULL, 0, NULL, 0);
	cr_assert(hops != NULL);
	cr_assert(eq(int, find("192.0.2.1"), -1));
	cr_assert(eq(int, find("2001:db8::1"), -1));
	cr_assert(eq(ptr, (void *)next_hops_find(hops, &(struct endpoint){0}), NULL));
}

Test(next_hop, a_neighbour_on_link_is_told_whole)
{
	route_add("192.0.2.0/24", NULL, ETH);
	neighbour_add("192.0.2.7", ETH, 7);
	neighbour_add("192.0.2.8", ETH, 8)->stale = true;
	picture_make();
	struct endpoint destination = address("192.0.2.7");
	const struct next_hop *hop = next_hops_find(hops, &destination);

	cr_assert(hop != NULL);
	cr_assert(eq(int, hop->device, 0));
	cr_assert(eq(int, hop->vlan, 0));
	cr_assert(eq(int, hop->mtu, 9000));
	cr_assert(not(hop->stale));
	cr_assert(eq(int, memcmp(hop->source_mac, interfaces[2].mac, 6), 0));
	cr_assert(eq(int, memcmp(hop->destination_mac, neighbours[0].mac, 6), 0));
	destination = address("192.0.2.8");
	hop = next_hops_find(hops, &destination);
	cr_assert(hop != NULL && hop->stale);
}

Test(next_hop, an_unknown_neighbour_is_the_kernels)
{
	route_add("192.0.2.0/24", NULL, ETH);
	// Known at another link, and at one that is none of ours.
	neighbour_add("192.0.2.9", OTHER_ETH, 9);
	neighbour_add("192.0.2.10", FOREIGN, 10);
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), -1));
	cr_assert(eq(int, find("192.0.2.9"), -1));
	cr_assert(eq(int, find("192.0.2.10"), -1));
}

Test(next_hop, the_broadcast_of_a_subnet_is_the_kernels)
{
	route_add("192.0.2.0/24", NULL, ETH);
	route_add("192.0.2.255/32", NULL, 0)->local = true;
	neighbour_add("192.0.2.255", ETH, 255);
	picture_make();
	cr_assert(eq(int, find("192.0.2.255"), -1));
}

Test(next_hop, a_gateway_leads_beyond_the_link)
{
	route_add("192.0.2.0/24", NULL, ETH);
	route_add("0.0.0.0/0", "192.0.2.1", ETH);
	route_add("::/0", "fe80::1", OTHER_ETH);
	neighbour_add("192.0.2.1", ETH, 1);
	neighbour_add("fe80::1", OTHER_ETH, 61)->stale = true;
	picture_make();
	cr_assert(eq(int, find("203.0.113.5"), 1));
	cr_assert(eq(int, find("192.0.2.1"), 1));
	cr_assert(eq(int, find("192.0.2.2"), -1));
	struct endpoint destination = address("2001:db8::5");
	const struct next_hop *hop = next_hops_find(hops, &destination);

	cr_assert(hop != NULL);
	cr_assert(eq(int, hop->destination_mac[5], 61));
	cr_assert(eq(int, hop->device, 1));
	cr_assert(hop->stale);
}

Test(next_hop, an_unresolved_gateway_is_the_kernels)
{
	route_add("0.0.0.0/0", "192.0.2.1", ETH);
	// The same address at another link is another host.
	neighbour_add("192.0.2.1", ETH_VLAN, 1);
	picture_make();
	cr_assert(eq(int, find("203.0.113.5"), -1));
}

Test(next_hop, an_ipv4_route_by_an_ipv6_gateway)
{
	route_add("0.0.0.0/0", "fe80::1", ETH);
	neighbour_add("fe80::1", ETH, 61);
	picture_make();
	cr_assert(eq(int, find("203.0.113.5"), 61));
}

Test(next_hop, of_equal_prefixes_the_least_metric_counts_then_the_first)
{
	neighbour_add("192.0.2.1", ETH, 1);
	neighbour_add("192.0.2.2", ETH, 2);
	neighbour_add("192.0.2.3", ETH, 3);
	route_add("0.0.0.0/0", "192.0.2.1", ETH)->metric = 200;
	route_add("0.0.0.0/0", "192.0.2.2", ETH)->metric = 100;
	route_add("0.0.0.0/0", "192.0.2.3", ETH)->metric = 100;
	picture_make();
	cr_assert(eq(int, find("203.0.113.5"), 2));
	// What the kernel would take is not passed over for one that we could.
	routes[1].interface = FOREIGN;
	picture_make();
	cr_assert(eq(int, find("203.0.113.5"), -1));
}

Test(next_hop, a_route_that_is_not_ours_hides_what_is_less_specific)
{
	route_add("0.0.0.0/0", "192.0.2.1", ETH);
	route_add("10.0.0.0/8", "172.16.0.1", FOREIGN);
	route_add("198.18.0.0/15", NULL, 0);
	route_add("10.9.0.0/16", "192.0.2.1", ETH);
	neighbour_add("192.0.2.1", ETH, 1);
	picture_make();
	cr_assert(eq(int, find("9.255.255.255"), 1));
	cr_assert(eq(int, find("10.0.0.0"), -1));
	cr_assert(eq(int, find("10.8.255.255"), -1));
	cr_assert(eq(int, find("10.9.0.0"), 1));
	cr_assert(eq(int, find("10.10.0.0"), -1));
	cr_assert(eq(int, find("11.0.0.0"), 1));
	cr_assert(eq(int, find("198.19.255.255"), -1));
	cr_assert(eq(int, find("198.20.0.0"), 1));
}

Test(next_hop, an_own_address_is_the_kernels_whatever_main_says)
{
	route_add("192.0.2.0/24", NULL, ETH);
	route_add("192.0.2.5/32", NULL, ETH);
	route_add("192.0.2.5/32", NULL, 0)->local = true;
	route_add("203.0.113.0/24", NULL, 0)->local = true;
	route_add("203.0.113.7/32", NULL, ETH);
	neighbour_add("192.0.2.5", ETH, 5);
	neighbour_add("203.0.113.7", ETH, 7);
	picture_make();
	cr_assert(eq(int, find("192.0.2.5"), -1));
	cr_assert(eq(int, find("203.0.113.7"), -1));
}

Test(next_hop, groups_broadcast_and_link_local_are_the_kernels)
{
	static const char *const special[] = {"224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255", "ff02::1", "ff0e::1", "fe80::5", "febf::5"};

	route_add("0.0.0.0/0", NULL, ETH);
	route_add("::/0", NULL, ETH);
	for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		neighbour_add(special[i], ETH, 5);
	neighbour_add("223.255.255.255", ETH, 6);
	neighbour_add("fec0::5", ETH, 7);
	picture_make();
	for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		cr_assert(eq(int, find(special[i]), -1), "%s", special[i]);
	cr_assert(eq(int, find("223.255.255.255"), 6));
	cr_assert(eq(int, find("fec0::5"), 7));
}

Test(next_hop, a_vlan_is_a_link_of_its_own)
{
	route_add("192.0.2.0/24", NULL, ETH_VLAN);
	route_add("198.51.100.0/24", NULL, ETH);
	neighbour_add("192.0.2.7", ETH_VLAN, 7);
	neighbour_add("198.51.100.7", ETH_VLAN, 8);
	picture_make();
	struct endpoint destination = address("192.0.2.7");
	const struct next_hop *hop = next_hops_find(hops, &destination);

	cr_assert(hop != NULL);
	cr_assert(eq(int, hop->vlan, 7));
	cr_assert(eq(int, hop->device, 0));
	cr_assert(eq(int, memcmp(hop->source_mac, interfaces[1].mac, 6), 0));
	cr_assert(eq(int, find("198.51.100.7"), -1));
}

Test(next_hop, a_host_is_on_its_devices_and_on_the_vlans_it_has_there)
{
	picture_make();
	cr_assert(next_hops_has_link(hops, 0, 0));
	cr_assert(next_hops_has_link(hops, 0, 7));
	cr_assert(not(next_hops_has_link(hops, 0, 6)));
	cr_assert(not(next_hops_has_link(hops, 0, 4095)));
	cr_assert(next_hops_has_link(hops, 1, 0));
	cr_assert(not(next_hops_has_link(hops, 1, 7)));
	cr_assert(not(next_hops_has_link(hops, 255, 7)));
	cr_assert(next_hops_has_link(NULL, 0, 6));
}

static bool is_own(const char *text)
{
	struct endpoint at = address(text);

	return next_hops_is_own(hops, &at);
}

Test(next_hop, own_addresses_are_those_of_the_local_table)
{
	route_add("0.0.0.0/0", "192.0.2.1", ETH);
	route_add("192.0.2.0/24", NULL, ETH);
	route_add("192.0.2.5/32", NULL, 0)->local = true;
	route_add("192.0.2.255/32", NULL, ETH)->local = true;
	route_add("203.0.113.0/24", NULL, 0);
	route_add("2001:db8::5/128", NULL, 0)->local = true;
	picture_make();
	cr_assert(is_own("192.0.2.5"));
	cr_assert(is_own("192.0.2.255"));
	cr_assert(is_own("2001:db8::5"));
	cr_assert(not(is_own("192.0.2.6")));
	cr_assert(not(is_own("203.0.113.1")));
	cr_assert(not(is_own("8.8.8.8")));
	cr_assert(not(is_own("2001:db8::6")));
	struct endpoint own = address("192.0.2.5");

	cr_assert(not(next_hops_is_own(NULL, &own)));
}

static unsigned mtu_of(const char *text)
{
	struct endpoint destination = address(text);
	const struct next_hop *hop = next_hops_find(hops, &destination);

	cr_assert(hop != NULL);
	return hop->mtu;
}

Test(next_hop, beyond_a_gateway_the_path_takes_what_every_path_takes_or_what_the_route_says)
{
	route_add("0.0.0.0/0", "192.0.2.1", ETH);
	route_add("10.0.0.0/8", "192.0.2.1", ETH)->mtu = 4000;
	route_add("11.0.0.0/8", "192.0.2.1", ETH)->mtu = 20000;
	route_add("12.0.0.0/8", "192.0.2.1", ETH)->mtu = 600;
	neighbour_add("192.0.2.1", ETH, 1);
	picture_make();
	cr_assert(eq(uint, mtu_of("203.0.113.5"), 1280));
	cr_assert(eq(uint, mtu_of("10.0.0.1"), 4000));
	cr_assert(eq(uint, mtu_of("11.0.0.1"), 9000));
	cr_assert(eq(uint, mtu_of("12.0.0.1"), 600));
}

Test(next_hop, a_route_narrower_than_its_link_is_the_kernels)
{
	route_add("192.0.2.0/24", NULL, ETH)->mtu = 1500;
	route_add("198.51.100.0/24", NULL, ETH)->mtu = 9000;
	neighbour_add("192.0.2.7", ETH, 7);
	neighbour_add("198.51.100.7", ETH, 8);
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), -1));
	cr_assert(eq(int, find("198.51.100.7"), 8));
}

Test(next_hop, with_too_many_routes_the_kernel_sends_all)
{
	route_add("192.0.2.0/24", NULL, ETH);
	neighbour_add("192.0.2.7", ETH, 7);
	while (route_count < NEXT_HOP_ROUTES_MAX)
		routes[route_count++] = routes[0];
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), 7));
	routes[route_count++] = routes[0];
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), -1));
}

Test(next_hop, as_many_neighbours_as_there_may_be_are_told_apart_and_more_are_the_kernels)
{
	route_add("10.0.0.0/8", NULL, ETH);
	for (uint32_t i = 0; i <= NEXT_HOP_NEIGHBOURS_MAX; i++) {
		neighbours[i] = (struct next_hop_neighbour){
			.address = {.family = ENDPOINT_V4,
				.address = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
			.interface = ETH,
			.mac = {2, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
		};
	}
	neighbour_count = NEXT_HOP_NEIGHBOURS_MAX + 1;
	picture_make();
	for (uint32_t i = 0; i < NEXT_HOP_NEIGHBOURS_MAX; i++) {
		const struct next_hop *hop = next_hops_find(hops, &neighbours[i].address);

		cr_assert(hop != NULL);
		cr_assert(eq(int, memcmp(hop->destination_mac, neighbours[i].mac, 6), 0));
	}
	cr_assert(eq(ptr,
		(void *)next_hops_find(hops, &neighbours[NEXT_HOP_NEIGHBOURS_MAX].address), NULL));
}

Test(next_hop, a_neighbour_without_a_mac_of_its_own_is_the_kernels)
{
	route_add("192.0.2.0/24", NULL, ETH);
	memset(neighbour_add("192.0.2.7", ETH, 7)->mac, 0, 6);
	neighbour_add("192.0.2.8", ETH, 8)->mac[0] = 3;
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), -1));
	cr_assert(eq(int, find("192.0.2.8"), -1));
}

Test(next_hop, what_is_said_twice_of_a_neighbour_counts_as_said_last)
{
	route_add("192.0.2.0/24", NULL, ETH);
	neighbour_add("192.0.2.7", ETH, 7);
	neighbour_add("192.0.2.7", ETH, 8);
	picture_make();
	cr_assert(eq(int, find("192.0.2.7"), 8));
}
