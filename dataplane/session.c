// session.c: the link to one life of weir-control.

#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int session_new(uint32_t workers, struct session **session)
{
	struct session *created = calloc(1, sizeof(*created));
	int error;

	if (created == NULL)
		return -ENOMEM;
	atomic_init(&created->references, 1);
	created->control_wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (created->control_wakeup < 0) {
		error = -errno;
		goto free_session;
	}
	error = region_create(&created->region, workers, &created->memfd);
	if (error < 0)
		goto close_wakeup;
	region_attach_table(&created->region, &created->table);
	region_attach_events(&created->region, &created->events);
	for (uint32_t i = 0; i < workers; i++) {
		region_attach_up(&created->region, i, &created->up[i]);
		region_attach_down(&created->region, i, &created->down[i]);
	}
	*session = created;
	return 0;

close_wakeup:
	close(created->control_wakeup);
free_session:
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
	close(session->control_wakeup);
	free(session);
}

void session_break(struct session *session)
{
	atomic_store_explicit(&session->broken, true, memory_order_release);
}

void session_signal(struct session *session, struct ring *ring)
{
	if (ring_needs_signal(ring))
		(void)eventfd_write(session->control_wakeup, 1);
}
