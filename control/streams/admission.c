#include "admission.h"

#include "../flows/flow_book.h"
#include "../flows/mix.h"

enum {
	SITE_OCTETS = 6,
	SECOND_MS = 1000,
};

static size_t source_index(const struct admission *admission, const struct endpoint *source)
{
	size_t length = source->family == ENDPOINT_V6 ? 8 : 4;

	return mix_octets(admission->seed, span_of(source->address, length)) % ADMISSION_COUNTERS;
}

// Of IPv6 only.
static size_t site_index(const struct admission *admission, const struct endpoint *source)
{
	return mix_octets(admission->seed, span_of(source->address, SITE_OCTETS)) % ADMISSION_SITES;
}

// --- How many there are ---

static bool counter_take(_Atomic uint32_t *counter, uint64_t maximum)
{
	if (atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) < maximum)
		return true;
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
	return false;
}

static void counter_release(_Atomic uint32_t *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

bool admission_take(struct admission *admission, const struct endpoint *source)
{
	_Atomic uint32_t *own = &admission->sources[source_index(admission, source)];
	_Atomic uint32_t *site = &admission->sites[site_index(admission, source)];
	bool has_site = source->family == ENDPOINT_V6;

	if (!counter_take(&admission->total, admission->total_max))
		return false;
	if (!counter_take(own, admission->source_max))
		goto release_total;
	if (has_site && !counter_take(site, (uint64_t)admission->source_max * ADMISSION_SITE))
		goto release_own;
	return true;

release_own:
	counter_release(own);
release_total:
	counter_release(&admission->total);
	return false;
}

void admission_release(struct admission *admission, const struct endpoint *source)
{
	if (source->family == ENDPOINT_V6)
		counter_release(&admission->sites[site_index(admission, source)]);
	counter_release(&admission->sources[source_index(admission, source)]);
	counter_release(&admission->total);
}

// --- How many begin ---

static uint64_t window_taken(const _Atomic uint64_t *counter, uint32_t window)
{
	uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed);

	return seen >> 32 == window ? (uint32_t)seen : 0;
}

static bool window_take(
	_Atomic uint64_t *counter, uint32_t window, uint32_t weight, uint64_t maximum)
{
	uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed);
	uint64_t taken;

	do {
		taken = (seen >> 32 == window ? (uint32_t)seen : 0) + weight;
		if (taken > maximum)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(counter, &seen,
		(uint64_t)window << 32 | taken, memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool admission_has_turn(const struct admission *admission, uint64_t now_ms, uint32_t *wait_ms)
{
	uint64_t share = (uint64_t)admission->rate_max * ADMISSION_WINDOW_MS / SECOND_MS;
	uint32_t window = (uint32_t)(now_ms / ADMISSION_WINDOW_MS);

	if (admission->rate_max == 0
		|| window_taken(&admission->begun, window)
			< (share > 0 ? share : 1) * ADMISSION_TURNED_AWAY)
		return true;
	*wait_ms = ADMISSION_WINDOW_MS - (uint32_t)(now_ms % ADMISSION_WINDOW_MS);
	return false;
}

static bool source_begins(
	struct admission *admission, const struct endpoint *source, uint32_t window)
{
	uint64_t maximum = admission->source_rate_max;

	if (maximum == 0)
		return true;
	if (!window_take(
		    &admission->source_begun[source_index(admission, source)], window, 1, maximum))
		return false;
	return source->family != ENDPOINT_V6
		|| window_take(&admission->site_begun[site_index(admission, source)], window, 1,
			maximum * ADMISSION_SITE);
}

bool admission_begin(struct admission *admission, const struct endpoint *source, uint64_t now_ms)
{
	bool begins = source_begins(admission, source, (uint32_t)(now_ms / SECOND_MS));

	(void)window_take(&admission->begun, (uint32_t)(now_ms / ADMISSION_WINDOW_MS),
		begins ? ADMISSION_TURNED_AWAY : 1, UINT32_MAX);
	return begins;
}

bool admission_take_flow(
	struct admission *admission, const struct endpoint *source, uint64_t now_ms)
{
	uint64_t maximum = (uint64_t)admission->source_max * ADMISSION_FLOWS;
	uint32_t window = (uint32_t)(now_ms / FLOW_REST_MS);

	if (!window_take(&admission->flows[source_index(admission, source)], window, 1, maximum))
		return false;
	return source->family != ENDPOINT_V6
		|| window_take(&admission->site_flows[site_index(admission, source)], window, 1,
			maximum * ADMISSION_SITE);
}
