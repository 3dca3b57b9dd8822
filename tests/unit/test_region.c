// test_region.c: the shared memory of a link is what its number of workers says, or it is refused.

#include <weir/region.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

static int map_status(int memfd)
{
	struct region region = {0};
	uint32_t abi = 0;
	int status = region_map(&region, memfd, &abi);

	cr_assert(status == 0 || region.shared == NULL);
	region_unmap(&region);
	return status;
}

Test(region, is_seen_alike_from_both_ends_for_every_number_of_workers)
{
	for (uint32_t workers = 1; workers <= LINK_WORKERS_MAX; workers++) {
		struct region ours, theirs;
		uint32_t abi;
		int memfd;

		cr_assert(eq(int, region_create(&ours, workers, 0, &memfd), 0));
		cr_assert(eq(int, region_map(&theirs, memfd, &abi), 0));
		cr_assert(eq(u32, theirs.workers, workers));
		cr_assert(eq(sz, theirs.size, ours.size));
		atomic_store(&region_counters(&ours, workers - 1)->received, 7 + workers);
		cr_assert(eq(u64, atomic_load(&region_counters(&theirs, workers - 1)->received),
			7 + workers));
		atomic_store(
			&region_queue_counters(&ours, workers - 1, LINK_DEVICES_MAX - 1)->by_kernel,
			9 + workers);
		cr_assert(eq(u64,
			atomic_load(
				&region_queue_counters(&theirs, workers - 1, LINK_DEVICES_MAX - 1)
					 ->by_kernel),
			9 + workers));
		cr_assert(eq(u64, atomic_load(&region_counters(&theirs, workers - 1)->received),
			7 + workers));
		region_unmap(&ours);
		region_unmap(&theirs);
		close(memfd);
	}
}

Test(region, is_made_for_no_other_number_of_workers)
{
	struct region region;
	int memfd = -1;

	cr_assert(eq(int, region_create(&region, 0, 0, &memfd), -EINVAL));
	cr_assert(eq(int, region_create(&region, LINK_WORKERS_MAX + 1, 0, &memfd), -EINVAL));
	cr_assert(eq(int, region_create(&region, 1, LINK_STREAMS_MAX + 1, &memfd), -EINVAL));
	cr_assert(eq(int, memfd, -1));
}

static void record_pass(struct ring *from, struct ring *to, uint16_t type)
{
	uint8_t out[64];
	struct record_header header;

	cr_assert(eq(int, ring_write(from, type, 0, SPAN("over"), SPAN(" here")), 0));
	cr_assert(eq(i64, ring_read(to, &header, out, sizeof(out)), 9));
	cr_assert(eq(int, header.type, type));
	cr_assert(eq(int, memcmp(out, "over here", 9), 0));
}

Test(region, keeps_every_ring_apart_from_the_others)
{
	struct region ours, theirs;
	struct ring from[2 + 2 * 6], to[2 + 2 * 6];
	uint32_t abi;
	int memfd;

	cr_assert(eq(int, region_create(&ours, 3, 1, &memfd), 0));
	cr_assert(eq(int, region_map(&theirs, memfd, &abi), 0));
	region_attach_table(&ours, &from[0]);
	region_attach_table(&theirs, &to[0]);
	region_attach_events(&ours, &from[1]);
	region_attach_events(&theirs, &to[1]);
	for (uint32_t i = 0; i < 6; i++) {
		region_attach_up(&ours, i / 3, i % 3, &from[2 + 2 * i]);
		region_attach_up(&theirs, i / 3, i % 3, &to[2 + 2 * i]);
		region_attach_down(&ours, i / 3, i % 3, &from[3 + 2 * i]);
		region_attach_down(&theirs, i / 3, i % 3, &to[3 + 2 * i]);
	}
	for (uint16_t round = 0; round < 3000; round++)
		for (uint16_t i = 0; i < 14; i++)
			record_pass(&from[i], &to[i], (uint16_t)(1 + i + 14 * round));
}

static const uint8_t *used_to;

// The ring stands on a line of its own after all that came before.
static bool ring_follows(const struct ring *ring)
{
	const uint8_t *begin = (const uint8_t *)ring->shared;
	bool follows = begin >= used_to && (uintptr_t)begin % 64 == 0;

	used_to = ring->data + ring->size;
	return follows;
}

Test(region, lays_out_its_parts_without_overlap_to_its_end)
{
	struct region region;
	struct ring ring;
	int memfd;

	cr_assert(eq(int, region_create(&region, LINK_WORKERS_MAX, LINK_STREAMS_MAX, &memfd), 0));
	used_to = (const uint8_t *)(region.shared + 1);
	region_attach_table(&region, &ring);
	cr_assert(ring_follows(&ring));
	region_attach_events(&region, &ring);
	cr_assert(ring_follows(&ring));
	for (uint32_t i = 0; i < LINK_LANES_MAX * LINK_WORKERS_MAX; i++) {
		region_attach_up(&region, i / LINK_WORKERS_MAX, i % LINK_WORKERS_MAX, &ring);
		cr_assert(ring_follows(&ring));
		region_attach_down(&region, i / LINK_WORKERS_MAX, i % LINK_WORKERS_MAX, &ring);
		cr_assert(ring_follows(&ring));
	}
	const uint8_t *counters = (const uint8_t *)region_counters(&region, 0);
	const uint8_t *end = (const uint8_t *)(region_counters(&region, LINK_WORKERS_MAX - 1) + 1);
	cr_assert(counters >= used_to);
	cr_assert(end <= (const uint8_t *)region.shared + region.size);
}

Test(region, cannot_be_shrunk_grown_or_unsealed)
{
	struct region region;
	int memfd;

	cr_assert(eq(int, region_create(&region, 1, 0, &memfd), 0));
	cr_assert(eq(int, fcntl(memfd, F_GET_SEALS), SEALS));
	cr_assert(ne(int, ftruncate(memfd, 4096), 0));
	cr_assert(ne(int, ftruncate(memfd, (off_t)region.size * 2), 0));
	cr_assert(ne(int, fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE), 0));
}

Test(region, is_refused_with_any_octet_of_its_header_changed)
{
	struct region region;
	int memfd;

	cr_assert(eq(int, region_create(&region, 2, 0, &memfd), 0));
	uint8_t *header = (uint8_t *)region.shared;
	for (size_t i = 0; i < offsetof(struct link_region, size) + sizeof(uint64_t); i++) {
		header[i] ^= 0x81;
		cr_assert(lt(int, map_status(memfd), 0), "octet %zu", i);
		header[i] ^= 0x81;
	}
	cr_assert(eq(int, map_status(memfd), 0));
}

Test(region, of_another_abi_is_refused_by_its_number)
{
	struct region region, mapped;
	uint32_t abi = 0;
	int memfd;

	cr_assert(eq(int, region_create(&region, 1, 0, &memfd), 0));
	region.shared->abi = LINK_ABI + 41;
	cr_assert(eq(int, region_map(&mapped, memfd, &abi), -EPROTO));
	cr_assert(eq(u32, abi, LINK_ABI + 41));
}

Test(region, that_could_shrink_under_its_reader_is_refused)
{
	struct region region;
	int memfd;
	int open_fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert(eq(int, region_create(&region, 1, 0, &memfd), 0));
	cr_assert(eq(i64, write(open_fd, region.shared, sizeof(*region.shared)),
		(ssize_t)sizeof(*region.shared)));
	cr_assert(eq(int, ftruncate(open_fd, (off_t)region.size), 0));
	cr_assert(eq(int, map_status(open_fd), -EBADMSG));
	cr_assert(eq(int, fcntl(open_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), 0));
	cr_assert(eq(int, map_status(open_fd), -EBADMSG));
}

Test(region, of_any_size_but_its_own_is_refused)
{
	const off_t sizes[] = {
		0, 1, sizeof(struct link_region) - 1, sizeof(struct link_region), 1 << 20, 1 << 26};
	struct region region;
	int memfd;

	cr_assert(eq(int, region_create(&region, 1, 0, &memfd), 0));
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int other = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		cr_assert(ge(i64, write(other, region.shared, sizeof(*region.shared)), 0));
		cr_assert(eq(int, ftruncate(other, sizes[i]), 0));
		cr_assert(eq(int, fcntl(other, F_ADD_SEALS, SEALS), 0));
		cr_assert(eq(int, map_status(other), -EBADMSG), "size %ld", (long)sizes[i]);
		close(other);
	}
}

Test(region, that_is_no_memfd_is_refused)
{
	int pipes[2];

	cr_assert(eq(int, pipe(pipes), 0));
	cr_assert(eq(int, map_status(pipes[0]), -EBADMSG));
	cr_assert(eq(int, map_status(-1), -EBADMSG));
}
