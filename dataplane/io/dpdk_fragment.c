// dpdk_fragment.c: fragments of datagrams for our addresses.

#include "dpdk_private.h"

#include <rte_cycles.h>

static uint64_t clock_ms(void)
{
	return rte_get_tsc_cycles() / (rte_get_tsc_hz() / 1000);
}

bool dpdk_fragment_is_ours(const struct io_dpdk *io, unsigned index, const struct frame *frame)
{
	for (unsigned i = 0; i < io->listeners.count; i++) {
		const struct io_dpdk_listener *given = &io->listeners.entry[i].given;

		if (given->device == index && given->address.family == frame->destination.family
			&& memcmp(given->address.address, frame->destination.address,
				   sizeof(given->address.address))
				== 0)
			return true;
	}
	return false;
}

static struct packet *whole_take(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, const struct reassembled *whole)
{
	const struct dpdk_listener *listener =
		dpdk_listeners_find(&io->listeners, index, &whole->destination);

	if (listener == NULL) {
		dpdk_count(&counters->no_listener, 1);
		pool_give(&io->large, whole->packet);
		return NULL;
	}
	whole->packet->listener = listener->given.id;
	return whole->packet;
}

struct packet *dpdk_fragment_take(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, struct rte_mbuf *mbuf, const struct frame *frame)
{
	struct reassembled whole;
	uint64_t refused = 0;
	enum reassembly_result result = reassembly_add(io->reassembly, index,
		rte_pktmbuf_mtod(mbuf, uint8_t *), frame, clock_ms(), &whole, &refused);

	rte_pktmbuf_free(mbuf);
	dpdk_count(&counters->fragments, 1);
	dpdk_count(&counters->fragments_refused, refused);
	return result == REASSEMBLY_WHOLE ? whole_take(io, index, counters, &whole) : NULL;
}

void dpdk_fragment_expire(struct io_dpdk *io)
{
	unsigned count = reassembly_expire(io->reassembly, clock_ms());

	// Of which device they were is forgotten.
	if (count > 0)
		dpdk_count(
			&dpdk_device_at(0)->queues[io->worker].counters.fragments_refused, count);
}
