// resolver.h: searches (search.h) asked of DNS, by c-ares, on a libevent loop.
//
// Names that stand in the system's hosts file are not asked for.

#pragma once

#include "search.h"

#include <event2/event.h>

struct resolver;

// status is 0, -ENOENT (the name does not exist or has no address) or -EAGAIN (no server answered: keep what you had). The
// array is the resolver's and ends with the call. ttl_s is the shortest time to live of the answers.
typedef void resolver_done(
	void *context, int status, const struct resolved *targets, unsigned count, uint32_t ttl_s);

// servers: "127.0.0.1:5353,192.0.2.53"; NULL: those of the system. 0 or a negative errno.
[[nodiscard]] int resolver_open(
	struct event_base *base, const char *servers, struct resolver **resolver);
// Queries under way end without a call of their `done`.
void resolver_close(struct resolver *resolver);
// Ask once, for addresses to send to by one of `transports` (transport_bit()s). done may be called before this returns. 0, or -EINVAL (no
// host name), -EPROTONOSUPPORT (none of the transports will do) or -ENOMEM: done is not called then.
[[nodiscard]] int resolver_ask(struct resolver *resolver, const struct destination *destination,
	unsigned transports, resolver_done *done, void *context);
