// dpdk_xdp.c: loads and fills the XDP program of an af_xdp device.
//
// The driver loads, attaches and detaches the program that it is told by path; ours is carried in the binary and given to it as a file
// in memory. Its maps are found through the interface that it is attached to.

#include "dpdk_xdp.h"

#include "dpdk_private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(sizeof(struct dpdk_xdp_key) == sizeof(struct endpoint), "the one becomes the other");

enum {
	XDP_MAPS_MAX = 8,
	XDP_DESCRIPTORS_MAX = 1024,
};

// The compiled program, as tools/embed-octets writes it.
extern const unsigned char dpdk_xdp_object[];
extern const unsigned dpdk_xdp_object_octets;

int dpdk_xdp_open(void)
{
	int file = memfd_create("weir_xdp", MFD_CLOEXEC);
	ssize_t written;

	if (file < 0)
		return -errno;
	written = write(file, dpdk_xdp_object, dpdk_xdp_object_octets);
	if (written == (ssize_t)dpdk_xdp_object_octets)
		return file;
	close(file);
	return -ENOSPC;
}

// The program that is attached, if it is one of ours; a negative errno otherwise.
static int program_find(uint32_t interface, struct bpf_prog_info *info, uint32_t *maps)
{
	uint32_t size = sizeof(*info);
	uint32_t id = 0;
	int program;

	if (bpf_xdp_query_id((int)interface, 0, &id) < 0 || id == 0)
		return -ENOENT;
	program = bpf_prog_get_fd_by_id(id);
	if (program < 0)
		return -errno;
	*info = (struct bpf_prog_info){.nr_map_ids = XDP_MAPS_MAX, .map_ids = (uintptr_t)maps};
	if (bpf_obj_get_info_by_fd(program, info, &size) < 0 || info->nr_map_ids > XDP_MAPS_MAX
		|| strncmp(info->name, DPDK_XDP_PROGRAM, sizeof(info->name)) != 0) {
		close(program);
		return -ENOENT;
	}
	return program;
}

static int map_open(const struct bpf_prog_info *info, const uint32_t *maps, const char *name)
{
	for (uint32_t i = 0; i < info->nr_map_ids; i++) {
		struct bpf_map_info map = {0};
		uint32_t size = sizeof(map);
		int found = bpf_map_get_fd_by_id(maps[i]);

		if (found < 0)
			continue;
		if (bpf_obj_get_info_by_fd(found, &map, &size) == 0
			&& strncmp(map.name, name, sizeof(map.name)) == 0)
			return found;
		close(found);
	}
	return -ENOENT;
}

// A map of the program on this interface, or a negative errno.
static int map_find(uint32_t interface, const char *name)
{
	uint32_t maps[XDP_MAPS_MAX];
	struct bpf_prog_info info;
	int program = program_find(interface, &info, maps);
	int map;

	if (program < 0)
		return program;
	map = map_open(&info, maps, name);
	close(program);
	return map;
}

static int listener_put(int map, const struct endpoint *at)
{
	const uint32_t self = (uint32_t)getpid();
	struct dpdk_xdp_key key;

	memcpy(&key, at, sizeof(key));
	if (bpf_map_update_elem(map, &key, &self, BPF_ANY) < 0)
		return -errno;
	// Fragments have no port.
	key.port = 0;
	return bpf_map_update_elem(map, &key, &self, BPF_ANY) < 0 ? -errno : 0;
}

int dpdk_xdp_fill(uint32_t interface, const struct endpoint *addresses, unsigned count)
{
	int map = map_find(interface, DPDK_XDP_LISTENERS);
	int error = 0;

	if (map < 0)
		return map;
	for (unsigned i = 0; i < count && error == 0; i++)
		error = listener_put(map, &addresses[i]);
	close(map);
	return error;
}

// The driver attaches the program to the interface for good; it takes a capability that is given up later to take it off again, and
// a killed process never does. So it is attached anew by a link, which ends with its last descriptor.
int dpdk_xdp_hold(uint32_t interface)
{
	uint32_t maps[XDP_MAPS_MAX];
	struct bpf_prog_info info;
	int program = program_find(interface, &info, maps);
	int error;
	int hold;

	if (program < 0)
		return program;
	error = bpf_xdp_detach((int)interface, 0, NULL);
	hold = error < 0 ? error : bpf_link_create(program, (int)interface, BPF_XDP, NULL);
	close(program);
	return hold;
}

static bool is_known(const struct dpdk_queue *queues, unsigned count, int socket)
{
	for (unsigned i = 0; i < count; i++)
		if (queues[i].socket == socket)
			return true;
	return false;
}

// The driver shows its sockets to nobody.
int dpdk_xdp_socket_find(const struct dpdk_queue *queues, unsigned count)
{
	int found = -1;

	for (int socket = 0; socket < XDP_DESCRIPTORS_MAX; socket++) {
		int domain = 0;
		socklen_t length = sizeof(domain);

		if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0
			&& domain == AF_XDP && !is_known(queues, count, socket))
			found = socket;
	}
	return found;
}

int dpdk_xdp_socket_put(uint32_t interface, uint32_t queue, int socket)
{
	int map = map_find(interface, DPDK_XDP_SOCKETS);
	int error;

	if (map < 0)
		return map;
	error = bpf_map_update_elem(map, &queue, &socket, BPF_ANY) < 0 ? -errno : 0;
	close(map);
	return error;
}

static bool owner_lives(uint32_t interface)
{
	struct dpdk_xdp_key any;
	uint32_t process = 0;
	int map = map_find(interface, DPDK_XDP_LISTENERS);
	bool known;

	if (map < 0)
		return false;
	known = bpf_map_get_next_key(map, NULL, &any) == 0
		&& bpf_map_lookup_elem(map, &any, &process) == 0;
	close(map);
	return known && process != (uint32_t)getpid()
		&& (kill((pid_t)process, 0) == 0 || errno == EPERM);
}

int dpdk_xdp_clear(uint32_t interface)
{
	uint32_t maps[XDP_MAPS_MAX];
	struct bpf_prog_info info;
	int program = program_find(interface, &info, maps);

	// None, or a stranger's: the driver will say so.
	if (program < 0)
		return 0;
	close(program);
	if (owner_lives(interface))
		return -EBUSY;
	return bpf_xdp_detach((int)interface, 0, NULL);
}
