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

static inline uint64_t bucket_from_ns(uint64_t paid_ns, uint64_t now_ns)
{
	return paid_ns > now_ns ? paid_ns : now_ns;
}

// Whether a message can be taken, and nothing is. What is kept back for messages that matter more may not be.
[[nodiscard]] static inline bool bucket_has(
	uint64_t paid_ns, const struct bucket_size *size, uint64_t kept_ns, uint64_t now_ns)
{
	uint64_t owed_ns = bucket_from_ns(paid_ns, now_ns) - now_ns;

	return size->cost_ns == 0 || owed_ns + size->cost_ns + kept_ns <= size->depth_ns;
}

// After bucket_has().
static inline void bucket_spend(uint64_t *paid_ns, const struct bucket_size *size, uint64_t now_ns)
{
	*paid_ns = bucket_from_ns(*paid_ns, now_ns) + size->cost_ns;
}

// Both. False: too little is there, and nothing was taken.
[[nodiscard]] static inline bool bucket_take(
	uint64_t *paid_ns, const struct bucket_size *size, uint64_t kept_ns, uint64_t now_ns)
{
	if (!bucket_has(*paid_ns, size, kept_ns, now_ns))
		return false;
	bucket_spend(paid_ns, size, now_ns);
	return true;
}
