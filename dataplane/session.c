// session.c: the link to one life of weir-control.

#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void wakeups_close(struct session *session)
{
	for (unsigned lane = 0; lane < LINK_LANES_MAX; lane++)
		if (session->wakeups[lane] >= 0)
			close(session->wakeups[lane]);
}

static int wakeups_open(struct session *session, uint32_t lanes)
{
	memset(session->wakeups, 0xff, sizeof(session->wakeups));
	for (uint32_t lane = 0; lane < lanes; lane++) {
		session->wakeups[lane] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (session->wakeups[lane] < 0)
			return -errno;
	}
	return 0;
}

static void rings_attach(struct session *session)
{
	const struct region *region = &session->region;

	region_attach_table(region, &session->table);
	region_attach_events(region, &session->events);
	for (uint32_t lane = 0; lane < session_lanes(session); lane++)
		for (uint32_t i = 0; i < region->workers; i++) {
			region_attach_up(region, lane, i, &session->up[lane][i]);
			region_attach_down(region, lane, i, &session->down[lane][i]);
		}
}

int session_new(uint32_t workers, uint32_t streams, struct session **session)
{
	struct session *created = calloc(1, sizeof(*created));
	int error;

	if (created == NULL)
		return -ENOMEM;
	atomic_init(&created->references, 1);
	error = wakeups_open(created, 1 + streams);
	if (error < 0)
		goto close_wakeups;
	error = region_create(&created->region, workers, streams, &created->memfd);
	if (error < 0)
		goto close_wakeups;
	rings_attach(created);
	*session = created;
	return 0;

close_wakeups:
	wakeups_close(created);
	free(created);
	return error;
}

void session_hold(struct session *session)
{
	atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
}

void session_release(struct session *session)
{
	// Both ways: what others did with it is over before it is freed.
	if (session == NULL
		|| atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) > 1)
		return;
	region_unmap(&session->region);
	close(session->memfd);
	wakeups_close(session);
	free(session);
}

void session_break(struct session *session)
{
	atomic_store_explicit(&session->broken, true, memory_order_release);
}

void session_signal(struct session *session, uint32_t lane, struct ring *ring)
{
	if (ring_needs_signal(ring))
		(void)eventfd_write(session->wakeups[lane], 1);
}
