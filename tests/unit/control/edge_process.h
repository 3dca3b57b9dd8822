// edge_process.h: weir-control of an edge as its own process; the test plays the dataplane, and may end and start both.

#pragma once

#include "fake_dataplane.h"

#include <weir/record.h>

enum {
	EDGE_PROCESS_PEER = 2, // configured
	EDGE_PROCESS_PEER_PORT = 5080, // of its peer listener, on 127.0.0.2
};

extern struct fake_dataplane plane;
extern char edge_folder[];
extern const char *edge_upstream; // its target
// Ports on 127.0.0.1, the same in every start.
extern unsigned edge_port_access;
extern unsigned edge_port_core;
extern unsigned edge_port_peer;
extern unsigned edge_port_more;

// A folder, keys and ports; nothing runs yet.
void edge_setup(void);
void edge_teardown(void);
// Start weir-control with these entries of `listeners` (NULL: access, core and peer, in this order), and be its dataplane.
void edge_start(const char *listeners, unsigned listener_count);
// kill -9, or an end that it is asked for.
void edge_end(int signal);
// It goes on.
void edge_signal(int signal);

// Another edge's weir-control, without a dataplane.
void edge_start_peer(void);
void edge_end_peer(void);

// A phone at 127.0.0.5:port registers through worker 0 and is answered 200 with `contact`; both as one header line with CR LF.
// Returns the flow that the REGISTER was granted; 0 in all members if it names none.
struct flow_id edge_register(uint16_t port, unsigned cseq, const char *asked, const char *granted);

// The next message of a kind that control puts on worker 0's down ring; others are passed over.
struct link_down_message edge_await_message(enum link_down_kind kind);

struct edge_record {
	uint16_t type;
	struct span payload;
};

// The next record that control puts on the table ring, good until the next call; fails the test after five seconds.
struct edge_record edge_next_record(void);
// The next one of a type; others are passed over. Returns its length.
size_t edge_await_record(uint16_t type, void *out, size_t capacity);
void edge_tell(uint16_t type, const void *event, size_t length);
// True once `weirctl status -j` says so.
bool edge_await_status(const char *words);
