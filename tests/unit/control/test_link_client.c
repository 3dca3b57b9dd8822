// test_link_client.c: records, messages and events over a session of the link, and the session's end.

#include "link_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(link_client, .init = link_setup_up, .fini = link_teardown, .timeout = 30);

struct numbered {
	uint64_t number;
	uint8_t filling[192];
};

static void records_read(unsigned wanted)
{
	struct record_header header;
	struct numbered record;
	unsigned count = 0;

	while (count < wanted) {
		int64_t length =
			ring_read(&plane.table, &header, (uint8_t *)&record, sizeof(record));
		if (length == -EAGAIN) {
			fake_turn(&plane, 1);
			continue;
		}
		cr_assert(eq(i64, length, sizeof(record)));
		cr_assert(eq(int, header.type, LINK_FLOW));
		cr_assert(eq(u64, record.number, ++count));
	}
}

Test(link_client, brings_numbered_records_in_order_beyond_the_size_of_the_ring)
{
	// Four rings full.
	unsigned count = 4 * LINK_TABLE_RING_OCTETS / sizeof(struct numbered);

	for (uint64_t i = 1; i <= count; i++) {
		struct numbered record = {.number = i};
		cr_assert(eq(u64,
			link_client_put(client, LINK_FLOW, span_of(&record, sizeof(record))), i));
	}
	records_read(count);
	fake_turn(&plane, 10);
	struct record_header header;
	cr_assert(eq(int, ring_peek(&plane.table, &header), 0));
}

Test(link_client, wakes_a_keeper_that_sleeps)
{
	struct numbered record = {0};
	eventfd_t count;

	cr_assert(ring_sleep(&plane.table));
	cr_assert(eq(u64, link_client_put(client, LINK_FLOW, span_of(&record, sizeof(record))), 1));
	cr_assert(eq(int, eventfd_read(plane.eventfds[1], &count), 0));
}

Test(link_client, begins_anew_when_nobody_takes_its_records)
{
	static uint8_t record[LINK_TABLE_RING_OCTETS / 4];
	unsigned count = 0;

	while (link_client_put(client, LINK_FLOW, span_of(record, sizeof(record))) != 0)
		cr_assert(lt(uint, ++count, 1000));
	cr_assert(gt(uint, count, 200));
	cr_assert(eq(uint, heard.downs, 0), "the caller is still in its loop");
	fake_wait(&plane, &heard.downs, 1);
	cr_assert(link_was_said("the keeper does not take its records"));
	close(plane.socket);
	plane.socket = -1;
	fake_start(&plane, LISTENERS, NULL);
	fake_wait(&plane, &heard.ups, 2);
	cr_assert(eq(u64, link_client_put(client, LINK_FLOW, span_of(record, 8)), 1));
}

Test(link_client, delivers_messages_with_the_worker_they_came_from)
{
	struct link_up_message head = {.kind = LINK_UP_REGISTER, .listener = 1, .length = 5};

	cr_assert(eq(int,
		ring_write(&plane.ups[1], LINK_UP_MESSAGE, 0, span_of(&head, sizeof(head)),
			span_of("hello", 5)),
		0));
	cr_assert(ring_needs_signal(&plane.ups[1]));
	fake_signal(&plane);
	fake_wait(&plane, &heard.messages, 1);
	cr_assert(eq(uint, heard.worker, 1));
	cr_assert(eq(int, memcmp(&heard.head, &head, sizeof(head)), 0));
	cr_assert(eq(int, memcmp(heard.octets, "hello", 5), 0));
}

Test(link_client, delivers_events)
{
	struct link_event_peer peer = {.edge = 2, .liveness = 1, .incarnation = 9};

	cr_assert(eq(int,
		ring_write(&plane.events, LINK_EVENT_PEER, 0, span_of(&peer, sizeof(peer)),
			span_of(NULL, 0)),
		0));
	fake_signal(&plane);
	fake_wait(&plane, &heard.events, 1);
	cr_assert(eq(int, heard.event_type, LINK_EVENT_PEER));
	cr_assert(eq(int, memcmp(heard.octets, &peer, sizeof(peer)), 0));
}

Test(link_client, ends_a_session_whose_events_have_another_length)
{
	cr_assert(eq(int,
		ring_write(
			&plane.events, LINK_EVENT_PEER, 0, span_of("short", 5), span_of(NULL, 0)),
		0));
	fake_signal(&plane);
	fake_wait(&plane, &heard.downs, 1);
	cr_assert(eq(uint, heard.events, 0));
}

Test(link_client, ends_a_session_whose_message_is_longer_than_its_record)
{
	struct link_up_message head = {.kind = LINK_UP_REGISTER, .length = 6};

	cr_assert(eq(int,
		ring_write(&plane.ups[0], LINK_UP_MESSAGE, 0, span_of(&head, sizeof(head)),
			span_of("hello", 5)),
		0));
	fake_signal(&plane);
	fake_wait(&plane, &heard.downs, 1);
	cr_assert(eq(uint, heard.messages, 0));
}

Test(link_client, sends_to_the_worker_that_is_named)
{
	struct link_down_message head = {.after = 3, .kind = LINK_DOWN_RETURN, .length = 2};
	uint8_t octets[sizeof(head) + 2];
	struct record_header header;

	cr_assert(eq(int, link_client_send(client, 1, &head, span_of("ok", 2)), 0));
	cr_assert(eq(int, link_client_send(client, 2, &head, span_of("ok", 2)), -EINVAL));
	cr_assert(eq(
		i64, ring_read(&plane.downs[1], &header, octets, sizeof(octets)), sizeof(octets)));
	cr_assert(eq(int, header.type, LINK_DOWN_MESSAGE));
	cr_assert(eq(int, memcmp(octets, &head, sizeof(head)), 0));
	cr_assert(eq(i64, ring_read(&plane.downs[0], &header, octets, sizeof(octets)), -EAGAIN));
}

Test(link_client, says_when_a_workers_ring_is_full)
{
	static uint8_t octets[60000];
	struct link_down_message head = {.length = sizeof(octets)};
	int status = 0;

	for (unsigned i = 0; i < 100 && status == 0; i++)
		status = link_client_send(client, 0, &head, span_of(octets, sizeof(octets)));
	cr_assert(eq(int, status, -EAGAIN));
	cr_assert(eq(int, link_client_send(client, 1, &head, span_of(octets, 8)), 0));
}

Test(link_client, shows_the_counters_of_each_worker)
{
	atomic_store(&region_counters(&plane.region, 1)->received, 12);
	cr_assert(eq(u64, atomic_load(&link_client_counters(client, 1)->received), 12));
	cr_assert(link_client_counters(client, FAKE_WORKERS) == NULL);
}

// --- Death ---

Test(link_client, keeps_what_arrives_for_the_next_dataplane)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(listeners[0].address.port)};
	int next[LISTENERS][FAKE_WORKERS];
	int phone = socket(AF_INET, SOCK_DGRAM, 0);
	struct link_down_message head = {0};
	char octets[8];

	fake_die(&plane);
	fake_wait(&plane, &heard.downs, 1);
	cr_assert(not(link_client_is_up(client)));
	cr_assert(eq(u64, link_client_put(client, LINK_FLOW, span_of("x", 1)), 0));
	cr_assert(eq(int, link_client_send(client, 0, &head, span_of("x", 1)), -ENOTCONN));
	cr_assert(link_client_counters(client, 0) == NULL);
	cr_assert(eq(i64, sendto(phone, "ping", 4, 0, (struct sockaddr *)&at, sizeof(at)), 4));

	fake_listen(&plane, base, link_path);
	fake_start(&plane, LISTENERS, next);
	fake_wait(&plane, &heard.ups, 2);
	int64_t length = recv(next[0][0], octets, sizeof(octets), 0);
	if (length < 0)
		length = recv(next[0][1], octets, sizeof(octets), 0);
	cr_assert(eq(i64, length, 4));
	cr_assert(eq(int, memcmp(octets, "ping", 4), 0));
}
