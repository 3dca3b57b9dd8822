// next_hop.c: routes lead to ways, ways to neighbours.

#include "next_hop.h"

#include "neighbour_table.h"
#include "range_table.h"

#include <stdlib.h>

// Where a route leads.
struct way {
	uint32_t interface; // to whom we ask for, at this interface; 0: not on link
	bool resolved; // to the gateway
	bool own; // it ends at this host
	struct next_hop hop; // if resolved
};

enum {
	WAY_KERNEL = 0, // neither on link nor resolved
	VLANS = 4096,
	VLANS_A_WORD = 64,
};

struct next_hops {
	struct range_table v4; // of indexes of ways
	struct range_table v6;
	struct way *way;
	struct neighbour_table neighbours;
	uint64_t vlan[NEXT_HOP_DEVICES_MAX]
		     [VLANS / VLANS_A_WORD]; // a bit for each that the host has
};

// --- Interfaces, by their index ---

struct interface_list {
	struct next_hop_interface *sorted;
	size_t count;
};

static int interface_compare(const void *left, const void *right)
{
	uint32_t a = ((const struct next_hop_interface *)left)->interface;
	uint32_t b = ((const struct next_hop_interface *)right)->interface;

	return a < b ? -1 : a > b;
}

static bool interfaces_init(
	struct interface_list *list, const struct next_hop_interface *interfaces, size_t count)
{
	list->sorted = calloc(count + 1, sizeof(*interfaces));
	list->count = count;
	if (list->sorted == NULL)
		return false;
	if (count > 0)
		memcpy(list->sorted, interfaces, count * sizeof(*interfaces));
	qsort(list->sorted, count, sizeof(*interfaces), interface_compare);
	return true;
}

// NULL: not one of ours.
static const struct next_hop_interface *interface_find(
	const struct interface_list *list, uint32_t interface)
{
	const struct next_hop_interface wanted = {.interface = interface};

	if (interface == 0)
		return NULL;
	return bsearch(&wanted, list->sorted, list->count, sizeof(wanted), interface_compare);
}

// --- Making a picture ---

// A group or all zeros is no address of one neighbour.
static bool mac_is_one(const uint8_t mac[NEXT_HOP_MAC_OCTETS])
{
	static const uint8_t zeros[NEXT_HOP_MAC_OCTETS];

	return (mac[0] & 1) == 0 && memcmp(mac, zeros, sizeof(zeros)) != 0;
}

static bool neighbours_fill(struct neighbour_table *table, const struct interface_list *interfaces,
	const struct next_hop_neighbour *neighbours, size_t count)
{
	if (count > NEXT_HOP_NEIGHBOURS_MAX)
		count = NEXT_HOP_NEIGHBOURS_MAX;
	if (neighbour_table_init(table, count) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct next_hop_interface *interface =
			interface_find(interfaces, neighbours[i].interface);

		if (interface == NULL || !mac_is_one(neighbours[i].mac))
			continue;
		struct next_hop hop = {
			.device = interface->device,
			.stale = neighbours[i].stale,
			.vlan = interface->vlan,
			.mtu = interface->mtu,
		};

		memcpy(hop.source_mac, interface->mac, sizeof(hop.source_mac));
		memcpy(hop.destination_mac, neighbours[i].mac, sizeof(hop.destination_mac));
		neighbour_table_put(table, &neighbours[i].address, neighbours[i].interface, &hop);
	}
	return true;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

// A route that is narrower than its link needs no word of ours: the kernel knows.
static struct way way_make(const struct neighbour_table *neighbours,
	const struct next_hop_interface *interface, const struct next_hop_route *route)
{
	const struct way kernel = {.own = route->local};
	struct way way = {.resolved = true};

	if (route->local || interface == NULL)
		return kernel;
	if (route->gateway.family == ENDPOINT_NONE) {
		if (route->mtu != 0 && route->mtu < interface->mtu)
			return kernel;
		return (struct way){.interface = route->interface};
	}
	const struct next_hop *hop =
		neighbour_table_find(neighbours, &route->gateway, route->interface);

	if (hop == NULL)
		return kernel;
	way.hop = *hop;
	way.hop.mtu = smaller(hop->mtu, route->mtu != 0 ? route->mtu : NEXT_HOP_PATH_MTU);
	return way;
}

static bool routes_fill(struct next_hops *hops, const struct interface_list *interfaces,
	const struct next_hop_route *routes, size_t count)
{
	struct range_prefix *prefixes = calloc(count + 1, sizeof(*prefixes));
	bool made = false;

	hops->way = calloc(count + 1, sizeof(*hops->way));
	if (prefixes == NULL || hops->way == NULL)
		goto free_prefixes;
	for (size_t i = 0; i < count; i++) {
		hops->way[i + 1] = way_make(&hops->neighbours,
			interface_find(interfaces, routes[i].interface), &routes[i]);
		prefixes[i] = (struct range_prefix){
			.prefix = routes[i].prefix,
			.value = (uint32_t)i + 1,
			.metric = routes[i].metric,
			.local = routes[i].local,
		};
	}
	made = range_table_init(&hops->v4, ENDPOINT_V4, prefixes, count) == 0
		&& range_table_init(&hops->v6, ENDPOINT_V6, prefixes, count) == 0;
free_prefixes:
	free(prefixes);
	return made;
}

static void vlans_fill(
	struct next_hops *hops, const struct next_hop_interface *interfaces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (interfaces[i].device < NEXT_HOP_DEVICES_MAX && interfaces[i].vlan < VLANS)
			hops->vlan[interfaces[i].device][interfaces[i].vlan / VLANS_A_WORD] |=
				UINT64_C(1) << interfaces[i].vlan % VLANS_A_WORD;
}

struct next_hops *next_hops_new(const struct next_hop_interface *interfaces, size_t interface_count,
	const struct next_hop_route *routes, size_t route_count,
	const struct next_hop_neighbour *neighbours, size_t neighbour_count)
{
	struct next_hops *hops = calloc(1, sizeof(*hops));
	struct interface_list list = {.sorted = NULL};

	if (route_count > NEXT_HOP_ROUTES_MAX)
		route_count = 0;
	if (hops == NULL || !interfaces_init(&list, interfaces, interface_count)
		|| !neighbours_fill(&hops->neighbours, &list, neighbours, neighbour_count)
		|| !routes_fill(hops, &list, routes, route_count)) {
		next_hops_free(hops);
		hops = NULL;
	}
	free(list.sorted);
	if (hops != NULL)
		vlans_fill(hops, interfaces, interface_count);
	return hops;
}

void next_hops_free(struct next_hops *hops)
{
	if (hops == NULL)
		return;
	range_table_fini(&hops->v4);
	range_table_fini(&hops->v6);
	neighbour_table_fini(&hops->neighbours);
	free(hops->way);
	free(hops);
}

// --- Asking it ---

// A group, the broadcast, or an address that means a host only together with a link, which an endpoint cannot say.
static bool destination_is_special(const struct endpoint *destination)
{
	const uint8_t *address = destination->address;

	if (destination->family == ENDPOINT_V4)
		return address[0] >= 224;
	return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

static const struct way *way_find(const struct next_hops *hops, const struct endpoint *address)
{
	const struct range_table *ranges = address->family == ENDPOINT_V4 ? &hops->v4 : &hops->v6;

	return &hops->way[range_table_find(ranges, address->address)];
}

const struct next_hop *next_hops_find(
	const struct next_hops *hops, const struct endpoint *destination)
{
	if (hops == NULL || destination->family == ENDPOINT_NONE
		|| destination_is_special(destination))
		return NULL;
	const struct way *way = way_find(hops, destination);

	if (way->interface != 0)
		return neighbour_table_find(&hops->neighbours, destination, way->interface);
	return way->resolved ? &way->hop : NULL;
}

bool next_hops_has_link(const struct next_hops *hops, unsigned device, uint16_t vlan)
{
	if (hops == NULL || vlan == 0)
		return true;
	return device < NEXT_HOP_DEVICES_MAX && vlan < VLANS
		&& (hops->vlan[device][vlan / VLANS_A_WORD] >> vlan % VLANS_A_WORD & 1) != 0;
}

bool next_hops_is_own(const struct next_hops *hops, const struct endpoint *address)
{
	return hops != NULL && way_find(hops, address)->own;
}
