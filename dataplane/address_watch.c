#include "address_watch.h"

#include "keeper.h"
#include "plane.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

enum {
	LOOK_EVERY_MS = 500, // whether or not anything was said
	// The kernel rings before the address is good: what follows news is looked at again, and again.
	LOOK_SOON_MS = 4,
	LOOKS_SOON = 25,
	NEWS_ROOM = 8192, // what is cut off was only to ring
};

static const unsigned groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};

int address_watch_open(struct address_watch *watch)
{
	int error = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]), &watch->news);

	if (error < 0)
		return error;
	error = netlink_open(&watch->questions);
	if (error < 0) {
		mnl_socket_close(watch->news);
		watch->news = NULL;
	}
	return error;
}

void address_watch_close(struct address_watch *watch)
{
	if (watch->news == NULL)
		return;
	mnl_socket_close(watch->news);
	mnl_socket_close(watch->questions);
}

int address_watch_descriptor(const struct address_watch *watch)
{
	return watch->news == NULL ? -1 : mnl_socket_get_fd(watch->news);
}

uint64_t address_watch_due_us(const struct address_watch *watch)
{
	return watch->news == NULL ? UINT64_MAX : watch->due_us;
}

void address_watch_forget_reports(struct address_watch *watch)
{
	memset(watch->reported, 0, sizeof(watch->reported));
}

// Edges know each other by their peer listeners, so these stay; and connections are control's.
static bool listener_moves(const struct directory_listener *listener)
{
	return listener != NULL && listener->listener.side != SIDE_PEER
		&& listener->listener.transport == TRANSPORT_UDP;
}

// Where the kernel says nothing, what was known stays.
static void listener_look(struct keeper *keeper, const struct directory_listener *listener)
{
	uint8_t id = listener->listener.id;
	struct address_state *state = &keeper->plane->addresses.listener[id];
	bool here;

	if (netlink_ask_local(keeper->addresses.questions, &listener->listener.address, &here) < 0
		|| here == address_is_here(&keeper->plane->addresses, id))
		return;
	// The time first: who sees that it moved mostly sees when.
	atomic_store_explicit(&state->since_ms, keeper->now_us / 1000, memory_order_relaxed);
	atomic_store_explicit(&state->away, !here, memory_order_release);
	keeper->addresses.reported[id] = false;
}

static void listeners_look(struct keeper *keeper, const struct directory *directory)
{
	for (unsigned id = 0; id < LISTENERS_MAX; id++) {
		const struct directory_listener *listener =
			directory_listener(directory, (uint8_t)id);

		if (listener_moves(listener))
			listener_look(keeper, listener);
	}
}

void address_watch_configure(struct keeper *keeper, const struct directory *directory)
{
	if (keeper->addresses.news != NULL)
		listeners_look(keeper, directory);
}

// What does not fit into the ring now is said at the next turn.
static void listeners_report(struct keeper *keeper, const struct directory *directory)
{
	for (unsigned id = 0; id < LISTENERS_MAX; id++) {
		const struct link_event_address event = {
			.listener = (uint8_t)id,
			.here = address_is_here(&keeper->plane->addresses, (uint8_t)id),
		};

		if (keeper->addresses.reported[id]
			|| !listener_moves(directory_listener(directory, (uint8_t)id)))
			continue;
		if (!keeper_send_event(
			    keeper->session, LINK_EVENT_ADDRESS, span_of(&event, sizeof(event))))
			return;
		keeper->addresses.reported[id] = true;
	}
}

// True: the kernel has rung. More than the socket holds (ENOBUFS) is a ring, too.
static bool news_take(struct mnl_socket *news)
{
	char room[NEWS_ROOM];
	bool rung = false;

	for (;;) {
		ssize_t length = mnl_socket_recvfrom(news, room, sizeof(room));

		if (length < 0 && errno != ENOBUFS && errno != ENOSPC && errno != EINTR)
			return rung;
		rung = true;
	}
}

static void due_next(struct address_watch *watch, uint64_t now_us)
{
	uint64_t wait_ms = watch->soon > 0 ? LOOK_SOON_MS : LOOK_EVERY_MS;

	if (watch->soon > 0)
		watch->soon--;
	watch->due_us = now_us + wait_ms * 1000;
}

void address_watch_tick(struct keeper *keeper)
{
	struct address_watch *watch = &keeper->addresses;
	// The keeper alone replaces it.
	const struct directory *directory =
		atomic_load_explicit(&keeper->plane->directory, memory_order_relaxed);

	if (watch->news == NULL || directory == NULL)
		return;
	if (news_take(watch->news)) {
		watch->soon = LOOKS_SOON;
		watch->due_us = keeper->now_us;
	}
	if (keeper->now_us >= watch->due_us) {
		listeners_look(keeper, directory);
		due_next(watch, keeper->now_us);
	}
	if (keeper->session != NULL)
		listeners_report(keeper, directory);
}
