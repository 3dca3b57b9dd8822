#include "link_lane.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	RECORDS_A_TURN = 1024, // from one ring, before the connections have their turn
};

void link_lane_init(struct link_lane *lane)
{
	pthread_mutex_init(&lane->lock, NULL);
	lane->up = false;
	lane->broken = false;
}

void link_lane_fini(struct link_lane *lane)
{
	pthread_mutex_destroy(&lane->lock);
}

void link_lane_attach(struct link_lane *lane, const struct region *region, uint32_t index,
	int own_eventfd, const int *worker_eventfds, uint64_t session, uint64_t after)
{
	pthread_mutex_lock(&lane->lock);
	lane->workers = region->workers;
	lane->session = session;
	lane->after = after;
	lane->own_eventfd = own_eventfd;
	for (uint32_t worker = 0; worker < region->workers; worker++) {
		region_attach_up(region, index, worker, &lane->ups[worker]);
		region_attach_down(region, index, worker, &lane->downs[worker]);
		lane->worker_eventfds[worker] = worker_eventfds[worker];
	}
	lane->up = true;
	lane->broken = false;
	pthread_mutex_unlock(&lane->lock);
}

void link_lane_detach(struct link_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->up = false;
	pthread_mutex_unlock(&lane->lock);
}

bool link_lane_is_broken(struct link_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	bool broken = lane->broken;

	pthread_mutex_unlock(&lane->lock);
	return broken;
}

uint64_t link_lane_session(struct link_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	uint64_t session = lane->up ? lane->session : 0;

	pthread_mutex_unlock(&lane->lock);
	return session;
}

int link_lane_take_eventfd(struct link_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	int copy = lane->up ? fcntl(lane->own_eventfd, F_DUPFD_CLOEXEC, 0) : -1;

	pthread_mutex_unlock(&lane->lock);
	return copy;
}

// A flow belongs to one worker, so what comes by one connection stays in order.
static int lane_write(struct link_lane *lane, const struct link_lane_mark *mark,
	struct link_down_message *head, struct span message)
{
	uint32_t worker = head->slot % lane->workers;
	struct ring *ring = &lane->downs[worker];

	head->after = lane->after;
	if (mark->session == lane->session && mark->after > lane->after)
		head->after = mark->after;
	int status = ring_write(ring, LINK_DOWN_MESSAGE, 0, span_of(head, sizeof(*head)), message);

	if (status == 0 && ring_needs_signal(ring))
		(void)eventfd_write(lane->worker_eventfds[worker], 1);
	return status;
}

int link_lane_send(struct link_lane *lane, const struct link_lane_mark *mark,
	struct link_down_message *head, struct span message)
{
	pthread_mutex_lock(&lane->lock);
	int status = lane->up ? lane_write(lane, mark, head, message) : -ENOTCONN;

	pthread_mutex_unlock(&lane->lock);
	return status;
}

typedef void lane_take(void *context, const struct link_up_message *head, struct span message);

static bool record_take(
	struct link_lane *lane, uint16_t type, size_t length, lane_take *take, void *context)
{
	struct link_up_message head;

	if (type != LINK_UP_MESSAGE || length < sizeof(head))
		return false;
	memcpy(&head, lane->record, sizeof(head));
	if (head.kind < LINK_UP_KINDS_MAIN || head.kind >= LINK_UP_KINDS
		|| length != sizeof(head) + head.length)
		return false;
	take(context, &head, span_of(lane->record + sizeof(head), head.length));
	return true;
}

static bool ring_drain(struct link_lane *lane, struct ring *ring, lane_take *take, void *context)
{
	struct record_header header;

	for (unsigned i = 0; i < RECORDS_A_TURN; i++) {
		int64_t length = ring_read(ring, &header, lane->record, sizeof(lane->record));

		if (length == -EAGAIN)
			return true;
		if (length < 0 || !record_take(lane, header.type, (size_t)length, take, context))
			return false;
	}
	return true;
}

// All rings are asked to signal from now on; false: something came in between.
static bool rings_sleep(struct link_lane *lane)
{
	bool quiet = true;

	for (uint32_t worker = 0; worker < lane->workers; worker++)
		quiet = ring_sleep(&lane->ups[worker]) && quiet;
	return quiet;
}

static bool lane_drain(struct link_lane *lane, lane_take *take, void *context)
{
	for (uint32_t worker = 0; worker < lane->workers; worker++)
		if (!ring_drain(lane, &lane->ups[worker], take, context))
			return false;
	if (!rings_sleep(lane))
		(void)eventfd_write(lane->own_eventfd, 1);
	return true;
}

void link_lane_drain(struct link_lane *lane, lane_take *take, void *context)
{
	pthread_mutex_lock(&lane->lock);
	if (lane->up && !lane_drain(lane, take, context)) {
		lane->up = false;
		lane->broken = true;
	}
	pthread_mutex_unlock(&lane->lock);
}
