// bucket.h: a token bucket in one number: the moment at which all that was taken will have been paid for (the virtual scheduling
// form of the rate algorithm in ITU-T I.371, annex A). An untouched bucket needs no care: a moment in the past is a full bucket.
//
// Times are nanoseconds of the monotonic clock.

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket_size {
	uint64_t cost_ns; // of one message; 0: there is no limit
	uint64_t depth_ns; // what may be owed: a burst's worth
};

static inline struct bucket_size bucket_size_of(uint32_t per_s, uint32_t burst)
{
	uint64_t cost_ns = per_s == 0 ? 0 : 1000000000u / per_s;

	return (struct bucket_size){cost_ns, cost_ns * burst};
}

// What is kept back for messages that matter more may not be taken. False: too little is there, and nothing was taken.
[[nodiscard]] static inline bool bucket_take(
	uint64_t *paid_ns, const struct bucket_size *size, uint64_t kept_ns, uint64_t now_ns)
{
	uint64_t from_ns = *paid_ns > now_ns ? *paid_ns : now_ns;

	if (from_ns - now_ns + size->cost_ns + kept_ns > size->depth_ns && size->cost_ns != 0)
		return false;
	*paid_ns = from_ns + size->cost_ns;
	return true;
}
