// edge_private.h: what the parts of the edge share.

#pragma once

#include "../base/clock.h"
#include "../flows/flow_book.h"
#include "../flows/registration.h"
#include "../keys/token_keys.h"
#include "../link/link_client.h"
#include "../mesh/mesh.h"
#include "../store/store.h"
#include "../streams/outlets.h"
#include "../streams/streams.h"
#include "../sync.h"
#include "../targets/upstream.h"
#include "edge.h"
#include "peer_copy.h"

// A message that may leave only when the changes before it are in the tables.
struct deferred {
	struct deferred *next;
	unsigned worker;
	struct link_down_message head;
	uint16_t length;
	uint8_t octets[];
};

// What is known of another edge.
struct edge_peer {
	struct sync_peer sync;
	bool known; // sync.hello was heard, by us or by a process before us
	bool replaced; // it listens to a newer edge with our id
	uint8_t liveness; // enum peer_liveness, as the keeper says
	uint32_t round_trip_us;
	uint64_t changed_ms; // monotonic: liveness
	uint64_t gone_ms; // monotonic: when its control was lost; 0: connected, or cleared
};

// Somebody waits for the dataplane's answer about a token.
struct explain {
	struct explain *next;
	uint64_t request;
	uint64_t asked_ms;
	void (*done)(void *context, const struct link_explained *answer); // NULL answer: none came
	void *context;
};

// A DPDK device, as the dataplane says it is.
struct edge_device {
	bool known; // in this session
	struct link_event_device state;
};

// Whether the address of a listener is on this host.
struct edge_address {
	bool known; // in this session
	bool here;
	uint64_t changed_ms; // monotonic; 0: it has not
};

struct edge {
	struct control *control;
	struct edge_source *source; // what commands show
	struct flow_book *book;
	struct registration *registration;
	struct peer_copies *copies;
	uint64_t incarnation;
	struct event *batch_timer;
	struct event *tick_timer;
	struct event *ready_timer;
	struct deferred *deferred; // in order
	struct deferred **deferred_end;
	bool listener_stands[LISTENERS_MAX
		+ 1]; // by id: it is what it was when the store was written
	bool linked; // the dataplane has been sent the tables in this session
	uint8_t epoch_standing; // enum link_epoch, as the keeper has said
	uint8_t secret_standing; // enum secret_standing
	struct secret_check secrets; // ours
	struct streams *streams; // NULL: no listener of theirs
	struct stream_listener *stream_listeners;
	struct stream_mail *openings; // connections whose flow is on its way into the tables
	struct stream_mail
		*early; // connections that came in the first second, when no slot is given out
	uint64_t keys_sent_s; // wall clock; 0: not in this session
	SSL_CTX *tls;
	struct sync_subscriber subscriber;
	struct sync_hello hello; // ours
	struct edge_peer peers[256]; // by edge id
	struct mesh_peer_options *mesh_peers;
	struct link_listener *listeners;
	struct link_device *devices;
	struct edge_device device_states[LINK_DEVICES_MAX];
	struct edge_address addresses[LISTENERS_MAX + 1]; // by listener id
	char fault_told[sizeof(
		((struct link_failed *)NULL)->what)]; // of this edge's set-up, as said last
	const struct destination *targets; // what the upstream follows: owned, as is `defaults`
	const struct destination *defaults;
	struct outlets *outlets; // connections to targets
	struct event *outlets_timer;
	struct link_lane_mark
		outlet_mark; // when the flow of the last that was opened is in the tables
	uint8_t sent_by[ENDPOINT_TEXT_MAX]; // of the probe that is being written
	struct message message; // a response to a probe, being read
	struct explain *explains;
	uint64_t explain_last;
};

static inline struct flow_time edge_now(void)
{
	return (struct flow_time){.now_ms = clock_ms(), .wall_ms = clock_wall_ms()};
}

// edge_batch.c
void edge_batch_soon(struct edge *edge);
void edge_batch_flush(struct edge *edge);
void edge_batch_fired(evutil_socket_t socket, short what, void *context);
// Registration's way out.
void edge_send(void *context, unsigned worker, const struct link_down_message *head,
	struct span message, bool after_changes);
void edge_retract(void *context, const struct row_removal *removal);
void edge_deferred_drop(struct edge *edge);

// edge_streams.c: flows of connections.
[[nodiscard]] int edge_streams_open(struct edge *edge);
void edge_streams_close(struct edge *edge);
void edge_streams_reload(struct edge *edge);
// After a flush: what has been put into the tables up to `after` can be used.
void edge_streams_flushed(struct edge *edge, uint64_t after);
void edge_streams_tick(struct edge *edge);

// edge_outlets.c: connections to the core.
[[nodiscard]] int edge_outlets_open(struct edge *edge);
void edge_outlets_reload(struct edge *edge);
void edge_outlets_close(struct edge *edge);
// The core listener that a transport and family are sent by, or NULL.
const struct config_listener *edge_core_listener(
	const struct config *config, uint8_t transport, uint8_t family);
struct upstream_connection edge_outlet(void *context, const struct target *target);
void edge_outlet_opened(struct edge *edge, const struct stream_mail *mail);
void edge_outlet_closed(struct edge *edge, const struct stream_mail *mail);

// edge_session.c: the link's handlers.
[[nodiscard]] int edge_link_open(struct edge *edge);
void edge_send_directory(struct edge *edge);
void edge_send_keys(struct edge *edge);
void edge_send_peer_state(struct edge *edge, uint8_t id);
// Ask which rule would serve a token. 0, -ENOTCONN, -EMSGSIZE or -ENOMEM; done is called once after 0.
[[nodiscard]] int edge_explain(struct edge *edge, struct span token,
	void (*done)(void *context, const struct link_explained *answer), void *context);
void edge_explain_expire(struct edge *edge, bool all);

// edge_secrets.c: the cluster's secrets. 0 or a negative errno, and why is said.
[[nodiscard]] int edge_keys_open(struct edge *edge);
// Their file may have changed.
void edge_keys_reload(struct edge *edge);
// Who is connected, or what somebody holds, has changed.
void edge_secrets_judge(struct edge *edge);

// edge_devices.c: DPDK devices, and what became of listeners.
// Makes edge->devices, and fills in what CONFIG says of them. 0 or -ENOMEM.
[[nodiscard]] int edge_devices_open(struct edge *edge, struct link_config *config);
void edge_device_event(struct edge *edge, struct span payload);
void edge_devices_forget(struct edge *edge);
void edge_link_fault(void *context, const struct link_fault *fault);

// edge_addresses.c: addresses that move between edges.
void edge_address_event(struct edge *edge, struct span payload);
void edge_addresses_forget(struct edge *edge);
// A peer's flow, perhaps at the address of a listener of ours.
void edge_hear_namesake(struct edge *edge, const struct flow_record *record);

// edge_peers.c: the mesh's subscriber.
[[nodiscard]] int edge_mesh_open(struct edge *edge);
void edge_peers_tick(struct edge *edge);

// edge_ready.c: tell whether this edge serves, after anything that has a say in it.
void edge_ready_judge(struct edge *edge);
void edge_ready_fired(evutil_socket_t socket, short what, void *context);

// edge_notes.c
void edge_note_peer(struct edge *edge, uint8_t id);
void edge_notes_restore(struct edge *edge);

// edge_source.c
[[nodiscard]] int edge_source_open(struct edge *edge);

// edge_targets.c
[[nodiscard]] int edge_upstream_open(struct edge *edge);
// Other targets, or another pace of probes. For want of memory what was before stays, and it is said.
void edge_upstream_reload(struct edge *edge);
void edge_upstream_close(struct edge *edge);
