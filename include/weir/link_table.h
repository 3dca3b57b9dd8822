// link_table.h: the records of the table ring, control to keeper: all that the tables and the directory are made of.
//
// Flows themselves are records of record.h, keys those of keyring.h and keyhash.h.

#pragma once

#include <weir/keyhash.h>
#include <weir/keyring.h>
#include <weir/link_setup.h>

struct link_snapshot {
	uint8_t edge;
	uint8_t reserved[7];
};

struct link_peer_state {
	uint8_t edge;
	uint8_t connected; // its control is connected to ours
	uint8_t complete; // its first snapshot since it said HELLO has ended
	uint8_t reserved[5];
	uint64_t incarnation;
};

struct link_settings {
	uint64_t incarnation; // of this edge: goes out in heartbeats
	uint32_t park_ms; // R8
	// After start, a miss is not-ready until tables are complete or this is over.
	uint32_t not_ready_ms;
	uint32_t heartbeat_ms;
	uint32_t suspect_after_ms;
	uint32_t dead_after_ms; // suspect for so long
	// What the source of a message may cost (limit.h); 0 a second: no limit. A worker counts for itself.
	uint32_t source_per_s; // an address with no registered phone
	uint32_t source_burst;
	uint32_t phone_per_s; // a registered phone
	uint32_t phone_burst;
	uint32_t strangers_per_s; // all addresses with no registered phone together
	uint32_t
		behind_ms; // full bursts for so long: the worker turns away what opens something; 0: never
	uint16_t limit_answers_per_s; // 503s to what is over a limit; the rest hears nothing
	uint16_t refusals_per_s; // 403s for bad tokens to one source
	uint16_t flow_timer_udp_s; // RFC 5626 section 5.4
	uint16_t flow_timer_stream_s;
	uint16_t moved_per_s; // requests of moved phones served a second
	uint8_t edge;
	uint8_t require_path;
	uint8_t downgrade;
	uint8_t draining;
	uint8_t reserved[6];
};

// host:port that is ours or another edge's (ROUTING: names). edge 0: the cluster's name.
struct link_name {
	uint8_t edge;
	uint8_t host_length;
	uint16_t port;
	uint8_t host[LINK_NAME_MAX + 1]; // lower case; IP literals without brackets, RFC 5952
};

// What we write into Path, Record-Route and Via for one of our listeners: in lower case, IPv6 in brackets.
struct link_directory_listener {
	struct link_listener listener;
	uint8_t written_length;
	uint8_t sent_by_length;
	uint8_t owner; // the edge whose address it is; 0: ours
	uint8_t reserved[5];
	uint8_t written[LINK_NAME_MAX + 9]; // host or host:port for Record-Route and Path
	uint8_t sent_by[LINK_NAME_MAX + 9]; // address:port or name for Via
};

struct link_peer {
	uint8_t edge;
	uint8_t name_length;
	uint8_t secure; // its peer link may carry sips
	uint8_t reserved;
	struct endpoint relay; // its peer listener
	uint8_t name[LINK_NAME_MAX + 1];
};

struct link_peer_listener {
	uint8_t edge;
	uint8_t reserved[3];
	struct link_listener listener;
};

// An upstream target, or a next hop a Route may name.
struct link_target {
	struct endpoint endpoint;
	uint16_t port; // as written in the configuration or a Route; 0: none
	uint8_t transport;
	uint8_t healthy;
	uint8_t balanced; // takes part in the rendezvous hash of the default upstream
	uint8_t host_length;
	uint8_t alias; // TLS: it may send requests of its own by our connection (RFC 5923): our Via says so
	uint8_t reserved;
	uint32_t identity; // stable across directory changes: what the rendezvous hash mixes in
	// Of a stream transport: our flow, the connection that is open to it; generation 0: none is.
	uint32_t slot;
	uint32_t generation;
	uint8_t host[LINK_NAME_MAX + 1];
};

enum link_prefix_list {
	LINK_PREFIX_ACCESS_NETWORKS, // of one access listener: where it may send
	LINK_PREFIX_ALLOW, // of one core or peer listener: whom it hears and may send to
	LINK_PREFIX_INSIDE, // where no access listener sends
	LINK_PREFIX_FORCE_TOKEN,
	LINK_PREFIX_SHARED_FLOWS,
	LINK_PREFIX_LISTS,
};

struct link_prefix {
	uint8_t list; // enum link_prefix_list
	uint8_t listener; // for the per-listener lists
	struct prefix prefix;
};

struct link_explain {
	uint64_t request; // echoed
	uint8_t length;
	uint8_t reserved[7];
	uint8_t text[128];
};

// Every size is the sum of the members: link.h says why.
static_assert(sizeof(struct link_snapshot) == 8, "link_snapshot");
static_assert(sizeof(struct link_peer_state) == 16, "link_peer_state");
static_assert(sizeof(struct link_settings) == 72, "link_settings");
static_assert(sizeof(struct link_name) == 260, "link_name");
static_assert(sizeof(struct link_directory_listener) == 564, "link_directory_listener");
static_assert(sizeof(struct link_peer) == 280, "link_peer");
static_assert(sizeof(struct link_peer_listener) == 32, "link_peer_listener");
static_assert(sizeof(struct link_target) == 296, "link_target");
static_assert(sizeof(struct link_prefix) == 20, "link_prefix");
static_assert(sizeof(struct link_explain) == 144, "link_explain");
static_assert(
	sizeof(struct key_material) == 16 + KEYRING_SECRETS * KEYRING_EPOCHS * EPOCH_KEY_OCTETS,
	"key_material");
static_assert(sizeof(struct hash_keys) == HASH_LABELS * HASH_KEY_OCTETS, "hash_keys");
