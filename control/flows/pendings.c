#include "pendings.h"

#include "mix.h"

#include <stdlib.h>

static bool is_flowless(struct flow_id flow)
{
	return flow.slot == 0;
}

void pendings_init(struct pendings *pendings, uint64_t seed)
{
	memset(pendings, 0, sizeof(*pendings));
	TAILQ_INIT(&pendings->queue);
	pendings->seed = seed;
}

static struct pending **list_find(
	struct pendings *pendings, struct flow_id flow, struct span call_id, uint32_t cseq)
{
	uint64_t hash = mix_octets(pendings->seed, call_id);

	hash = mix_number(hash, (uint64_t)flow.slot << 32 | flow.generation);
	return &pendings->lists[mix_number(hash, cseq) % PENDING_LISTS];
}

static struct span pending_call_id(const struct pending *pending)
{
	return span_of(pending->text, pending->call_id_length);
}

void pendings_drop(struct pendings *pendings, struct pending *pending)
{
	struct pending **link =
		list_find(pendings, pending->flow, pending_call_id(pending), pending->cseq);

	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
	TAILQ_REMOVE(&pendings->queue, pending, entry);
	pendings->count--;
	pendings->flowless -= is_flowless(pending->flow);
	pendings->octets -= pending->size;
	--*pending->source_counter;
	free(pending);
}

void pendings_fini(struct pendings *pendings)
{
	struct pending *pending;

	while ((pending = TAILQ_FIRST(&pendings->queue)) != NULL)
		pendings_drop(pendings, pending);
}

struct pending *pendings_find(
	struct pendings *pendings, struct flow_id flow, const struct message *message)
{
	struct span call_id = message_span(message, message->call_id);
	struct pending *pending = *list_find(pendings, flow, call_id, message->cseq);

	while (pending != NULL
		&& (pending->cseq != message->cseq || pending->flow.slot != flow.slot
			|| pending->flow.generation != flow.generation
			|| !span_equal(pending_call_id(pending), call_id)))
		pending = pending->next;
	return pending;
}

static bool has_room(
	const struct pendings *pendings, struct flow_id flow, uint16_t of_source, size_t size)
{
	return pendings->count < PENDING_COUNT_MAX && of_source < PENDING_SOURCE_MAX
		&& pendings->octets + size <= PENDING_OCTETS_MAX
		&& (!is_flowless(flow) || pendings->flowless < PENDING_FLOWLESS_MAX);
}

static size_t text_length(const struct message *message, const struct register_request *request)
{
	size_t length = message->call_id.length;

	for (unsigned i = 0; i < request->count; i++)
		length += request->contacts[i].uri.length;
	return length;
}

// Copies what is compared later, and points the slices at the copy. It is shorter than the message.
static void text_copy(struct pending *pending, const struct message *message)
{
	uint16_t at = message->call_id.length;

	pending->call_id_length = at;
	memcpy(pending->text, message->octets + message->call_id.offset, at);
	for (unsigned i = 0; i < pending->request.count; i++) {
		struct slice *uri = &pending->request.contacts[i].uri;

		memcpy(pending->text + at, message->octets + uri->offset, uri->length);
		uri->offset = at;
		at = (uint16_t)(at + uri->length);
	}
}

bool pendings_put(struct pendings *pendings, struct flow_id flow, const struct endpoint *source,
	const struct message *message, const struct register_request *request, uint64_t now_ms)
{
	uint64_t hash = mix_octets(pendings->seed, span_of(source, sizeof(*source)));
	uint16_t *counter = &pendings->sources[hash % PENDING_LISTS];
	struct pending *old = pendings_find(pendings, flow, message);
	size_t size = sizeof(struct pending) + text_length(message, request);

	if (old != NULL)
		pendings_drop(pendings, old);
	struct pending *pending = has_room(pendings, flow, *counter, size) ? calloc(1, size) : NULL;
	if (pending == NULL)
		return false;
	pending->flow = flow;
	pending->until_ms = now_ms + PENDING_MS;
	pending->cseq = message->cseq;
	pending->size = size;
	pending->source_counter = counter;
	++*counter;
	pending->request = *request;
	text_copy(pending, message);
	struct pending **list = list_find(pendings, flow, pending_call_id(pending), pending->cseq);
	pending->next = *list;
	*list = pending;
	TAILQ_INSERT_TAIL(&pendings->queue, pending, entry);
	pendings->count++;
	pendings->flowless += is_flowless(flow);
	pendings->octets += size;
	return true;
}

void pendings_expire(struct pendings *pendings, uint64_t now_ms)
{
	struct pending *pending;

	while ((pending = TAILQ_FIRST(&pendings->queue)) != NULL && pending->until_ms <= now_ms)
		pendings_drop(pendings, pending);
}
