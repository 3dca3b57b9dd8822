// kernel_tables.c: the kernel's tables, one after the other, into rows.

#include "kernel_tables.h"

#include "kernel_row.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	ROWS_FIRST = 64,
	// A host whose tables change while they are read, each time, is not going to be read.
	ATTEMPTS_MAX = 8,
};

// Rows of one kind, as many as come.
struct rows {
	void *row;
	size_t count;
	size_t capacity;
	size_t limit; // one row more is kept, so that it shows
	bool failed; // no memory
};

struct reading {
	const struct kernel_device *devices;
	unsigned device_count;
	struct rows links; // struct kernel_link
	struct rows interfaces; // struct next_hop_interface
	struct rows routes; // struct next_hop_route
	struct rows neighbours; // struct next_hop_neighbour
	bool diverted;
};

static void row_add(struct rows *rows, const void *row, size_t size)
{
	if (rows->limit != 0 && rows->count > rows->limit)
		return;
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity == 0 ? ROWS_FIRST : 2 * rows->capacity;
		void *grown = reallocarray(rows->row, capacity, size);

		if (grown == NULL) {
			rows->failed = true;
			return;
		}
		rows->row = grown;
		rows->capacity = capacity;
	}
	memcpy((uint8_t *)rows->row + rows->count++ * size, row, size);
}

static int link_take(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct kernel_link link;

	if (kernel_link_read(message, &link))
		row_add(&reading->links, &link, sizeof(link));
	return MNL_CB_OK;
}

static int route_take(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct next_hop_route route;

	if (kernel_route_read(message, &route))
		row_add(&reading->routes, &route, sizeof(route));
	return MNL_CB_OK;
}

static bool interface_is_ours(const struct reading *reading, uint32_t interface)
{
	const struct next_hop_interface *interfaces = reading->interfaces.row;

	for (size_t i = 0; i < reading->interfaces.count; i++)
		if (interfaces[i].interface == interface)
			return true;
	return false;
}

static int neighbour_take(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct next_hop_neighbour neighbour;

	if (kernel_neighbour_read(message, &neighbour)
		&& interface_is_ours(reading, neighbour.interface))
		row_add(&reading->neighbours, &neighbour, sizeof(neighbour));
	return MNL_CB_OK;
}

static int rule_take(const struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;

	reading->diverted = reading->diverted || kernel_rule_diverts(message);
	return MNL_CB_OK;
}

// A running interface that is a device, or a VLAN right on one.
static void interfaces_find(struct reading *reading)
{
	const struct kernel_link *links = reading->links.row;

	for (size_t i = 0; i < reading->links.count; i++)
		for (unsigned n = 0; n < reading->device_count; n++) {
			const struct kernel_link *link = &links[i];
			uint32_t carrier = link->parent != 0 ? link->parent : link->interface;

			if (!link->running || carrier != reading->devices[n].interface)
				continue;
			struct next_hop_interface interface = {
				.interface = link->interface,
				.device = reading->devices[n].device,
				.vlan = link->vlan,
				.mtu = link->mtu,
			};

			memcpy(interface.mac, link->mac, sizeof(interface.mac));
			row_add(&reading->interfaces, &interface, sizeof(interface));
		}
}

static int rules_read(struct mnl_socket *socket, struct reading *reading)
{
	int error = netlink_dump(socket, RTM_GETRULE, AF_INET, rule_take, reading);

	if (error == 0)
		error = netlink_dump(socket, RTM_GETRULE, AF_INET6, rule_take, reading);
	// A kernel that is built without rules has none.
	return error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

static int routes_read(struct mnl_socket *socket, struct reading *reading)
{
	int error = netlink_dump(socket, RTM_GETROUTE, AF_INET, route_take, reading);

	return error < 0 ? error
			 : netlink_dump(socket, RTM_GETROUTE, AF_INET6, route_take, reading);
}

static int reading_fill(struct mnl_socket *socket, struct reading *reading)
{
	int error = netlink_dump(socket, RTM_GETLINK, AF_UNSPEC, link_take, reading);

	if (error < 0)
		return error;
	interfaces_find(reading);
	error = rules_read(socket, reading);
	if (error == 0)
		error = routes_read(socket, reading);
	if (error == 0)
		error = netlink_dump(socket, RTM_GETNEIGH, AF_UNSPEC, neighbour_take, reading);
	if (reading->links.failed || reading->interfaces.failed || reading->routes.failed
		|| reading->neighbours.failed)
		return -ENOMEM;
	return error;
}

// What an answer that failed has left behind goes with the socket.
static int reading_read(struct reading *reading)
{
	struct mnl_socket *socket;
	int error = netlink_open(&socket);

	if (error < 0)
		return error;
	error = reading_fill(socket, reading);
	mnl_socket_close(socket);
	return error;
}

static int picture_make(const struct reading *reading, struct kernel_tables *tables)
{
	bool crowded = reading->routes.count > NEXT_HOP_ROUTES_MAX;
	size_t routes = reading->diverted || crowded ? 0 : reading->routes.count;
	struct next_hops *hops = next_hops_new(reading->interfaces.row, reading->interfaces.count,
		reading->routes.row, routes, reading->neighbours.row, reading->neighbours.count);

	if (hops == NULL)
		return -ENOMEM;
	*tables = (struct kernel_tables){
		.hops = hops,
		.diverted = reading->diverted,
		.crowded = crowded,
	};
	return 0;
}

static int tables_read_once(
	const struct kernel_device *devices, unsigned count, struct kernel_tables *tables)
{
	struct reading reading = {
		.devices = devices,
		.device_count = count,
		.routes.limit = NEXT_HOP_ROUTES_MAX,
		.neighbours.limit = NEXT_HOP_NEIGHBOURS_MAX,
	};
	int error = reading_read(&reading);

	if (error == 0)
		error = picture_make(&reading, tables);
	free(reading.links.row);
	free(reading.interfaces.row);
	free(reading.routes.row);
	free(reading.neighbours.row);
	return error;
}

int kernel_tables_read(
	const struct kernel_device *devices, unsigned count, struct kernel_tables *tables)
{
	int error = -EINTR;

	for (unsigned i = 0; i < ATTEMPTS_MAX && error == -EINTR; i++)
		error = tables_read_once(devices, count, tables);
	return error;
}
