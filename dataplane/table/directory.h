// directory.h: what an edge knows that seldom changes: names, listeners, prefixes, peers, upstream targets, settings.
//
// Immutable once published: the keeper builds a new one from the records between LINK_DIRECTORY_BEGIN and _END, swaps a
// pointer (RCU), and frees the old one after a grace period.
//
// Hosts are compared as text without case and without the brackets of an IPv6 reference: what control sends is in lower case,
// and literals stand as RFC 5952 writes them. A URI may spell a literal in other ways ("2001:DB8:0:0::1"): the caller, who has
// the parser (endpoint.h), writes it anew before it asks here. The same holds for endpoint_fold_mapped().

#pragma once

#include <weir/endpoint.h>
#include <weir/link.h>
#include <weir/side.h>

struct directory;
struct directory_builder;

// --- Building (keeper) ---

[[nodiscard]] struct directory_builder *directory_builder_new(void);
enum {
	// Of each kind of record; what one directory may hold is bounded, whatever control sends.
	DIRECTORY_RECORDS_MAX = 4096,
};

// Any LINK_SETTINGS ... LINK_DIRECTORY_LISTENER record. 0, -EINVAL (a field is out of range, or a second listener, peer or
// settings under one id) or -ENOSPC, and nothing has changed; -ENOMEM, and the builder can only be freed.
[[nodiscard]] int directory_builder_add(
	struct directory_builder *builder, uint16_t type, struct span record);
// Consumes the builder, also when it fails. NULL: out of memory, or no settings.
[[nodiscard]] struct directory *directory_builder_finish(struct directory_builder *builder);
void directory_builder_free(struct directory_builder *builder);
void directory_free(struct directory *directory);

// --- Reading (workers) ---

const struct link_settings *directory_settings(const struct directory *directory);

// Host and port name an edge or the cluster (ROUTING section 1). Host as it stands in a URI (case, brackets); port 0: absent, then
// default_port counts.
[[nodiscard]] bool directory_is_own(
	const struct directory *directory, struct span host, uint16_t port, uint16_t default_port);

enum {
	DIRECTORY_NAMESAKES_MAX =
		8, // beyond them edges do not serve each other's flows of one address
};

// Another edge's listener on UDP that has the address of one of ours: the address moves, and whoever has it serves the flows of both.
struct directory_namesake {
	uint8_t edge;
	uint8_t listener;
};

// One of our own listeners by id, or NULL.
struct directory_listener {
	struct link_listener listener;
	struct span written; // for Record-Route and Path
	struct span sent_by; // for Via
	uint8_t owner; // the edge whose address it is; 0: ours
	uint8_t namesake_count;
	struct directory_namesake namesakes[DIRECTORY_NAMESAKES_MAX];
};
[[nodiscard]] const struct directory_listener *directory_listener(
	const struct directory *directory, uint8_t id);
// The first of our listeners on a side with this transport and address family, or NULL.
[[nodiscard]] const struct directory_listener *directory_side_listener(
	const struct directory *directory, enum side side, enum transport transport,
	uint8_t family);
// Whose Via this is, by its sent-by (port 0: absent): one of our listeners', or a name of ours or of another edge; the cluster's
// own name is nobody's. *found is written only if true is returned.
struct directory_via {
	uint8_t edge;
	uint8_t listener; // of ours, the first that writes so; DIRECTORY_NO_LISTENER if only the edge is known
};
enum {
	DIRECTORY_NO_LISTENER = 0xff,
};
[[nodiscard]] bool directory_find_sent_by(const struct directory *directory, struct span host,
	uint16_t port, struct directory_via *found);

// A peer edge, or NULL.
struct directory_peer {
	uint8_t edge;
	bool secure;
	struct endpoint relay;
	struct span name;
};
[[nodiscard]] const struct directory_peer *directory_peer(
	const struct directory *directory, uint8_t edge);
// The transport of another edge's listener, TRANSPORT_NONE if unknown.
[[nodiscard]] enum transport directory_peer_transport(
	const struct directory *directory, uint8_t edge, uint8_t listener);

// Its side, SIDE_NONE if unknown.
[[nodiscard]] enum side directory_peer_side(
	const struct directory *directory, uint8_t edge, uint8_t listener);
// Our own listener with the address of another edge's, or NULL.
[[nodiscard]] const struct directory_listener *directory_own_namesake(
	const struct directory *directory, uint8_t edge, uint8_t listener);
// Another edge, neither that one nor ours, that a listener's address may have moved to; 0: none. For our own listeners, too.
[[nodiscard]] uint8_t directory_claimant(
	const struct directory *directory, uint8_t edge, uint8_t listener);

// Upstream targets. A Route or request-URI host (as it stands) and port (0: absent) that is a known target, or NULL. A target of
// the same port or lack of one goes before one that has it by default, a healthy one before others.
[[nodiscard]] const struct link_target *directory_find_target(
	const struct directory *directory, struct span host, uint16_t port, uint16_t default_port);
// The default upstream for a Call-ID hash: rendezvous over healthy balanced targets; over all balanced ones if none is
// healthy; NULL if there is none.
[[nodiscard]] const struct link_target *directory_pick_target(
	const struct directory *directory, uint64_t call_id_hash);

// Whether some target is sent to by connections: then what has been found above may not be open, or not be the right way.
[[nodiscard]] bool directory_has_stream_targets(const struct directory *directory);
// The same two for those, among the targets that the caller takes.
struct target_filter {
	bool (*takes)(const struct target_filter *filter, const struct link_target *target);
};
[[nodiscard]] const struct link_target *directory_find_target_among(
	const struct directory *directory, struct span host, uint16_t port, uint16_t default_port,
	const struct target_filter *filter);
[[nodiscard]] const struct link_target *directory_pick_target_among(
	const struct directory *directory, uint64_t call_id_hash,
	const struct target_filter *filter);
// The first target that the filter takes, healthy ones before others; NULL: it takes none.
[[nodiscard]] const struct link_target *directory_first_target(
	const struct directory *directory, const struct target_filter *filter);

// The egress guard's and the ingress allow lists.
[[nodiscard]] bool directory_prefix_listed(const struct directory *directory,
	enum link_prefix_list list, uint8_t listener, const struct endpoint *endpoint);
// True if the endpoint is the address:port of any own or peer's listener, peer listeners included.
[[nodiscard]] bool directory_is_listener(
	const struct directory *directory, const struct endpoint *endpoint);
[[nodiscard]] bool directory_is_peer_relay(
	const struct directory *directory, const struct endpoint *endpoint);
[[nodiscard]] bool directory_is_target(
	const struct directory *directory, const struct endpoint *endpoint);
