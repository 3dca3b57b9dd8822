#include "admission.h"

#include "../flows/flow_book.h"
#include "../flows/mix.h"

static size_t source_index(const struct admission *admission, const struct endpoint *source)
{
	size_t length = source->family == ENDPOINT_V6 ? 8 : 4;

	return mix_octets(admission->seed, span_of(source->address, length)) % ADMISSION_COUNTERS;
}

static _Atomic uint32_t *source_counter(struct admission *admission, const struct endpoint *source)
{
	return &admission->sources[source_index(admission, source)];
}

static bool counter_take(_Atomic uint32_t *counter, uint32_t maximum)
{
	if (atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) < maximum)
		return true;
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
	return false;
}

bool admission_take(struct admission *admission, const struct endpoint *source)
{
	if (!counter_take(&admission->total, admission->total_max))
		return false;
	if (counter_take(source_counter(admission, source), admission->source_max))
		return true;
	atomic_fetch_sub_explicit(&admission->total, 1, memory_order_relaxed);
	return false;
}

bool admission_take_flow(
	struct admission *admission, const struct endpoint *source, uint64_t now_ms)
{
	_Atomic uint64_t *flows = &admission->flows[source_index(admission, source)];
	uint64_t window = now_ms / FLOW_REST_MS << 32;
	uint64_t seen = atomic_load_explicit(flows, memory_order_relaxed);
	uint64_t next;

	do {
		next = seen >> 32 == window >> 32 ? seen + 1 : window + 1;
		if ((uint32_t)next > (uint64_t)admission->source_max * ADMISSION_FLOWS)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		flows, &seen, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}

void admission_release(struct admission *admission, const struct endpoint *source)
{
	atomic_fetch_sub_explicit(source_counter(admission, source), 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&admission->total, 1, memory_order_relaxed);
}
