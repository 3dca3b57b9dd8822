// kernel_watch.c: the thread that keeps the picture of the kernel's tables as they are.

#include "kernel_watch.h"

#include "io/io_dpdk.h"
#include "log.h"
#include "netlink.h"
#include "plane.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_MS = 3, // changes that belong together come together
	PAUSE_MAX_MS = 1000,
	// A pause is so many times as long as reading kept the processor busy: this thread takes at most a twentieth of one.
	PAUSE_FACTOR = 20,
	LINKS_EVERY_MS = 200, // devices are asked for their links
	RETRY_TURNS = 5, // of these, after a reading that failed
	NEWS_ROOM = 8192, // what is cut off was only to ring
};

struct kernel_watch {
	struct plane *plane; // set before threads start
	struct mnl_socket *news; // the thread's
	int end; // eventfd; set before threads start
	pthread_t thread;
	unsigned pause_ms; // the thread's
	bool failed; // the last reading; the thread's
	unsigned quiet; // turns without news since; the thread's
	bool diverted; // said so; the thread's
	bool crowded; // said so; the thread's
	unsigned device_count; // set before threads start
	struct kernel_device devices[]; // set before threads start
};

// --- Reading ---

static void publish(struct kernel_watch *watch, struct next_hops *hops)
{
	// Workers read it with acquire.
	const struct next_hops *before =
		atomic_exchange_explicit(&watch->plane->hops, hops, memory_order_acq_rel);

	plane_await_grace(watch->plane);
	next_hops_free((struct next_hops *)before);
}

static void complain(struct kernel_watch *watch, const struct kernel_tables *tables)
{
	if (tables->diverted && !watch->diverted)
		log_say("W-ROUTES-POLICY",
			"routing rules of this host may lead past the table main: the kernel sends "
			"everything");
	if (tables->crowded && !watch->crowded)
		log_say("W-ROUTES-MANY",
			"this host has more than %d routes: the kernel sends everything",
			NEXT_HOP_ROUTES_MAX);
	watch->diverted = tables->diverted;
	watch->crowded = tables->crowded;
}

// What this thread has used; waiting for the kernel's lock is none of it.
static uint64_t processor_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

static int tables_follow(struct kernel_watch *watch)
{
	struct kernel_tables tables;
	uint64_t begin = processor_us();
	int error = kernel_tables_read(watch->devices, watch->device_count, &tables);
	uint64_t pause = (processor_us() - begin) * PAUSE_FACTOR / 1000;

	watch->pause_ms = pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : (unsigned)pause;
	if (error < 0) {
		if (!watch->failed)
			log_say("E-ROUTES-READ",
				"cannot read the kernel's routes and neighbours: %s",
				strerror(-error));
		watch->failed = true;
		return error;
	}
	watch->failed = false;
	complain(watch, &tables);
	publish(watch, tables.hops);
	return 0;
}

// --- Waiting ---

static bool watch_ends(struct kernel_watch *watch, unsigned ms)
{
	struct pollfd end = {watch->end, POLLIN, 0};

	return poll(&end, 1, (int)ms) > 0;
}

// A bridge learns all the time, and no packet of ours goes by what it learns; all else may matter.
static int news_judge(const struct nlmsghdr *message, void *context)
{
	const struct ndmsg *neighbour = mnl_nlmsg_get_payload(message);
	bool *matters = context;
	bool known = message->nlmsg_type == RTM_NEWNEIGH || message->nlmsg_type == RTM_DELNEIGH;

	if (!known || mnl_nlmsg_get_payload_len(message) < sizeof(*neighbour)
		|| neighbour->ndm_family != AF_BRIDGE)
		*matters = true;
	return MNL_CB_OK;
}

// Take all that has come. True: something of it matters. More than the socket holds (ENOBUFS) does.
static bool news_take(struct kernel_watch *watch)
{
	char room[NEWS_ROOM];
	bool matters = false;

	for (;;) {
		ssize_t length = mnl_socket_recvfrom(watch->news, room, sizeof(room));

		if (length < 0 && errno != ENOBUFS && errno != ENOSPC && errno != EINTR)
			return matters;
		if (length < 0
			|| mnl_cb_run(room, (size_t)length, 0, 0, news_judge, &matters)
				== MNL_CB_ERROR)
			matters = true;
	}
}

// Something has changed, or the last reading failed a while ago.
static bool reading_is_due(struct kernel_watch *watch, int ready)
{
	if (ready != 0)
		return news_take(watch);
	return watch->failed && ++watch->quiet % RETRY_TURNS == 0;
}

static void *watch_run(void *argument)
{
	struct kernel_watch *watch = argument;
	struct pollfd wait[2] = {
		{watch->end, POLLIN, 0},
		{mnl_socket_get_fd(watch->news), POLLIN, 0},
	};

	for (;;) {
		int ready = poll(wait, 2, LINKS_EVERY_MS);

		if (wait[0].revents != 0)
			return NULL;
		dpdk_update_devices();
		if (!reading_is_due(watch, ready))
			continue;
		if (watch_ends(watch, watch->pause_ms > PAUSE_MS ? watch->pause_ms : PAUSE_MS))
			return NULL;
		// What comes from here on rings again.
		(void)news_take(watch);
		(void)tables_follow(watch);
	}
}

// --- Life ---

static int news_open(struct kernel_watch *watch)
{
	static const unsigned groups[] = {
		RTNLGRP_LINK,
		RTNLGRP_NEIGH,
		RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE,
		RTNLGRP_NEXTHOP,
	};

	return netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]), &watch->news);
}

int kernel_watch_open(struct plane *plane, const struct kernel_device *devices, unsigned count,
	struct kernel_watch **watch)
{
	struct kernel_watch *opened = calloc(1, sizeof(*opened) + count * sizeof(*devices));
	int error;

	if (opened == NULL)
		return -ENOMEM;
	opened->plane = plane;
	opened->device_count = count;
	memcpy(opened->devices, devices, count * sizeof(*devices));
	opened->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (opened->end < 0) {
		error = -errno;
		goto free_watch;
	}
	// Told first, then asking: nothing falls in between.
	error = news_open(opened);
	if (error < 0)
		goto close_end;
	error = tables_follow(opened);
	if (error < 0)
		goto close_news;
	*watch = opened;
	return 0;

close_news:
	mnl_socket_close(opened->news);
close_end:
	close(opened->end);
free_watch:
	free(opened);
	return error;
}

int kernel_watch_start(struct kernel_watch *watch)
{
	return -pthread_create(&watch->thread, NULL, watch_run, watch);
}

void kernel_watch_stop(struct kernel_watch *watch)
{
	(void)eventfd_write(watch->end, 1);
	pthread_join(watch->thread, NULL);
}

void kernel_watch_close(struct kernel_watch *watch)
{
	const struct next_hops *last = atomic_exchange(&watch->plane->hops, NULL);

	next_hops_free((struct next_hops *)last);
	mnl_socket_close(watch->news);
	close(watch->end);
	free(watch);
}
