// The rings of a stream thread: what goes down waits for its flow, and what comes up is judged like all that the other process writes.

#include "link/link_lane.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	WORKERS = 2,
	LANE = 1,
};

static struct region region;
static int memfd, own, workers[WORKERS];
static struct link_lane *lane;
static struct ring ups[WORKERS], downs[WORKERS];
static unsigned taken;
static struct link_up_message last;

static void setup(void)
{
	cr_assert(eq(int, region_create(&region, WORKERS, 1, &memfd), 0));
	own = eventfd(0, EFD_NONBLOCK);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = eventfd(0, EFD_NONBLOCK);
		region_attach_up(&region, LANE, i, &ups[i]);
		region_attach_down(&region, LANE, i, &downs[i]);
	}
	lane = calloc(1, sizeof(*lane));
	link_lane_init(lane);
	link_lane_attach(lane, &region, LANE, own, workers, 7, 100);
}

static void teardown(void)
{
	link_lane_fini(lane);
	free(lane);
	region_unmap(&region);
	close(memfd);
	close(own);
	for (unsigned i = 0; i < WORKERS; i++)
		close(workers[i]);
}

TestSuite(lane, .init = setup, .fini = teardown);

static int send(uint32_t slot, struct link_lane_mark mark)
{
	struct link_down_message head = {.kind = LINK_DOWN_STREAM, .slot = slot, .length = 5};

	return link_lane_send(lane, &mark, &head, SPAN("hello"));
}

static struct link_down_message down_read(unsigned worker)
{
	uint8_t octets[256];
	struct record_header header;
	struct link_down_message head;

	cr_assert(eq(i64, ring_read(&downs[worker], &header, octets, sizeof(octets)),
		(int64_t)sizeof(head) + 5));
	memcpy(&head, octets, sizeof(head));
	return head;
}

Test(lane, sends_what_is_of_one_flow_to_one_worker)
{
	for (uint32_t slot = 1; slot < 20; slot++) {
		cr_assert(eq(int, send(slot, (struct link_lane_mark){0}), 0));
		cr_assert(eq(u32, down_read(slot % WORKERS).slot, slot));
	}
}

Test(lane, marks_messages_after_their_flow_or_after_the_whole_snapshot)
{
	cr_assert(eq(int, send(2, (struct link_lane_mark){.session = 7, .after = 120}), 0));
	cr_assert(eq(u64, down_read(0).after, 120));
	cr_assert(eq(int, send(2, (struct link_lane_mark){.session = 6, .after = 9000}), 0));
	cr_assert(eq(u64, down_read(0).after, 100), "a number of another session says nothing");
}

Test(lane, says_when_there_is_no_session_or_no_room)
{
	int status = 0;

	for (unsigned i = 0; status == 0 && i < 1000000; i++)
		status = send(2, (struct link_lane_mark){0});
	cr_assert(eq(int, status, -EAGAIN));
	cr_assert(eq(int, send(3, (struct link_lane_mark){0}), 0));
	link_lane_detach(lane);
	cr_assert(eq(int, send(3, (struct link_lane_mark){0}), -ENOTCONN));
	cr_assert(eq(u64, link_lane_session(lane), 0));
	cr_assert(eq(int, link_lane_take_eventfd(lane), -1));
}

static void take(void *context, const struct link_up_message *head, struct span message)
{
	taken++;
	last = *head;
	cr_assert(eq(sz, message.length, head->length));
}

static void up_write(uint8_t kind, uint16_t claimed, struct span octets)
{
	const struct link_up_message head = {.kind = kind, .slot = 4, .length = claimed};

	cr_assert(eq(int,
		ring_write(&ups[1], LINK_UP_MESSAGE, 0, span_of(&head, sizeof(head)), octets), 0));
}

Test(lane, hands_on_what_comes_up_and_asks_to_be_woken)
{
	up_write(LINK_UP_STREAM, 5, SPAN("hello"));
	up_write(LINK_UP_HELD, 0, SPAN(""));
	link_lane_drain(lane, take, NULL);
	cr_assert(eq(uint, taken, 2));
	cr_assert(eq(int, last.kind, LINK_UP_HELD));
	up_write(LINK_UP_STREAM, 0, SPAN(""));
	cr_assert(ring_needs_signal(&ups[1]));
	cr_assert(not(link_lane_is_broken(lane)));
}

Test(lane, is_broken_by_a_record_that_cannot_be)
{
	up_write(LINK_UP_STREAM, 6, SPAN("hello"));
	link_lane_drain(lane, take, NULL);
	cr_assert(link_lane_is_broken(lane));
	cr_assert(eq(uint, taken, 0));
	cr_assert(eq(int, send(3, (struct link_lane_mark){0}), -ENOTCONN));
}

Test(lane, is_broken_by_what_belongs_to_the_main_loop)
{
	up_write(LINK_UP_REGISTER, 5, SPAN("hello"));
	link_lane_drain(lane, take, NULL);
	cr_assert(link_lane_is_broken(lane));
}
