// mail.h: what the main loop and the stream threads tell each other about connections.
//
// A mail belongs to one connection for as long as it lives and goes back and forth with it, so nothing that must be told can fail for
// want of memory: the thread asks for a flow (OPEN), the main loop answers (OPENED), the thread says that the connection has closed
// (CLOSED), and the main loop frees it. The mail of a connection that we open begins at the main loop (DIAL), and is CLOSED whether it
// ever stood or not.

#pragma once

#include "../link/link_lane.h"

#include <weir/endpoint.h>

#include <openssl/x509.h>

struct stream;

enum {
	STREAM_HOST_MAX = 255,
};

// A connection that we open.
struct stream_dial {
	uint32_t outlet; // the main loop's name for it; not 0
	uint32_t silent_ms; // it is closed when nothing has come for so long
	uint8_t listener; // whose address it is opened from, and whose flow it will be
	struct endpoint target;
	uint8_t host_length;
	uint8_t host[STREAM_HOST_MAX]; // whom the certificate must name; without brackets
};

static inline struct span stream_dial_host(const struct stream_dial *dial)
{
	return span_of(dial->host, dial->host_length);
}

// What a connection that came has shown of who is there (RFC 5923): at its first message.
struct stream_alias {
	X509 *certificate; // it holds; NULL: none, or its Via does not ask to be reached so
	uint16_t port; // of its Via: where it listens itself
};

enum stream_mail_type {
	MAIL_DIAL, // to the thread: open it
	MAIL_HANG_UP, // to the thread: close the one of this flow
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
	uint8_t end; // enum stream_end, of CLOSED; the thread's alone
	bool heard; // CLOSED: something has come by it; the thread's alone
	bool mutual; // OPEN: of one that we opened: both sides have shown certificates
	uint32_t outlet; // of one that we opened; else 0
	struct endpoint peer;
	struct link_lane_mark mark; // OPENED: when the flow is in the tables
	struct stream_dial *dial; // DIAL: owned
	struct stream_alias alias; // OPEN: owned
};

void mail_free(struct stream_mail *mail); // NULL is nothing

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
[[nodiscard]] bool mailbox_is_empty(struct mailbox *mailbox);
// All of them in their order, as a list; NULL: none.
struct stream_mail *mailbox_take(struct mailbox *mailbox);
// Make the reader look, though there is no mail.
void mailbox_wake(struct mailbox *mailbox);
