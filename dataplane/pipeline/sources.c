#include "sources.h"

#include "stage.h"

// One multiplication to 128 bits, folded (as in Wang Yi's wyhash): good enough for who never sees a hash, and a few cycles.
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t source_hash(const struct sources *sources, const struct endpoint *peer)
{
	uint64_t word = 0;

	// An IPv6 network gives a host a /64: its other half is the host's to choose.
	memcpy(&word, peer->address,
		peer->family == ENDPOINT_V4 ? sizeof(uint32_t) : sizeof(uint64_t));
	uint64_t hash = fold(word ^ sources->seed[0], peer->family ^ sources->seed[1]);

	return fold(hash ^ sources->seed[1], sources->seed[0] | 1);
}

struct source *source_find(struct sources *sources, const struct endpoint *peer, uint64_t now_ns)
{
	uint64_t hash = source_hash(sources, peer);
	uint32_t tag = (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
	struct source *place = sources->place[hash >> 32 & (SOURCES_PLACES - 1)];
	struct source *least = place;

	for (unsigned way = 0; way < SOURCES_WAYS; way++) {
		if (place[way].tag == tag)
			return &place[way];
		if (place[way].paid_ns < least->paid_ns)
			least = &place[way];
	}
	*least = (struct source){
		.paid_ns = least->paid_ns > now_ns ? least->paid_ns : now_ns,
		.tag = tag,
		.second = least->second,
		.refusals = least->refusals,
	};
	return least;
}
