#include "thread.h"

#include "../base/clock.h"
#include "accepts.h"
#include "held.h"
#include "stream_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

// --- The lane ---

static void waiting_resume(struct stream_list *waiting);
static void inbox_take(struct stream_thread *thread);

static struct stream *flow_find(struct stream_thread *thread, uint32_t slot, uint32_t generation)
{
	struct stream *connection =
		slot <= stream_thread_limits(thread)->flows ? thread->by_slot[slot] : NULL;

	return connection != NULL && connection->generation == generation ? connection : NULL;
}

static void message_pass(struct stream *connection, struct span message)
{
	held_hear(connection, message);
	stream_write(connection, message);
}

static void message_take(void *context, const struct link_up_message *head, struct span message)
{
	struct stream_thread *thread = context;
	struct stream *connection = flow_find(thread, head->slot, head->generation);

	if (connection == NULL)
		stream_thread_add(thread, COUNT_UNKNOWN);
	else if (head->kind == LINK_UP_HELD)
		held_confirm(connection, head->tag);
	else
		message_pass(connection, message);
}

static void lane_drain(struct stream_thread *thread)
{
	eventfd_t ignored;

	(void)eventfd_read(thread->lane_eventfd, &ignored);
	// Workers are told of a connection that we have opened after we are: its mail lies here, if it was not taken yet.
	if (!mailbox_is_empty(&thread->inbox))
		inbox_take(thread);
	link_lane_drain(stream_thread_lane(thread), message_take, thread);
}

static void lane_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;

	thread->now_ms = clock_ms();
	lane_drain(thread);
}

static void lane_forget(struct stream_thread *thread)
{
	if (thread->lane_event != NULL)
		event_free(thread->lane_event);
	thread->lane_event = NULL;
	if (thread->lane_eventfd >= 0)
		close(thread->lane_eventfd);
	thread->lane_eventfd = -1;
}

// A dataplane that was started for fewer threads serves those alone: they take all connections.
static void spare_judge(struct stream_thread *thread)
{
	bool spare =
		thread->lane_session == 0 && link_lane_session(&thread->streams->lanes[0]) != 0;

	if (spare == thread->spare)
		return;
	thread->spare = spare;
	if (spare)
		accepts_pause(thread);
	accepts_resume(thread);
}

// A session that has begun has an eventfd of its own.
static void lane_follow(struct stream_thread *thread)
{
	uint64_t session = link_lane_session(stream_thread_lane(thread));

	if (session == thread->lane_session) {
		spare_judge(thread);
		return;
	}
	lane_forget(thread);
	thread->lane_session = session;
	spare_judge(thread);
	thread->lane_eventfd = link_lane_take_eventfd(stream_thread_lane(thread));
	if (thread->lane_eventfd < 0)
		return;
	thread->lane_event = event_new(
		thread->base, thread->lane_eventfd, EV_READ | EV_PERSIST, lane_ready, thread);
	if (thread->lane_event != NULL)
		event_add(thread->lane_event, NULL);
	thread->unlinked_ms = 0;
	lane_drain(thread);
	waiting_resume(&thread->unlinked);
}

// --- Waiting ---

static void retry_later(struct stream_thread *thread)
{
	struct timeval soon = {.tv_usec = STREAM_RETRY_MS * 1000};

	if (!evtimer_pending(thread->retry_event, NULL))
		evtimer_add(thread->retry_event, &soon);
}

void stream_thread_wait(struct stream_thread *thread, struct stream *connection)
{
	if (connection->wait == WAIT_LINK) {
		LIST_INSERT_HEAD(&thread->unlinked, connection, waiting);
		return;
	}
	LIST_INSERT_HEAD(&thread->full, connection, waiting);
	retry_later(thread);
}

bool stream_thread_is_cut_off(struct stream_thread *thread)
{
	if (thread->unlinked_ms == 0)
		thread->unlinked_ms = thread->now_ms;
	return thread->now_ms - thread->unlinked_ms > STREAM_LINK_WAIT_MS;
}

// Each goes on, or comes back into its list; those that come back are not tried twice.
static void waiting_resume(struct stream_list *waiting)
{
	struct stream_list list = *waiting;

	LIST_INIT(waiting);
	if (!LIST_EMPTY(&list))
		LIST_FIRST(&list)->waiting.le_prev = &LIST_FIRST(&list);
	while (!LIST_EMPTY(&list)) {
		struct stream *connection = LIST_FIRST(&list);

		LIST_REMOVE(connection, waiting);
		stream_resume(connection);
	}
}

static void retry(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;

	thread->now_ms = clock_ms();
	waiting_resume(&thread->full);
}

// --- Mail, time, end ---

static void hang_up(struct stream_thread *thread, struct stream_mail *mail)
{
	struct stream *connection = flow_find(thread, mail->slot, mail->generation);

	if (connection != NULL)
		stream_end_later(connection, STREAM_END_STOP);
	mail_free(mail);
}

// Its connection may have closed while the mail was away: then the flow ends, too.
static void mail_take(struct stream_thread *thread, struct stream_mail *mail)
{
	if (mail->type == MAIL_DIAL) {
		stream_dial(thread, mail);
		return;
	}
	if (mail->type == MAIL_HANG_UP) {
		hang_up(thread, mail);
		return;
	}
	if (mail->connection != NULL) {
		stream_take_flow(mail->connection, mail);
		return;
	}
	mail->type = MAIL_CLOSED;
	mailbox_put(&thread->streams->inbox, mail);
}

static void inbox_take(struct stream_thread *thread)
{
	struct stream_mail *mail = mailbox_take(&thread->inbox);

	while (mail != NULL) {
		struct stream_mail *next = mail->next;

		mail_take(thread, mail);
		mail = next;
	}
}

static void inbox_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;

	thread->now_ms = clock_ms();
	// What is not taken is freed with the mailbox.
	if (atomic_load_explicit(&thread->stop, memory_order_acquire)) {
		event_base_loopbreak(thread->base);
		return;
	}
	inbox_take(thread);
	lane_follow(thread);
}

static void tick(evutil_socket_t fd, short what, void *argument)
{
	struct stream_thread *thread = argument;
	struct stream *connection = LIST_FIRST(&thread->connections);

	thread->now_ms = clock_ms();
	if (thread->deaf)
		accepts_resume(thread);
	while (connection != NULL) {
		struct stream *next = LIST_NEXT(connection, all);

		stream_check(connection);
		connection = next;
	}
}

static void *thread_run(void *argument)
{
	struct stream_thread *thread = argument;

	event_base_dispatch(thread->base);
	while (!LIST_EMPTY(&thread->connections))
		stream_close(LIST_FIRST(&thread->connections), STREAM_END_STOP);
	return NULL;
}

static void thread_free(struct stream_thread *thread)
{
	lane_forget(thread);
	accepts_close(thread);
	if (thread->inbox_event != NULL)
		event_free(thread->inbox_event);
	if (thread->tick_event != NULL)
		event_free(thread->tick_event);
	if (thread->retry_event != NULL)
		event_free(thread->retry_event);
	if (thread->base != NULL)
		event_base_free(thread->base);
	mailbox_fini(&thread->inbox);
	free(thread->by_slot);
	free(thread->held_by_source);
	free(thread);
}

static int events_open(struct stream_thread *thread)
{
	const struct timeval every = {.tv_usec = STREAM_TICK_MS * 1000};

	thread->base = event_base_new();
	if (thread->base == NULL)
		return -ENOMEM;
	thread->inbox_event = event_new(
		thread->base, thread->inbox.eventfd, EV_READ | EV_PERSIST, inbox_ready, thread);
	thread->tick_event = event_new(thread->base, -1, EV_PERSIST, tick, thread);
	thread->retry_event = evtimer_new(thread->base, retry, thread);
	if (thread->inbox_event == NULL || thread->tick_event == NULL || thread->retry_event == NULL
		|| event_add(thread->inbox_event, NULL) != 0
		|| event_add(thread->tick_event, &every) != 0)
		return -ENOMEM;
	return accepts_open(thread);
}

int stream_thread_start(struct streams *streams, uint8_t index, struct stream_thread **out)
{
	struct stream_thread *thread = calloc(1, sizeof(*thread));

	if (thread == NULL)
		return -ENOMEM;
	thread->streams = streams;
	thread->index = index;
	thread->lane_eventfd = -1;
	int status = mailbox_init(&thread->inbox);
	if (status != 0) {
		free(thread);
		return status;
	}
	thread->by_slot =
		calloc((size_t)streams->options.limits.flows + 1, sizeof(struct stream *));
	thread->held_by_source = calloc(HELD_SOURCES, sizeof(*thread->held_by_source));
	status = thread->by_slot == NULL || thread->held_by_source == NULL ? -ENOMEM
									   : events_open(thread);
	if (status == 0)
		status = -pthread_create(&thread->thread, NULL, thread_run, thread);
	if (status != 0) {
		thread_free(thread);
		return status;
	}
	*out = thread;
	return 0;
}

void stream_thread_stop(struct stream_thread *thread)
{
	atomic_store_explicit(&thread->stop, true, memory_order_release);
	mailbox_wake(&thread->inbox);
	pthread_join(thread->thread, NULL);
	thread_free(thread);
}
