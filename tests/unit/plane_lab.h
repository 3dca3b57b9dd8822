// plane_lab.h: a whole dataplane with one worker on a network in memory, and a control that the test plays.

#pragma once

#include "fake_control.h"
#include "io/io_memory.h"
#include "plane.h"

struct plane_lab {
	struct plane *plane;
	struct io_port *port;
	struct session *session; // NULL: control is dead
	struct fake_control control;
};

extern struct plane_lab lab;
extern bool plane_lab_takeover; // before it starts: its addresses may move

void plane_lab_start(void); // and control teaches it everything
// Ends it, and proves that no packet leaked and that every message had one verdict.
void plane_lab_stop(void);
void plane_lab_connect(void);
void plane_lab_disconnect(void);

void plane_lab_feed(uint8_t listener, const char *source, struct span octets);
// Waits for the next datagram that is no beat, for at most 5 s; its octets end in NUL and stay until the next call. NULL: none.
const char *plane_lab_await_sent(struct io_memory_sent *sent);
// True if nothing but beats is sent for a while.
bool plane_lab_is_silent(unsigned ms);
uint64_t plane_lab_count(enum verdict verdict);
uint64_t plane_lab_received(void);
bool plane_lab_await_count(enum verdict verdict, uint64_t count);
