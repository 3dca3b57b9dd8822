// pendings.h: REGISTERs that have gone upstream and wait for their 2xx: what it may commit is only what they asked for.
//
// Found by flow, Call-ID and CSeq for PENDING_MS, as often as the registrar repeats itself. Bounded in number and octets; those
// without a flow (queries, which anybody can send) to a part of it, and one source to a small share.

#pragma once

#include "flow_book.h"
#include "register_read.h"

#include <sys/queue.h>

enum {
	PENDING_MS = FLOW_RESERVED_MS,
	PENDING_COUNT_MAX = 1 << 16,
	PENDING_FLOWLESS_MAX = PENDING_COUNT_MAX / 8,
	PENDING_SOURCE_MAX = 2
		* FLOW_ROWS_MAX, // a gateway that registers all its phones at once, and is challenged for each
	PENDING_OCTETS_MAX = 1 << 26,
	PENDING_LISTS = 1 << 14,
};

struct pending {
	TAILQ_ENTRY(pending) entry; // in the order in which they end
	struct pending *next; // of its list
	struct flow_id flow; // zero: none
	uint64_t until_ms; // monotonic
	uint16_t *source_counter; // of pendings.sources
	uint32_t cseq;
	uint16_t call_id_length;
	size_t size; // of all of this
	struct register_request request; // Contact URIs are slices of text
	uint8_t text[]; // Call-ID, then the Contact URIs
};

struct pendings {
	TAILQ_HEAD(pending_queue, pending) queue;
	struct pending *lists[PENDING_LISTS];
	uint16_t sources
		[PENDING_LISTS]; // by hash of the source: two that share a counter share the bound
	uint64_t seed;
	size_t octets;
	uint32_t count;
	uint32_t flowless;
};

void pendings_init(struct pendings *pendings, uint64_t seed);
void pendings_fini(struct pendings *pendings);
// Remember a REGISTER; one that is known already waits anew. False: full, or out of memory.
[[nodiscard]] bool pendings_put(struct pendings *pendings, struct flow_id flow,
	const struct endpoint *source, const struct message *message,
	const struct register_request *request, uint64_t now_ms);
// The REGISTER that this response answers, or NULL.
[[nodiscard]] struct pending *pendings_find(
	struct pendings *pendings, struct flow_id flow, const struct message *response);
// It has failed: no 2xx follows.
void pendings_drop(struct pendings *pendings, struct pending *pending);
void pendings_expire(struct pendings *pendings, uint64_t now_ms);
