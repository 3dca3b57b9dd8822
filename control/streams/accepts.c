#include "accepts.h"

#include "../base/clock.h"
#include "../base/sockaddr.h"

#include <weir/side.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	ACCEPTS_A_TURN = 64, // before the connections have their turn
};

// By a reset: nothing of it stays here.
static void turn_away(struct stream_thread *thread, int socket)
{
	const struct linger none = {.l_onoff = 1};

	stream_thread_add(thread, COUNT_TURNED_AWAY);
	(void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(socket);
}

void accepts_pause(struct stream_thread *thread)
{
	thread->deaf = true;
	for (unsigned i = 0; i < thread->streams->options.listener_count; i++)
		event_del(thread->accept_events[i]);
}

void accepts_resume(struct stream_thread *thread)
{
	thread->deaf = false;
	if (thread->spare)
		return;
	for (unsigned i = 0; i < thread->streams->options.listener_count; i++)
		event_add(thread->accept_events[i], NULL);
}

// Proxies and registrars are trusted and few: a storm of phones does not keep them waiting.
static bool is_bounded(const struct stream_listener *listener)
{
	return listener->side == SIDE_ACCESS;
}

static void turn_came(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;

	if (thread->deaf || thread->spare)
		return;
	for (unsigned i = 0; i < thread->streams->options.listener_count; i++)
		event_add(thread->accept_events[i], NULL);
}

// False: new connections of phones wait in the kernel until their turn comes.
static bool has_turn(struct stream_thread *thread)
{
	const struct streams *streams = thread->streams;
	uint32_t wait_ms;

	if (admission_has_turn(&streams->admission, thread->now_ms, &wait_ms))
		return true;
	const struct timeval wait = {.tv_usec = (suseconds_t)wait_ms * 1000};

	stream_thread_add(thread, COUNT_HELD_BACK);
	for (unsigned i = 0; i < streams->options.listener_count; i++)
		if (is_bounded(&streams->options.listeners[i]))
			event_del(thread->accept_events[i]);
	evtimer_add(thread->turn_event, &wait);
	return false;
}

static bool is_admitted(struct stream_thread *thread, const struct stream_listener *listener,
	const struct endpoint *peer)
{
	struct admission *admission = &thread->streams->admission;

	if (peer->family == ENDPOINT_NONE)
		return false;
	if (is_bounded(listener) && !admission_begin(admission, peer, thread->now_ms))
		return false;
	return admission_take(admission, peer);
}

static bool accept_one(struct stream_thread *thread, const struct stream_listener *listener, int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (is_bounded(listener) && !has_turn(thread))
		return false;
	int socket =
		accept4(fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

	// Out of descriptors, it stays in the kernel's queue until some are free.
	if (socket < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accepts_pause(thread);
		return false;
	}
	struct endpoint peer = sockaddr_read(&address);

	endpoint_fold_mapped(&peer);
	if (!is_admitted(thread, listener, &peer)) {
		turn_away(thread, socket);
		return true;
	}
	stream_thread_add(thread, COUNT_ACCEPTED);
	if (stream_new(thread, listener, socket, &peer) == NULL)
		admission_release(&thread->streams->admission, &peer);
	return true;
}

static void accept_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;
	struct streams *streams = thread->streams;

	thread->now_ms = clock_ms();
	for (unsigned i = 0; i < streams->options.listener_count; i++)
		for (unsigned n = 0; streams->sockets[i] == fd && n < ACCEPTS_A_TURN; n++)
			if (!accept_one(thread, &streams->options.listeners[i], fd))
				return;
}

int accepts_open(struct stream_thread *thread)
{
	const struct streams *streams = thread->streams;

	thread->accept_events = calloc(streams->options.listener_count + 1, sizeof(struct event *));
	thread->turn_event = evtimer_new(thread->base, turn_came, thread);
	if (thread->accept_events == NULL || thread->turn_event == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < streams->options.listener_count; i++) {
		thread->accept_events[i] = event_new(thread->base, streams->sockets[i],
			EV_READ | EV_PERSIST, accept_ready, thread);
		if (thread->accept_events[i] == NULL
			|| event_add(thread->accept_events[i], NULL) != 0)
			return -ENOMEM;
	}
	return 0;
}

void accepts_close(struct stream_thread *thread)
{
	for (unsigned i = 0;
		thread->accept_events != NULL && i < thread->streams->options.listener_count; i++)
		if (thread->accept_events[i] != NULL)
			event_free(thread->accept_events[i]);
	if (thread->turn_event != NULL)
		event_free(thread->turn_event);
	free(thread->accept_events);
}
