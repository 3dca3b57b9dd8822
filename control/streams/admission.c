#include "admission.h"

#include "../flows/mix.h"

static _Atomic uint32_t *source_counter(struct admission *admission, const struct endpoint *source)
{
	size_t length = source->family == ENDPOINT_V6 ? 8 : 4;
	uint64_t hash = mix_octets(admission->seed, span_of(source->address, length));

	return &admission->sources[hash % ADMISSION_COUNTERS];
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

void admission_release(struct admission *admission, const struct endpoint *source)
{
	atomic_fetch_sub_explicit(source_counter(admission, source), 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&admission->total, 1, memory_order_relaxed);
}
