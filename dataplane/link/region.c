#include <weir/region.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE = 64,
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	// The rings stand close together, and each on a line of its own.
	MESSAGE_RING_STRIDE = RING_DATA_OFFSET + LINK_MESSAGE_RING_OCTETS,
};
static_assert(MESSAGE_RING_STRIDE % LINE == 0, "rings are aligned");

// Gives out the next octets, on a line of their own.
static uint64_t layout_take(uint64_t *end, uint64_t octets)
{
	uint64_t at = *end;

	*end = (at + octets + LINE - 1) & ~(uint64_t)(LINE - 1);
	return at;
}

static uint64_t layout_take_ring(uint64_t *end, uint32_t size)
{
	return layout_take(end, RING_DATA_OFFSET + (uint64_t)size);
}

// Where everything lies for so many workers and stream threads: the one truth of both sides.
static struct link_region layout_of(uint32_t workers, uint32_t streams)
{
	struct link_region layout = {.abi = LINK_ABI, .workers = workers, .streams = streams};
	uint64_t end = sizeof(layout);

	layout.table_ring = layout_take_ring(&end, LINK_TABLE_RING_OCTETS);
	layout.event_ring = layout_take_ring(&end, LINK_EVENT_RING_OCTETS);
	layout.message_rings =
		layout_take(&end, 2 * MESSAGE_RING_STRIDE * (1 + (uint64_t)streams) * workers);
	layout.counters = layout_take(&end, workers * sizeof(struct link_counters));
	layout.queue_counters =
		layout_take(&end, workers * LINK_DEVICES_MAX * sizeof(struct link_queue_counters));
	layout.size = end;
	return layout;
}

static bool numbers_are_valid(uint32_t workers, uint32_t streams)
{
	return workers >= 1 && workers <= LINK_WORKERS_MAX && streams <= LINK_STREAMS_MAX;
}

static int memory_map(struct region *region, int memfd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	// Messages and keys pass through it; no core dump shows them.
	(void)madvise(memory, size, MADV_DONTDUMP);
	region->shared = memory;
	region->size = size;
	return 0;
}

int region_create(struct region *region, uint32_t workers, uint32_t streams, int *memfd)
{
	struct region created = {.workers = workers, .streams = streams};
	int status;

	if (!numbers_are_valid(workers, streams))
		return -EINVAL;
	struct link_region layout = layout_of(workers, streams);
	int descriptor = memfd_create("weir-link", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (descriptor < 0)
		return -errno;
	if (ftruncate(descriptor, (off_t)layout.size) != 0
		|| fcntl(descriptor, F_ADD_SEALS, SEALS) != 0) {
		status = -errno;
		goto close_memfd;
	}
	status = memory_map(&created, descriptor, layout.size);
	if (status != 0)
		goto close_memfd;

	memcpy(created.shared, &layout, offsetof(struct link_region, applied));
	*region = created;
	*memfd = descriptor;
	return 0;

close_memfd:
	close(descriptor);
	return status;
}

// The size of a memfd that nobody can shrink, or a negative errno.
static int64_t memfd_measure(int memfd)
{
	struct stat status;
	int seals = fcntl(memfd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EBADMSG;
	if (fstat(memfd, &status) != 0)
		return -errno;
	return status.st_size >= (off_t)sizeof(struct link_region) ? status.st_size : -EBADMSG;
}

// The other side may go on writing while we look: a copy is judged, and nothing of it but the two numbers is kept.
static int header_check(struct region *region, uint32_t *abi)
{
	struct link_region claimed;

	memcpy(&claimed, region->shared, offsetof(struct link_region, applied));
	if (claimed.abi != LINK_ABI) {
		*abi = claimed.abi;
		return -EPROTO;
	}
	if (!numbers_are_valid(claimed.workers, claimed.streams))
		return -EBADMSG;
	struct link_region layout = layout_of(claimed.workers, claimed.streams);
	if (memcmp(&claimed, &layout, offsetof(struct link_region, size) + sizeof(layout.size)) != 0
		|| layout.size != region->size)
		return -EBADMSG;
	region->workers = claimed.workers;
	region->streams = claimed.streams;
	return 0;
}

int region_map(struct region *region, int memfd, uint32_t *abi)
{
	struct region mapped = {0};
	int64_t size = memfd_measure(memfd);

	if (size < 0)
		return (int)size;
	int status = memory_map(&mapped, memfd, (size_t)size);
	if (status != 0)
		return status;
	status = header_check(&mapped, abi);
	if (status != 0) {
		region_unmap(&mapped);
		return status;
	}
	*region = mapped;
	return 0;
}

void region_unmap(struct region *region)
{
	if (region->shared != NULL)
		munmap(region->shared, region->size);
	*region = (struct region){0};
}

static void *region_at(const struct region *region, uint64_t offset)
{
	return (uint8_t *)region->shared + offset;
}

void region_attach_table(const struct region *region, struct ring *ring)
{
	struct link_region layout = layout_of(region->workers, region->streams);

	ring_attach(ring, region_at(region, layout.table_ring), LINK_TABLE_RING_OCTETS);
}

void region_attach_events(const struct region *region, struct ring *ring)
{
	struct link_region layout = layout_of(region->workers, region->streams);

	ring_attach(ring, region_at(region, layout.event_ring), LINK_EVENT_RING_OCTETS);
}

static void message_ring_attach(const struct region *region, uint32_t lane, uint32_t worker,
	unsigned down, struct ring *ring)
{
	struct link_region layout = layout_of(region->workers, region->streams);

	assert(worker < region->workers && lane <= region->streams);
	uint64_t index = 2 * ((uint64_t)lane * region->workers + worker) + down;

	ring_attach(ring, region_at(region, layout.message_rings + index * MESSAGE_RING_STRIDE),
		LINK_MESSAGE_RING_OCTETS);
}

void region_attach_up(
	const struct region *region, uint32_t lane, uint32_t worker, struct ring *ring)
{
	message_ring_attach(region, lane, worker, 0, ring);
}

void region_attach_down(
	const struct region *region, uint32_t lane, uint32_t worker, struct ring *ring)
{
	message_ring_attach(region, lane, worker, 1, ring);
}

struct link_counters *region_counters(const struct region *region, uint32_t worker)
{
	struct link_region layout = layout_of(region->workers, region->streams);

	assert(worker < region->workers);
	return (struct link_counters *)region_at(region, layout.counters) + worker;
}

struct link_queue_counters *region_queue_counters(
	const struct region *region, uint32_t worker, uint32_t device)
{
	struct link_region layout = layout_of(region->workers, region->streams);

	assert(worker < region->workers && device < LINK_DEVICES_MAX);
	return (struct link_queue_counters *)region_at(region, layout.queue_counters)
		+ (size_t)worker * LINK_DEVICES_MAX + device;
}
