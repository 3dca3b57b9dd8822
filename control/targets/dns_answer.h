// dns_answer.h: what stands in the answer of a DNS server (RFC 1035 section 4, RFC 2782, RFC 3403), with its times to live.

#pragma once

#include <weir/endpoint.h>

#include <arpa/nameser.h>

enum {
	DNS_NAME_MAX = 253, // RFC 1035 section 2.3.4, as text without the last dot
};

enum dns_type {
	DNS_A = ns_t_a,
	DNS_AAAA = ns_t_aaaa,
	DNS_SRV = ns_t_srv,
	DNS_NAPTR = ns_t_naptr,
};

// The transport that a NAPTR record's service names: enum transport, 0: none that we know (RFC 3263 section 4.1).
struct dns_naptr {
	uint16_t order;
	uint16_t preference;
	uint8_t transport;
	char replacement[DNS_NAME_MAX + 1];
};

struct dns_srv {
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
	char host[DNS_NAME_MAX
		+ 1]; // empty: the service is decidedly not there (RFC 2782, a target of ".")
};

struct dns_record {
	uint32_t ttl_s;
	union {
		struct endpoint address; // without port
		struct dns_srv srv;
		struct dns_naptr naptr;
	};
};

// One walk through an answer.
struct dns_answer {
	ns_msg message;
	enum dns_type type;
	int next;
	uint32_t alias_ttl_s; // the shortest of the CNAMEs passed; UINT32_MAX: none was
};

// False: not a DNS message. The octets outlive the walk.
[[nodiscard]] bool dns_answer_begin(
	struct dns_answer *answer, struct span octets, enum dns_type type);
// The next record of the type; records that say nothing we can use are passed over. False: there is none left.
[[nodiscard]] bool dns_answer_next(struct dns_answer *answer, struct dns_record *record);
