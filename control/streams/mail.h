// mail.h: what the main loop and the stream threads tell each other about connections.
//
// A mail belongs to one connection for as long as it lives and goes back and forth with it, so nothing that must be told can fail for
// want of memory: the thread asks for a flow (OPEN), the main loop answers (OPENED), the thread says that the connection has closed
// (CLOSED), and the main loop frees it.

#pragma once

#include "../link/link_lane.h"

#include <weir/endpoint.h>

struct stream;

enum stream_mail_type {
	MAIL_OPEN,
	MAIL_OPENED,
	MAIL_CLOSED,
};

// Why a connection gets no flow.
enum stream_refusal {
	REFUSAL_NONE,
	REFUSAL_NO_ROOM, // now: it is told so
	REFUSAL_STRANGER, // its listener does not hear it: it is told nothing
};

struct stream_mail {
	struct stream_mail *next;
	struct stream *connection; // the thread's alone; NULL: it has closed
	uint8_t type; // enum stream_mail_type
	uint8_t thread; // the connection's
	uint8_t listener;
	uint8_t transport;
	uint8_t refusal; // enum stream_refusal, of OPENED
	uint32_t slot; // OPENED, CLOSED: its flow; 0: none
	uint32_t generation;
	struct endpoint peer;
	struct link_lane_mark mark; // OPENED: when the flow is in the tables
};

struct mailbox {
	pthread_mutex_t lock;
	struct stream_mail *first; // guarded by lock
	struct stream_mail **end; // likewise
	int eventfd; // readable when there is something
};

// 0 or a negative errno.
[[nodiscard]] int mailbox_init(struct mailbox *mailbox);
// Frees what nobody has taken.
void mailbox_fini(struct mailbox *mailbox);
void mailbox_put(struct mailbox *mailbox, struct stream_mail *mail);
// All of them in their order, as a list; NULL: none.
struct stream_mail *mailbox_take(struct mailbox *mailbox);
// Make the reader look, though there is no mail.
void mailbox_wake(struct mailbox *mailbox);
