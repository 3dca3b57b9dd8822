// admission.h: how many connections there may be and how many may begin, in all and from one source, over all stream threads.
//
// A source is an IPv4 address or an IPv6 /64; a /48, which is one customer's as often as not, may have ADMISSION_SITE times as much. Sources
// share counters by a seeded hash: two that fall on one share the bound, and who does not know the seed cannot choose whom to
// share it with.
//
// Connections that begin: what a source brings beyond its rate is turned away; what all together bring beyond theirs waits in the kernel,
// since those are phones that come back all at once and would only come again.

#pragma once

#include <weir/endpoint.h>

#include <stdatomic.h>

enum {
	ADMISSION_COUNTERS = 1 << 16,
	ADMISSION_SITES = 1 << 14,
	ADMISSION_SITE = 8,
	ADMISSION_WINDOW_MS = 100, // of the rate in all; a source's is by the second
	// So many that are turned away cost what one that is taken does: by a reset, without a look at TLS. And a single host that does
	// nothing but connect must not use up the turns of all.
	ADMISSION_TURNED_AWAY = 64,
	// New flows of a source, for each connection that it may have: phones behind one NAT come back all at once, and again.
	ADMISSION_FLOWS = 4,
};

struct admission {
	uint64_t seed; // set before threads start
	uint32_t total_max; // likewise
	uint32_t source_max; // likewise
	uint32_t rate_max; // likewise: that begin in a second; 0: no bound
	uint32_t source_rate_max; // likewise, of one source
	_Atomic uint32_t total;
	_Atomic uint32_t sources[ADMISSION_COUNTERS];
	_Atomic uint32_t sites[ADMISSION_SITES];
	// In the upper half a window of time, in the lower what was taken in it.
	_Atomic uint64_t begun;
	_Atomic uint64_t source_begun[ADMISSION_COUNTERS];
	_Atomic uint64_t site_begun[ADMISSION_SITES];
	_Atomic uint64_t flows[ADMISSION_COUNTERS];
	_Atomic uint64_t site_flows[ADMISSION_SITES];
};

// False: all together have had their share of this moment; the next one's begins in *wait_ms.
[[nodiscard]] bool admission_has_turn(
	const struct admission *admission, uint64_t now_ms, uint32_t *wait_ms);
// One begins. False: its source has had its share of this second.
[[nodiscard]] bool admission_begin(
	struct admission *admission, const struct endpoint *source, uint64_t now_ms);
// False: no more of them. What is taken is released once.
[[nodiscard]] bool admission_take(struct admission *admission, const struct endpoint *source);
// False: the source has had so many flows of late that its connections would use up the slots, which rest when a flow has ended.
[[nodiscard]] bool admission_take_flow(
	struct admission *admission, const struct endpoint *source, uint64_t now_ms);
void admission_release(struct admission *admission, const struct endpoint *source);
