// plane_lab.c: a whole dataplane in one test.

#include "plane_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <unistd.h>

struct plane_lab lab;
bool plane_lab_takeover;

static char *last_text;

void plane_lab_connect(void)
{
	struct plane *plane = lab.plane;

	cr_assert(eq(int, session_new(1, 1, &lab.session), 0));
	cr_assert(eq(ptr, plane_attach(plane, lab.session), NULL));
	fake_attach(&lab.control, lab.session->memfd, lab.session->wakeups[0], plane->keeper.wakeup,
		plane->worker[0].wakeup);
}

void plane_lab_disconnect(void)
{
	fake_detach(&lab.control);
	cr_assert(eq(ptr, plane_attach(lab.plane, NULL), lab.session));
	session_release(lab.session);
	lab.session = NULL;
}

void plane_lab_start(void)
{
	const struct link_config config = {
		.workers = 1,
		.flows_max = 64,
		.peer_flows_max = 64,
		.rows_max = 256,
		.edge = 1,
		.takeover = plane_lab_takeover,
	};

	cr_assert(eq(int, plane_new(&config, &lab.plane), 0));
	lab.port = io_memory_open(lab.plane->worker[0].wakeup);
	cr_assert(lab.port != NULL);
	lab.plane->worker[0].port = lab.port;
	cr_assert(eq(int, plane_start(lab.plane), 0));
	plane_lab_connect();
	fake_teach(&lab.control);
}

static const struct link_counters *counters(void)
{
	return &lab.plane->worker[0].counters;
}

uint64_t plane_lab_count(enum verdict verdict)
{
	return atomic_load(&counters()->verdicts[verdict]);
}

uint64_t plane_lab_received(void)
{
	return atomic_load(&counters()->received);
}

static uint64_t verdicts_sum(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		sum += plane_lab_count((enum verdict)i);
	return sum;
}

void plane_lab_stop(void)
{
	if (lab.session != NULL)
		plane_lab_disconnect();
	plane_stop(lab.plane);
	cr_assert(eq(uint, io_memory_packets_out(lab.port), 0));
	cr_assert(eq(u64, verdicts_sum(), plane_lab_received()));
	plane_free(lab.plane);
	free(last_text);
	last_text = NULL;
}

void plane_lab_feed(uint8_t listener, const char *source, struct span octets)
{
	struct endpoint peer = fake_endpoint(source);

	cr_assert(eq(int, io_memory_feed(lab.port, listener, &peer, octets), 0));
}

static bool is_beat(const struct io_memory_sent *sent)
{
	return sent->listener == FAKE_PEER && sent->length == TOKEN_LENGTH_V4;
}

static const char *take_sent(struct io_memory_sent *sent)
{
	while (io_memory_take(lab.port, sent)) {
		free(last_text);
		last_text = realloc(sent->octets, sent->length + 1);
		sent->octets = (uint8_t *)last_text;
		last_text[sent->length] = 0;
		if (!is_beat(sent))
			return last_text;
	}
	return NULL;
}

const char *plane_lab_await_sent(struct io_memory_sent *sent)
{
	for (unsigned i = 0; i < 5000; i++) {
		const char *text = take_sent(sent);

		if (text != NULL)
			return text;
		usleep(1000);
	}
	return NULL;
}

bool plane_lab_is_silent(unsigned ms)
{
	struct io_memory_sent sent;

	usleep(ms * 1000);
	return take_sent(&sent) == NULL;
}

bool plane_lab_await_count(enum verdict verdict, uint64_t count)
{
	for (unsigned i = 0; i < 5000; i++) {
		if (plane_lab_count(verdict) >= count)
			return true;
		usleep(1000);
	}
	return false;
}
