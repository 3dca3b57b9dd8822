// keeper.c: the keeper's life.

#include "keeper.h"

#include "clock.h"
#include "plane.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	KEEPER_SLEEP_MS = 100, // at most, when nothing is due
};

static uint64_t keeper_now_ms(const struct keeper *keeper)
{
	return keeper->now_us / 1000;
}

bool keeper_send_event(struct session *session, enum link_type type, struct span payload)
{
	if (ring_write(&session->events, (uint16_t)type, 0, payload, span_of(NULL, 0)) < 0)
		return false;
	session_signal(session, 0, &session->events);
	return true;
}

// Control's connections died with it: other flows of those phones serve from now on.
static void session_end(struct keeper *keeper)
{
	if (keeper->builder != NULL)
		directory_builder_free(keeper->builder);
	keeper->builder = NULL;
	flow_table_end_streams(keeper->plane->flows, keeper_now_ms(keeper));
	flow_table_reclaim(keeper->plane->flows);
}

static void session_follow(struct keeper *keeper)
{
	struct session *before = keeper->session;
	struct session *session = plane_session(keeper->plane);

	if (session == before)
		return;
	// Held before anything waits for a grace period.
	if (session != NULL)
		session_hold(session);
	if (before != NULL)
		session_end(keeper);
	session_release(before);
	keeper->session = session;
	keeper->applied = 0;
	keeper->complained = false;
	beats_forget_reports(&keeper->beats);
	device_report_forget(&keeper->devices);
	address_watch_forget_reports(&keeper->addresses);
	flow_table_forget_told(keeper->plane->flows);
}

// Said once: the flow is doubtful after it.
static void flow_suspect(
	struct keeper *keeper, struct session *session, const struct channel_record *record)
{
	struct flow_table *flows = keeper->plane->flows;
	const struct flow *flow = flow_find_source(flows, record->listener, &record->peer);

	if (flow == NULL || flow_state_of(flows, flow) != FLOW_LIVE)
		return;
	struct link_event_flow event = {.slot = flow->id.slot, .generation = flow->id.generation};

	if (flow_table_suspect(flows, flow->id) && session != NULL)
		(void)keeper_send_event(
			session, LINK_EVENT_SUSPECT, span_of(&event, sizeof(event)));
}

static void workers_hear(struct keeper *keeper, struct session *session)
{
	struct plane *plane = keeper->plane;
	struct channel_record record;
	enum channel_type type;

	for (uint32_t i = 0; i < plane->worker_count; i++)
		while (channel_read(&plane->worker[i].to_keeper, &type, &record)) {
			if (type == CHANNEL_BEAT)
				beats_hear(keeper, &record);
			else if (!beats_mark_unreachable(keeper, &record.peer))
				flow_suspect(keeper, session, &record);
		}
}

// True: there is more to do at once.
static bool keeper_turn(struct keeper *keeper)
{
	bool more;

	keeper->now_us = clock_us();
	session_follow(keeper);
	workers_hear(keeper, keeper->session);
	keeper_turn_keys(keeper);
	beats_tick(keeper);
	address_watch_tick(keeper);
	silence_sweep(keeper, keeper->session);
	if (keeper->session == NULL)
		return false;
	more = keeper_apply_records(keeper, keeper->session);
	beats_report(keeper, keeper->session);
	device_report_tick(
		&keeper->devices, keeper->session, keeper->plane->worker_count, keeper->now_us);
	return more;
}

static void rings_wake(struct keeper *keeper, struct session *session, uint32_t workers)
{
	if (session != NULL)
		ring_wake(&session->table);
	for (uint32_t i = 0; i < workers; i++)
		ring_wake(&keeper->plane->worker[i].to_keeper.reader);
}

// False, and all are awake: something came in between.
static bool rings_sleep(struct keeper *keeper, struct session *session)
{
	struct plane *plane = keeper->plane;

	for (uint32_t i = 0; i < plane->worker_count; i++)
		if (!ring_sleep(&plane->worker[i].to_keeper.reader)) {
			rings_wake(keeper, NULL, i);
			return false;
		}
	if (session == NULL || atomic_load_explicit(&session->broken, memory_order_relaxed)
		|| ring_sleep(&session->table))
		return true;
	rings_wake(keeper, NULL, plane->worker_count);
	return false;
}

static int sleep_ms(const struct keeper *keeper)
{
	uint64_t beat = beats_due_us(&keeper->beats);
	uint64_t look = address_watch_due_us(&keeper->addresses);
	uint64_t due = look < beat ? look : beat;
	uint64_t now = clock_us();

	if (due <= now)
		return 0;
	return due - now > KEEPER_SLEEP_MS * 1000 ? KEEPER_SLEEP_MS : (int)((due - now) / 1000) + 1;
}

static void keeper_wait(struct keeper *keeper)
{
	struct plane *plane = keeper->plane;
	struct pollfd wait[2] = {
		{keeper->wakeup, POLLIN, 0},
		{address_watch_descriptor(&keeper->addresses), POLLIN, 0},
	};
	eventfd_t ignored;

	if (!rings_sleep(keeper, keeper->session))
		return;
	plane_sleep(plane);
	if (poll(wait, 2, sleep_ms(keeper)) > 0 && wait[0].revents != 0)
		(void)eventfd_read(keeper->wakeup, &ignored);
	plane_awake(plane);
	rings_wake(keeper, keeper->session, plane->worker_count);
}

static void *keeper_run(void *argument)
{
	struct keeper *keeper = argument;

	urcu_qsbr_register_thread();
	while (!atomic_load_explicit(&keeper->stop, memory_order_relaxed)) {
		if (!keeper_turn(keeper))
			keeper_wait(keeper);
		plane_rest(keeper->plane);
	}
	urcu_qsbr_unregister_thread();
	return NULL;
}

int keeper_init(struct keeper *keeper, struct plane *plane)
{
	*keeper = (struct keeper){.plane = plane};
	keeper->material = OPENSSL_zalloc(sizeof(*keeper->material));
	if (keeper->material == NULL)
		return -ENOMEM;
	keeper->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (keeper->wakeup < 0) {
		OPENSSL_free(keeper->material);
		return -errno;
	}
	int error = plane->config.takeover ? address_watch_open(&keeper->addresses) : 0;

	if (error < 0) {
		close(keeper->wakeup);
		OPENSSL_free(keeper->material);
		return error;
	}
	beats_init(&keeper->beats, clock_wall_ns() / 1000000);
	return 0;
}

void keeper_fini(struct keeper *keeper)
{
	if (keeper->builder != NULL)
		directory_builder_free(keeper->builder);
	session_release(keeper->session);
	keyring_free(keeper->keys);
	keyring_free(keeper->keys_ahead);
	OPENSSL_clear_free(keeper->material, sizeof(*keeper->material));
	address_watch_close(&keeper->addresses);
	close(keeper->wakeup);
}

int keeper_start(struct keeper *keeper)
{
	return -pthread_create(&keeper->thread, NULL, keeper_run, keeper);
}

void keeper_stop(struct keeper *keeper)
{
	atomic_store_explicit(&keeper->stop, true, memory_order_relaxed);
	keeper_wake(keeper);
	pthread_join(keeper->thread, NULL);
}

void keeper_wake(struct keeper *keeper)
{
	(void)eventfd_write(keeper->wakeup, 1);
}
