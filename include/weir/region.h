// region.h: the shared memory of one link: a sealed memfd with a struct link_region, the rings and the counters.
//
// The dataplane creates one for each control that connects, control maps it. Where things lie follows from the numbers of
// workers and of stream threads; both sides compute it, nothing is believed. The seals say that nobody can shrink the memory under a reader
// (which would be SIGBUS).

#pragma once

#include <weir/link.h>

// One side's view. Private memory: what is said here stays true whatever the other side writes.
struct region {
	struct link_region *shared;
	size_t size; // octets mapped
	uint32_t workers;
	uint32_t streams;
};

// A new region for 1 to LINK_WORKERS_MAX workers and 0 to LINK_STREAMS_MAX stream threads, mapped; *memfd is the caller's to send and close. 0, -EINVAL or an errno of
// the system.
[[nodiscard]] int region_create(
	struct region *region, uint32_t workers, uint32_t streams, int *memfd);
// Maps what the other side sent; the descriptor may be closed after. 0; -EPROTO: another LINK_ABI (*abi is theirs); -EBADMSG:
// not sealed, or not laid out as its numbers say; or an errno of the system.
[[nodiscard]] int region_map(struct region *region, int memfd, uint32_t *abi);
void region_unmap(struct region *region);

// This side's end of each ring, at its beginning: once a region.
void region_attach_table(const struct region *region, struct ring *ring);
void region_attach_events(const struct region *region, struct ring *ring);
// Lane 0 is control's main loop's, 1 to `streams` its stream threads'.
void region_attach_up(
	const struct region *region, uint32_t lane, uint32_t worker, struct ring *ring);
void region_attach_down(
	const struct region *region, uint32_t lane, uint32_t worker, struct ring *ring);
[[nodiscard]] struct link_counters *region_counters(const struct region *region, uint32_t worker);
// device is less than LINK_DEVICES_MAX, whether there is such a device or not.
[[nodiscard]] struct link_queue_counters *region_queue_counters(
	const struct region *region, uint32_t worker, uint32_t device);
