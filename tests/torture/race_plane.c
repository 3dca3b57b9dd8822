// race_plane.c: controls come and go, teach and break off, while two workers forward and the keeper beats.
//
//   race_plane [LIVES]
//
// Each life of control brings keys, a directory and flows, sends a message that waits for its records, and ends in the middle of
// what it does. Meanwhile messages are fed. In the end every one has a verdict, every packet is back, and nothing was used after
// it was given back. A plain program, so that ThreadSanitizer can watch it.

#include "../unit/fake_control.h"
#include "io/io_memory.h"
#include "plane.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LIVES = 200,
	WORKERS = 2,
	FED_A_LIFE = 64,
};

static const char request[] =
	"OPTIONS sip:edge1.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n"
	"Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
	"CSeq: 1 OPTIONS\r\n\r\n";

static struct plane *plane;
static uint64_t fed;

static void check(bool promise, const char *what)
{
	if (promise)
		return;
	fprintf(stderr, "race_plane: %s\n", what);
	exit(1);
}

static void drain(struct io_port *port)
{
	struct io_memory_sent sent;

	while (io_memory_take(port, &sent))
		free(sent.octets);
}

static void feed(void)
{
	const struct endpoint phone = fake_endpoint("198.51.100.7:5060");

	for (unsigned i = 0; i < FED_A_LIFE; i++) {
		struct io_port *port = plane->worker[i % WORKERS].port;

		check(io_memory_feed(
			      port, FAKE_ACCESS, &phone, span_of(request, sizeof(request) - 1))
				== 0,
			"feed");
		fed++;
		drain(port);
	}
}

static void put_flows(struct fake_control *control, unsigned life)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	for (uint32_t slot = 1; slot <= 16; slot++) {
		const struct flow_record record = {
			.id = {1, slot, 1000 + life},
			.state = FLOW_LIVE,
			.listener = FAKE_ACCESS,
			.transport = slot % 2 == 0 ? TRANSPORT_UDP : TRANSPORT_TLS,
			.peer = {.address = {198, 51, 100, 7},
				.port = (uint16_t)(6000 + slot),
				.family = ENDPOINT_V4},
		};

		fake_record(control, LINK_FLOW, octets, flow_record_encode(&record, octets));
	}
}

static void live(unsigned life)
{
	const struct link_down_message head = {
		.kind = LINK_DOWN_SEND,
		.listener = FAKE_CORE,
		.peer = fake_endpoint("127.0.0.9:5060"),
		.length = 4,
	};
	struct link_down_message held = head;
	struct fake_control control;
	struct session *session;

	check(session_new(WORKERS, 0, &session) == 0, "session");
	check(plane_attach(plane, session) == NULL, "two sessions");
	fake_attach(&control, session->memfd, session->wakeups[0], plane->keeper.wakeup,
		plane->worker[0].wakeup);
	fake_teach_keys(&control, FAKE_ROTATE_S);
	fake_teach_directory(&control, 10);
	held.after = control.sequence + 16;
	fake_down(&control, &held, SPAN("held"));
	feed();
	put_flows(&control, life);
	// Every other life waits for its records, the rest break off in the middle of them.
	if (life % 2 == 0) {
		fake_await_applied(&control, control.sequence);
		fake_down(&control, &head, SPAN("next"));
	}
	fake_detach(&control);
	check(plane_attach(plane, NULL) == session, "another session");
	session_release(session);
	feed();
}

static uint64_t received(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		sum += atomic_load(&plane->worker[i].counters.received);
	return sum;
}

static uint64_t verdicts(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++)
			sum += atomic_load(&plane->worker[i].counters.verdicts[verdict]);
	return sum;
}

int main(int count, char **words)
{
	const struct link_config config = {.workers = WORKERS,
		.flows_max = 64,
		.peer_flows_max = 64,
		.rows_max = 256,
		.edge = 1};
	unsigned lives = count > 1 ? (unsigned)strtoul(words[1], NULL, 10) : LIVES;

	check(plane_new(&config, &plane) == 0, "plane");
	for (unsigned i = 0; i < WORKERS; i++) {
		plane->worker[i].port = io_memory_open(plane->worker[i].wakeup);
		check(plane->worker[i].port != NULL, "port");
	}
	check(plane_start(plane) == 0, "start");
	for (unsigned life = 0; life < lives; life++)
		live(life);
	for (unsigned i = 0; i < 5000 && received() < fed; i++)
		usleep(1000);
	plane_stop(plane);
	check(received() >= fed && received() == verdicts(), "a message without a verdict");
	for (unsigned i = 0; i < WORKERS; i++)
		check(io_memory_packets_out(plane->worker[i].port) == 0, "a packet that leaked");
	plane_free(plane);
	printf("%u lives of control, %llu messages fed\n", lives, (unsigned long long)fed);
	return 0;
}
