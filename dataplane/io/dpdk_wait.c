// dpdk_wait.c: nothing came: poll on, then back off, then sleep.

#include "dpdk_private.h"

#include <rte_pause.h>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum {
	EVENTS_MAX = LISTENERS_MAX + DPDK_DEVICES_MAX + 1, // guard sockets, taps, the wakeup
	IDLE_POLLS = 256, // turns of the worker before it backs off
	IDLE_SLEEP_MIN_US = 20,
	IDLE_SLEEP_MAX_US = 1000,
	IDLE_SLEEPS_DOUBLED = 64, // sleeps of one length before the next are twice as long
};

static void event_take(struct io_dpdk *io, const struct epoll_event *event)
{
	eventfd_t ignored;

	if (event->data.fd == io->wakeup) {
		(void)eventfd_read(io->wakeup, &ignored);
		return;
	}
	for (unsigned i = 0; i < io->device_count; i++)
		io->tap_ready |= dpdk_device_at(i)->queues[io->worker].tap == event->data.fd;
	for (unsigned i = 0; i < io->listeners.count; i++) {
		struct dpdk_listener *listener = &io->listeners.entry[i];

		if (listener->given.guard != event->data.fd)
			continue;
		if (event->events & EPOLLERR)
			socket_errors_read(&io->errors, event->data.fd, listener->given.id);
		listener->ready = (event->events & EPOLLIN) != 0;
		io->guard_ready |= listener->ready;
	}
}

void dpdk_wait_look(struct io_dpdk *io)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(io->epoll, events, EVENTS_MAX, 0);

	io->receives = 0;
	dpdk_fragment_expire(io);
	for (int i = 0; i < count; i++)
		event_take(io, &events[i]);
}

// True: a device has something; it is kept for the next receive.
static bool frames_came(struct io_dpdk *io)
{
	for (unsigned i = 0; i < io->device_count && io->pending_count == 0; i++) {
		const struct dpdk_queue *queue = &dpdk_device_at(i)->queues[io->worker];

		io->pending_device = i;
		io->pending_count =
			rte_eth_rx_burst(queue->port, queue->number, io->pending, BURST_MAX);
	}
	return io->pending_count > 0;
}

static uint32_t sleep_us(const struct io_dpdk *io)
{
	const unsigned doublings = (io->idle_turns - IDLE_POLLS) / IDLE_SLEEPS_DOUBLED;
	uint32_t us = doublings < 16 ? (uint32_t)IDLE_SLEEP_MIN_US << doublings : IDLE_SLEEP_MAX_US;

	return us < IDLE_SLEEP_MAX_US ? us : IDLE_SLEEP_MAX_US;
}

// True: a socket has something, and it has been taken.
static bool sleep_once(struct io_dpdk *io, uint32_t us)
{
	struct pollfd epoll = {io->epoll, POLLIN, 0};
	struct timespec limit = {.tv_nsec = (long)us * 1000};

	if (ppoll(&epoll, 1, &limit, NULL) <= 0)
		return false;
	dpdk_wait_look(io);
	return true;
}

static void sleep_until(struct io_dpdk *io, uint32_t timeout_ms)
{
	uint64_t left_us = (uint64_t)timeout_ms * 1000;

	while (left_us > 0) {
		uint32_t us = sleep_us(io);

		if (us > left_us)
			us = (uint32_t)left_us;
		if (sleep_once(io, us) || frames_came(io))
			return;
		left_us -= us;
		if (us < IDLE_SLEEP_MAX_US)
			io->idle_turns++;
	}
}

void dpdk_wait(struct io_port *port, uint32_t timeout_ms)
{
	struct io_dpdk *io = dpdk_of(port);

	dpdk_port_enter(io);
	if (frames_came(io)) {
		io->idle_turns = 0;
		return;
	}
	// Sockets are looked at by dpdk_receive() now and then: a turn without sleep makes no system call.
	if (io->idle == DPDK_IDLE_POLL || io->idle_turns < IDLE_POLLS) {
		io->idle_turns++;
		rte_pause();
		return;
	}
	sleep_until(io, timeout_ms);
	if (io->pending_count > 0)
		io->idle_turns = 0;
}
