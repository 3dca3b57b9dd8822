// fake_dataplane.h: the dataplane's end of the link in the test's own process, driven step by step beside control's loop.

#pragma once

#include <weir/region.h>
#include <weir/setup.h>

#include <event2/event.h>

enum {
	FAKE_WORKERS = 2,
};

struct fake_dataplane {
	struct event_base *base; // the loop to turn while waiting
	int listening;
	int socket; // to control; -1: none
	struct setup_packet packet; // the last that arrived
	struct region region;
	struct ring table;
	struct ring events;
	struct ring ups[FAKE_WORKERS];
	struct ring downs[FAKE_WORKERS];
	int eventfds[2 + FAKE_WORKERS]; // control's, the keeper's, one a worker
};

// Turn the loop until *count reaches wanted; the test fails after five seconds.
void fake_wait(struct fake_dataplane *plane, const unsigned *count, unsigned wanted);
// Turn the loop for so long.
void fake_turn(struct fake_dataplane *plane, unsigned ms);

void fake_listen(struct fake_dataplane *plane, struct event_base *base, const char *path);
// Control connects and says HELLO; answered with these.
void fake_greet(struct fake_dataplane *plane, uint32_t abi, bool running);
// The next packet, which must be of that type; its descriptors are the test's.
void fake_expect(struct fake_dataplane *plane, uint16_t type);
void fake_send(struct fake_dataplane *plane, uint16_t type, const void *payload, size_t length);
// CONFIG, the listeners and START arrive and are answered; sockets may be NULL, or holds [listeners][FAKE_WORKERS].
void fake_start(struct fake_dataplane *plane, unsigned listeners, int (*sockets)[FAKE_WORKERS]);
// LINK_UP with a new region.
void fake_up(struct fake_dataplane *plane);
// As a kill does: everything is closed.
void fake_die(struct fake_dataplane *plane);
void fake_signal(struct fake_dataplane *plane);
