// search.h: from a destination to the addresses to try, in order (RFC 3263 section 4): which questions to ask DNS, and what follows
// from the answers. No network and no clock: whoever asks brings the answers, in any order.
//
//   an address            is itself
//   a port, no transport  UDP (sips: TLS), by A and AAAA
//   a transport           its SRV records, else A and AAAA
//   neither               NAPTR; else SRV of every transport, the first that has any; else A and AAAA, by UDP (sips: TLS)
//
// All addresses of an answer are for one transport. Equal records are ordered by weight, then by address, so that every process
// makes the same choice (RFC 3263 section 4.4 asks it of stateless proxies).

#pragma once

#include "destination.h"
#include "dns_answer.h"

#include <weir/endpoint.h>

enum {
	RESOLVED_MAX = 32, // addresses of one name
};

struct resolved {
	struct endpoint endpoint;
	uint8_t transport; // enum transport: UDP, TCP or TLS
	uint16_t priority;
	uint16_t weight;
};

enum search_news {
	SEARCH_ANSWER, // with records in it
	SEARCH_NOTHING, // no such name, or nothing of that type
	SEARCH_SILENCE, // no server said anything we could use
};

struct search_question {
	unsigned number;
	enum dns_type type;
	bool absolute; // a whole name, whatever the system's search list says: what records name (RFC 2782), and services
	char name[DNS_NAME_MAX + 1];
};

struct search;

// transports: those that the asker can send by, out of UDP, TCP and TLS. 0, -EINVAL (no host name), -EPROTONOSUPPORT (by none of
// them, or a transport that contradicts sips) or -ENOMEM.
[[nodiscard]] int search_new(
	const struct destination *destination, unsigned transports, struct search **search);
void search_free(struct search *search);
// The next question. False: none for now; answers that are out may bring more.
[[nodiscard]] bool search_ask(struct search *search, struct search_question *question);
// What came of a question, once for each; the octets are for SEARCH_ANSWER.
void search_hear(struct search *search, unsigned number, enum search_news news, struct span octets);
// An address of the host that was asked for, known without DNS; the question is still to be ended.
void search_add(struct search *search, unsigned number, const struct endpoint *address);
bool search_is_over(const struct search *search);
// When it is over: 0, -ENOENT or -EAGAIN as resolver_done has it. The array is the search's. ttl_s is the shortest time to live of all
// answers; UINT32_MAX for an address.
int search_result(
	struct search *search, const struct resolved **targets, unsigned *count, uint32_t *ttl_s);
