// resolver.h: from the host of a SIP URI to the addresses to try, in order (RFC 3263 section 4), over UDP.
//
// Asynchronous on a libevent loop, by c-ares. An address literal is itself; a host with a port is looked up by A and AAAA; a
// host without one by SRV first (`_sip._udp`), else by A and AAAA with the default port. Equal records are ordered by weight,
// then by address, so that every process makes the same choice (RFC 3263 section 4.4 asks it of stateless proxies).

#pragma once

#include <weir/endpoint.h>
#include <weir/span.h>

#include <event2/event.h>

struct resolver;

enum {
	RESOLVED_MAX = 32, // addresses of one name
};

struct resolved {
	struct endpoint endpoint;
	uint16_t priority;
	uint16_t weight;
};

// status is 0, -ENOENT (the name does not exist or has no address) or -EAGAIN (no server answered: keep what you had). The
// array is the resolver's and ends with the call. ttl_s is the shortest time to live of the answers.
typedef void resolver_done(
	void *context, int status, const struct resolved *targets, unsigned count, uint32_t ttl_s);

// servers: "127.0.0.1:5353,192.0.2.53"; NULL: those of the system. 0 or a negative errno.
[[nodiscard]] int resolver_open(
	struct event_base *base, const char *servers, struct resolver **resolver);
// Queries under way end without a call of their `done`.
void resolver_close(struct resolver *resolver);
// Ask once. done may be called before this returns. 0, or -EINVAL (no host name) or -ENOMEM: done is not called then.
[[nodiscard]] int resolver_ask(struct resolver *resolver, struct span host, uint16_t port,
	resolver_done *done, void *context);
