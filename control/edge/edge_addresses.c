// edge_addresses.c: addresses that move between edges, as the keeper sees them.

#include "edge_private.h"

static const struct config_listener *listener_find(const struct config *config, uint8_t id)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].id == id)
			return &config->listeners.items[i];
	return NULL;
}

void edge_address_event(struct edge *edge, struct span payload)
{
	struct link_event_address event;

	memcpy(&event, payload.octets, sizeof(event));
	const struct config_listener *listener =
		listener_find(edge->control->config, event.listener);
	if (listener == NULL || event.here > 1)
		return;
	struct edge_address *address = &edge->addresses[event.listener];
	bool moved = address->known && address->here != event.here;

	if (moved)
		address->changed_ms = clock_ms();
	// An own address that is not here at the start is worth a word, another edge's that is there, too.
	if (moved || (!address->known && event.here == (listener->owner != 0)))
		log_event(edge->control->log, LOG_LEVEL_NOTICE,
			event.here ? "address-here" : "address-away",
			LOG_TEXT("listener", (const char *)listener->name.octets),
			LOG_NUMBER("owner",
				listener->owner != 0 ? listener->owner
						     : edge->control->config->node.id));
	address->known = true;
	address->here = event.here != 0;
}

// Whoever serves next tells anew.
void edge_addresses_forget(struct edge *edge)
{
	for (unsigned id = 0; id <= LISTENERS_MAX; id++)
		edge->addresses[id].known = false;
}

static const struct link_listener *peer_listener_find(const struct sync_hello *hello, uint8_t id)
{
	for (unsigned i = 0; i < hello->listener_count; i++)
		if (hello->listeners[i].id == id)
			return &hello->listeners[i];
	return NULL;
}

void edge_hear_namesake(struct edge *edge, const struct flow_record *record)
{
	const struct config *config = edge->control->config;
	const struct link_listener *theirs = NULL;

	if (config->cluster.takeover == TAKEOVER_ADDRESS && record->transport == TRANSPORT_UDP)
		theirs = peer_listener_find(
			&edge->peers[record->id.edge].sync.hello, record->listener);
	for (size_t i = 0; theirs != NULL && i < config->listeners.count; i++) {
		const struct config_listener *ours = &config->listeners.items[i];

		if (ours->transport == TRANSPORT_UDP
			&& endpoint_equal(&ours->address, &theirs->address))
			flow_book_hear_namesake(edge->book, ours->id, record, edge_now());
	}
}
