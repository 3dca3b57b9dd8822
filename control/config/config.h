// config.h: the configuration of weir-control: read once, checked whole, plain data from then on.
//
// schema.c has one row for every key; reading, checking, defaults, `weirctl config schema` and docs/configure.md all come from
// it. Texts and lists belong to the configuration and end with config_free(). A span's octets are followed by a NUL that its
// length does not count. Durations are in the unit that the member's name ends in.

#pragma once

#include "cpus.h"
#include "report.h"

#include <weir/endpoint.h>
#include <weir/side.h>
#include <weir/span.h>

#include <stdint.h>
#include <stdio.h>

// A list that the reader fills: `count` items.
#define CONFIG_LIST(type) \
	struct { \
		type *items; \
		size_t count; \
	}

enum config_role {
	ROLE_EDGE,
	ROLE_CORE,
};

// A host, perhaps with a port.
struct config_host {
	struct span text; // as written
	struct span host; // IPv6 in brackets
	uint16_t port; // 0: none given
};

// A SIP URI without a user.
struct config_uri {
	struct span text;
	struct span host;
	uint16_t port; // 0: none given
	uint8_t transport; // enum transport: UDP, TCP or TLS; TRANSPORT_NONE: none given
	bool secure; // sips
};

struct config_node {
	uint8_t id; // 0 for role core
	struct span name;
	struct span region; // length 0: none
};

struct config_listener {
	struct span name;
	uint8_t id; // 1 to LISTENERS_MAX; written into tokens
	uint8_t side; // enum side
	uint8_t transport; // enum transport
	uint8_t driver; // enum link_driver
	uint8_t device; // LINK_DRIVER_DPDK: index of config.devices
	uint8_t owner; // the peer whose address it is; 0: ours
	struct endpoint address;
	struct span port; // LINK_DRIVER_DPDK: see device.h
	struct span tap; // of its device; "off": none; length 0: not given
	struct span tls; // name of a tls entry, of TLS and WSS; length 0: none
	struct config_host advertise; // text length 0: made from node.name and the address
	CONFIG_LIST(struct prefix)
	allow; // core and peer; none: targets and peers, role core: anybody
	CONFIG_LIST(struct prefix)
	access_networks; // access; none: public unicast and its own subnet
};

struct config_peer {
	uint8_t id;
	struct span name; // length 0: learnt from its HELLO
	struct endpoint address; // of its cluster.listen
	CONFIG_LIST(struct config_host) advertise; // names it writes besides `name`
};

enum config_takeover {
	TAKEOVER_OFF,
	TAKEOVER_ADDRESS, // addresses come and go while we run
};

struct config_cluster {
	struct span name;
	struct endpoint listen; // no family: no peers, no mesh
	struct span tls; // name of a tls entry; length 0: the certificates in keys.directory
	CONFIG_LIST(struct config_peer) peers;
	uint32_t suspect_after_ms;
	uint32_t dead_after_ms;
	uint32_t heartbeat_ms;
	uint8_t takeover; // enum config_takeover
};

enum config_client_auth {
	CLIENT_AUTH_NONE,
	CLIENT_AUTH_OPTIONAL,
	CLIENT_AUTH_REQUIRED,
};

struct config_tls {
	struct span name;
	const char *certificate;
	const char *key;
	const char *ca; // NULL: those of the system
	uint8_t client_auth; // enum config_client_auth
};

struct config_keys {
	const char *directory;
	uint32_t rotate_every_s;
};

struct config_upstream {
	CONFIG_LIST(struct config_uri) targets;
	CONFIG_LIST(struct config_uri) defaults; // among targets; never empty when targets are not
	uint32_t probe_every_ms;
	uint32_t probe_down_after;
};

struct config_resolver {
	CONFIG_LIST(struct endpoint) servers; // none: those of the system
};

struct config_flows {
	uint32_t flow_timer_udp_s;
	uint32_t flow_timer_stream_s;
	CONFIG_LIST(struct prefix) force_token;
	CONFIG_LIST(struct prefix) shared_flows;
	bool require_path;
	uint32_t park_ms;
	uint16_t moved_phones_per_s;
};

struct config_streams {
	uint32_t threads;
	uint32_t connections;
	uint32_t per_source;
	uint32_t new_per_s;
	uint32_t new_per_source_per_s;
	CONFIG_LIST(struct span) origins; // none: all
	uint32_t first_message_ms;
	uint32_t headers_ms;
	uint32_t idle_ms;
	uint32_t write_queue_octets;
	uint32_t write_stall_ms;
};

struct config_limits {
	uint32_t flows; // of this edge
	uint32_t peer_flows; // of all other edges together
	uint32_t rows; // of all edges together
	uint8_t reserved_percent; // of flows: slots waiting for a registrar's answer
	uint32_t reserved_per_network; // of those, from one /24 or /56
	uint32_t message_octets;
	uint32_t per_source_per_s; // a source that is no registered phone
	uint32_t per_source_burst;
	uint32_t per_phone_per_s;
	uint32_t per_phone_burst;
	uint32_t strangers_per_s; // all sources that are no registered phones
	uint16_t refusals_per_s; // 403s to one source
	uint16_t answers_per_s; // 503s to what is over a limit
	uint32_t behind_ms; // 0: never
};

// A DPDK device, made of the ports of listeners: those that name the same one share it.
struct config_device {
	const struct config_listener *listener; // the first that names it
	struct span port;
	struct span tap; // of the exception path; length 0: none
};

struct config_dataplane {
	uint32_t workers;
	struct cpus cpus; // none: any
	uint8_t memory; // enum link_memory
	uint8_t idle; // enum link_idle
	CONFIG_LIST(struct span) eal; // words
};

struct config_registrar_user {
	struct span user;
	struct span password;
};

struct config_registrar {
	struct span realm; // set: without the key it is the first domain
	CONFIG_LIST(struct span) domains;
	CONFIG_LIST(struct config_registrar_user) users;
	const char *users_file; // NULL: none
	uint32_t min_expires_s;
	uint32_t max_expires_s;
	uint32_t default_expires_s;
	uint32_t nonce_life_s;
	uint32_t flow_timer_s;
	bool service_route;
};

struct config_proxy {
	bool record_route;
	uint32_t transactions;
	uint32_t forks;
	uint32_t timer_c_ms;
	uint32_t probe_every_ms;
	uint32_t probe_down_after;
};

struct config_admin {
	const char *socket;
	struct span group; // may do everything; length 0: nobody but root and weir's own user
	struct span operator_group;
	struct span read_group;
};

enum config_log_format {
	LOG_FORMAT_AUTO,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JOURNAL,
};

struct config_log {
	uint8_t level; // enum log_level (base/log.h)
	uint8_t format; // enum config_log_format
};

struct config_marks;
struct arena;

struct config {
	uint8_t role; // enum config_role
	struct config_node node;
	CONFIG_LIST(struct config_listener) listeners;
	struct config_cluster cluster;
	CONFIG_LIST(struct config_tls) tls;
	struct config_keys keys;
	struct config_upstream upstream;
	struct config_resolver resolver;
	struct config_flows flows;
	CONFIG_LIST(struct prefix)
	inside; // none: subnets of core and peer listeners less those of access listeners
	bool downgrade_allowed;
	const char *store_path; // NULL: off, start cold
	const char *link_socket;
	struct config_dataplane dataplane;
	CONFIG_LIST(struct config_device) devices;
	struct config_streams streams;
	struct config_limits limits;
	struct config_registrar registrar;
	struct config_proxy proxy;
	struct config_admin admin;
	struct config_log log;

	const char *file; // as it was named
	struct config_marks *marks;
	struct arena *arena;
};

// Read and check a file. NULL: the report has the errors. Warnings may be there in any case. The report is the caller's:
// config_report_free() it.
[[nodiscard]] struct config *config_load(const char *file, struct config_report *report);
// The same from memory; `file` is what the report calls it.
[[nodiscard]] struct config *config_read(
	const char *file, struct span text, struct config_report *report);
void config_free(struct config *config);

// The line in the file where the member was set (`config_line(config, &config->node.name)`; for an item of a list the item's
// address); 0: a default.
unsigned config_line(const struct config *config, const void *member);
