// fake_control.h: weir-control's side of the rings, for tests of the dataplane: one edge with a core and two peers.
//
//     edge 1   access 1   127.0.0.1:5060   core 2   127.0.0.1:5080   peer 3   127.0.0.1:7000
//     edge 2                               edge 3                  peer 3   127.0.0.2:7000, 127.0.0.3:7000
//     core.example.net is 127.0.0.9:5060; phones live in 127.0.0.0/8 and, for memory's sake, 198.51.100.0/24
//
// Secrets and epochs are those of every edge of the tests, under the real clock.

#pragma once

#include <weir/keyhash.h>
#include <weir/keyring.h>
#include <weir/record.h>
#include <weir/region.h>

enum {
	FAKE_ACCESS = 1,
	FAKE_CORE = 2,
	FAKE_PEER = 3,
	FAKE_STREAM = 4, // access, TCP
	FAKE_MESSAGE_MAX = 65536,
	FAKE_ROTATE_S = 604800,
};

struct fake_control {
	struct region region;
	struct ring table;
	struct ring events;
	struct ring up;
	struct ring down;
	// Of the stream thread, if the session has one; likewise of the first worker.
	struct ring stream_up;
	struct ring stream_down;
	int wakeup; // control's
	int keeper;
	int worker; // the first
	uint64_t sequence; // records written
};

// Maps the memory and takes the rings of the first worker. The descriptors stay the caller's.
void fake_attach(struct fake_control *fake, int memfd, int wakeup, int keeper, int worker);
void fake_detach(struct fake_control *fake);

// Writes a record on the table ring and wakes the keeper; returns its sequence.
uint64_t fake_record(struct fake_control *fake, uint16_t type, const void *record, size_t length);
void fake_await_applied(struct fake_control *fake, uint64_t sequence);
// Waits for an event of this type for at most 5 s; others before it are skipped. False: it did not come.
bool fake_await_event(
	struct fake_control *fake, uint16_t type, void *event, size_t length, unsigned limit_ms);

// The whole world: keys, hashes, directory, snapshot of edge 1 (empty).
void fake_teach(struct fake_control *fake);
void fake_teach_keys(struct fake_control *fake, uint32_t rotate_s);
void fake_teach_directory(struct fake_control *fake, uint32_t heartbeat_ms);
// A keyring like the one that fake_teach() gives, at the current epoch less `late`.
struct keyring *fake_keyring(uint32_t rotate_s, uint64_t late);

// Puts a message on the first worker's down ring.
void fake_down(struct fake_control *fake, const struct link_down_message *head, struct span body);
// The same from the stream thread.
void fake_stream_down(
	struct fake_control *fake, const struct link_down_message *head, struct span body);
bool fake_stream_up(struct fake_control *fake, struct link_up_message *head, uint8_t *body);
// Waits for a message on the first worker's up ring; body holds FAKE_MESSAGE_MAX octets. False: none came in 5 s.
bool fake_up(struct fake_control *fake, struct link_up_message *head, uint8_t *body);

struct endpoint fake_endpoint(const char *text);
