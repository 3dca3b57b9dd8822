// lab.h: an edge's world for tests of the stages: three edges with names, listeners, peers, one core, and tables to fill.
//
// Edge N has these listeners, and phones live in 198.51.100.0/24, 203.0.113.0/24 and 2001:db8:f::/48:
//
//     1 access  192.0.2.N:5060          written edgeN.example.net
//     2 core    10.0.0.N:5060           written edgeN-core.example.net
//     3 peer    10.0.1.N:7000
//     4 access  [2001:db8::N]:5060      written edgeN.example.net
//     5 core    [fd00::N]:5060          written edgeN-core.example.net
//     6 access  192.0.2.N:5060 TCP      written edgeN.example.net
//     7 access  192.0.2.N:5061 TLS      written edgeN.example.net
//     8 access  192.0.2.N:8443 WSS      written edgeN.example.net:8443
//     9 core    10.0.0.N:5060 TCP       written edgeN-core.example.net
//    10 core    10.0.0.N:5061 TLS       written edgeN-core.example.net
//
// With lab->takeover edges 2 and 3 have edge 1's access address, too, all of them here until a test says otherwise:
//
//    11 access  192.0.2.1:5060          written edge1.example.net
//
// The core is core.example.net (10.0.9.1:5060), and [fd00:9::1]:5060 as core6.example.net; 10.0.9.0/24 and fd00:9::/64 are heard
// on core listeners.

#pragma once

#include "../../dataplane/pipeline/limits.h"

#include <weir/record.h>

enum {
	LAB_EDGES = 3,
	LAB_EPOCH = 1000,
	LAB_NOW_S = 1700000000,
	LAB_NOW_MS = 10000000,
	LAB_CAPACITY = 65536 + 2 * PACKET_HEAD_ROOM,
	LAB_ACCESS = 1,
	LAB_CORE = 2,
	LAB_PEER = 3,
	LAB_ACCESS6 = 4,
	LAB_CORE6 = 5,
	LAB_TCP = 6,
	LAB_TLS = 7,
	LAB_WSS = 8,
	LAB_CORE_TCP = 9,
	LAB_CORE_TLS = 10,
	LAB_TARGETS_MAX = 8,
	LAB_TAKEN = 11,
};

struct lab {
	uint8_t edge;
	struct world world;
	struct flow_table *flows;
	struct directory *directory;
	struct peer_board peers;
	struct address_board addresses;
	bool takeover;
	struct hash_keys hashes;
	struct rate moved;
	struct limits limits; // without sources, and not the world's until lab_limit()
	struct link_settings settings;
	unsigned target_count; // 0: the core as above
	struct link_target targets[LAB_TARGETS_MAX];
	struct burst *burst;
	struct packet packet[BURST_MAX];
	uint8_t *buffer[BURST_MAX]; // of LAB_CAPACITY octets each, for the first packets
};

// The calling thread is registered with urcu_qsbr. Every edge of the cluster has the same secrets; peers are up and complete.
struct lab *lab_new(uint8_t edge);
void lab_free(struct lab *lab);
// Build the directory anew from lab->settings and lab->targets.
void lab_rebuild(struct lab *lab);

// Let the limits of lab->settings hold.
void lab_limit(struct lab *lab);

void lab_put(struct lab *lab, const struct flow_record *record);
void lab_set_peer(struct lab *lab, uint8_t edge, enum peer_liveness liveness, uint64_t lost_at_ms);

// Put a message into the burst, as packet `count`; returns its index.
unsigned lab_add(struct lab *lab, uint8_t listener, const struct endpoint *source, struct span text,
	enum origin origin);
// The same with a packet of a backend's.
unsigned lab_add_packet(struct lab *lab, struct packet *packet, enum origin origin);
void lab_begin(struct lab *lab); // an empty burst
void lab_run(struct lab *lab); // all four stages

// Whether the address of a listener is here, and for how long that has been so (0: always).
void lab_set_address(struct lab *lab, uint8_t listener, bool here, uint64_t for_ms);
// Of a listener.
enum transport lab_transport(uint8_t listener);
struct endpoint lab_endpoint(const char *text);
// "alice" is the AOR sip:alice@example.net with the instance "alice"; "alice/desk" has the instance "desk".
uint64_t lab_uak(struct lab *lab, const char *name);
uint64_t lab_aor(struct lab *lab, const char *name);
uint64_t lab_instance(struct lab *lab, const char *name);
uint64_t lab_contact(struct lab *lab, const char *uri);
const char *lab_word(enum verdict verdict);
