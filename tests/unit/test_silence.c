// The keeper misses phones that have shown keep-alives and stop; all threads run, control is played by the test.

#include "plane_lab.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <time.h>
#include <unistd.h>

enum {
	GENERATION = 1700000000,
	FLOW_TIMER_S = 28, // as the fake control teaches
	BEAT_MS = 20,
};

#define PHONE "198.51.100.7:5060"
#define STUN_REQUEST \
	"\x00\x01\x00\x00\x21\x12\xa4\x42" \
	"0123456789ab"

static struct flow_record record;

static void setup(void)
{
	plane_lab_start();
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
	fake_teach_directory(&lab.control, BEAT_MS);
	record = (struct flow_record){
		.id = {.edge = 1, .slot = 1, .generation = GENERATION},
		.state = FLOW_LIVE,
		.listener = FAKE_ACCESS,
		.transport = TRANSPORT_UDP,
		.peer = fake_endpoint(PHONE),
	};
}

static void teardown(void)
{
	urcu_qsbr_unregister_thread();
	plane_lab_stop();
}

TestSuite(silence, .init = setup, .fini = teardown, .timeout = 60);

static void teach(uint8_t flags)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	record.flags = flags;
	size_t length = flow_record_encode(&record, octets);

	fake_await_applied(&lab.control, fake_record(&lab.control, LINK_FLOW, octets, length));
}

// As if it had last been heard so long ago.
static void fall_silent(unsigned seconds)
{
	struct timespec now;
	struct flow *flow = (struct flow *)flow_find(lab.plane->flows, record.id);

	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store(
		&flow->heard, (uint16_t)((now.tv_sec + UINT16_MAX - seconds) % UINT16_MAX + 1));
}

static struct link_event_life await_life(void)
{
	struct link_event_life event = {0};

	cr_assert(fake_await_event(&lab.control, LINK_EVENT_LIFE, &event, sizeof(event), 10000));
	cr_assert(eq(u32, event.slot, 1));
	cr_assert(eq(u32, event.generation, GENERATION));
	return event;
}

Test(silence, a_stun_request_is_told_as_a_keep_alive)
{
	teach(0);
	plane_lab_feed(FAKE_ACCESS, PHONE, SPAN(STUN_REQUEST));
	struct link_event_life event = await_life();
	cr_assert(eq(int, event.keepalive, 1));
	cr_assert(eq(int, event.silent, 0));
}

Test(silence, who_is_silent_for_flow_timer_and_a_grace_is_doubtful_and_live_when_heard)
{
	teach(FLOW_KEEPALIVE_SHOWN);
	fall_silent(FLOW_TIMER_S + SILENCE_GRACE_S + 2);
	cr_assert(eq(int, await_life().silent, 1));
	cr_assert(eq(int, flow_check(lab.plane->flows, record.id), FLOW_DOUBTFUL));
	plane_lab_feed(FAKE_ACCESS, PHONE, SPAN("\r\n\r\n"));
	cr_assert(eq(int, await_life().silent, 0));
	cr_assert(eq(int, flow_check(lab.plane->flows, record.id), FLOW_LIVE));
}

Test(silence, another_control_hears_of_silence_anew)
{
	teach(FLOW_KEEPALIVE_SHOWN);
	fall_silent(FLOW_TIMER_S + SILENCE_GRACE_S + 2);
	cr_assert(eq(int, await_life().silent, 1));
	plane_lab_disconnect();
	plane_lab_connect();
	cr_assert(eq(int, await_life().silent, 1));
}

Test(silence, the_grace_is_given)
{
	struct link_event_life event;

	teach(FLOW_KEEPALIVE_SHOWN);
	fall_silent(FLOW_TIMER_S + SILENCE_GRACE_S - 5);
	cr_assert(not(fake_await_event(
		&lab.control, LINK_EVENT_LIFE, &event, sizeof(event), SILENCE_SWEEP_MS + 1000)));
	cr_assert(eq(int, flow_check(lab.plane->flows, record.id), FLOW_LIVE));
}
