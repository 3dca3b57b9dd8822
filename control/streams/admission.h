// admission.h: how many connections there may be, in all and from one source, over all stream threads.
//
// A source is an IPv4 address or an IPv6 /64. Sources share counters by a seeded hash: two that fall on one share the bound, and who does
// not know the seed cannot choose whom to share it with.

#pragma once

#include <weir/endpoint.h>

#include <stdatomic.h>

enum {
	ADMISSION_COUNTERS = 1 << 16,
	// New flows of a source, for each connection that it may have: phones behind one NAT come back all at once, and again.
	ADMISSION_FLOWS = 4,
};

struct admission {
	uint64_t seed; // set before threads start
	uint32_t total_max; // likewise
	uint32_t source_max; // likewise
	_Atomic uint32_t total;
	_Atomic uint32_t sources[ADMISSION_COUNTERS];
	// In the upper half which FLOW_REST_MS, in the lower the flows given in it.
	_Atomic uint64_t flows[ADMISSION_COUNTERS];
};

// False: no more of them. What is taken is released once.
[[nodiscard]] bool admission_take(struct admission *admission, const struct endpoint *source);
// False: the source has had so many flows of late that its connections would use up the slots, which rest when a flow has ended.
[[nodiscard]] bool admission_take_flow(
	struct admission *admission, const struct endpoint *source, uint64_t now_ms);
void admission_release(struct admission *admission, const struct endpoint *source);
