#include "mix.h"
#include "registration_private.h"

#include <stdlib.h>
#include <sys/random.h>

struct registration *registration_new(const struct registration_options *options)
{
	struct registration *registration = calloc(1, sizeof(*registration));
	uint64_t seed = 0;

	// Call-IDs are chosen by strangers: which list one falls into is not.
	if (registration == NULL || getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		free(registration);
		return NULL;
	}
	registration->options = *options;
	pendings_init(&registration->pendings, seed);
	return registration;
}

void registration_free(struct registration *registration)
{
	if (registration == NULL)
		return;
	pendings_fini(&registration->pendings);
	free(registration);
}

void registration_tick(struct registration *registration, struct flow_time time)
{
	pendings_expire(&registration->pendings, time.now_ms);
}

void registration_count(const struct registration *registration, struct registration_counts *counts)
{
	*counts = registration->counts;
	counts->pending = registration->pendings.count;
}

void registration_send(
	const struct passage *passage, struct link_down_message *down, bool after_changes)
{
	const struct registration_options *options = &passage->registration->options;

	down->listener = passage->head->listener;
	down->peer = passage->head->source;
	down->length = (uint16_t)passage->octets.length;
	options->send(options->context, passage->worker, down, passage->octets, after_changes);
}

bool registration_read(const struct passage *passage, bool request)
{
	struct registration *registration = passage->registration;
	struct message *message = &registration->message;

	if (message_parse(message, passage->octets.octets, passage->octets.length) == MESSAGE_OK
		&& message->request == request && message->method == METHOD_REGISTER)
		return true;
	registration->counts.unreadable++;
	return false;
}

static void refuse(const struct passage *passage, uint16_t status, uint16_t retry_after_s)
{
	struct link_down_message down = {
		.kind = LINK_DOWN_REFUSE,
		.slot = passage->head->slot,
		.generation = passage->head->generation,
		.status = status,
		.retry_after_s = retry_after_s,
	};

	registration_send(passage, &down, false);
}

// From the least to twice as much, by source: those who are refused together do not come back together.
static void refuse_busy(const struct passage *passage, uint16_t least_s)
{
	const struct endpoint *source = &passage->head->source;
	uint64_t spread = mix_octets(0, span_of(source, sizeof(*source))) % (least_s + 1u);

	refuse(passage, 503, (uint16_t)(least_s + spread));
}

// In the second of a start, which an edge is not ready in, a REGISTER gets no answer: its retransmission is decided anew. A clock
// that is really behind is said.
static void refuse_behind(const struct passage *passage)
{
	uint32_t behind_s = flow_book_behind_s(passage->registration->options.book, passage->time);

	if (behind_s > 1)
		refuse_busy(passage,
			behind_s < RETRY_AFTER_FULL_S ? (uint16_t)behind_s : RETRY_AFTER_FULL_S);
}

static void refuse_result(const struct passage *passage, enum flow_result result)
{
	bool soon = result == FLOW_RESERVED_FULL || result == FLOW_PREFIX_FULL;

	passage->registration->counts.refused[result]++;
	if (result == FLOW_UNKNOWN)
		return; // its connection has closed: nobody waits for an answer
	if (result == FLOW_CLOCK_BEHIND)
		refuse_behind(passage);
	else
		refuse_busy(passage, soon ? RETRY_AFTER_BUSY_S : RETRY_AFTER_FULL_S);
}

// The flow for the REGISTER; a query or a removal takes the one that is there, or none.
static enum flow_result flow_choose(const struct passage *passage, struct flow_id *flow)
{
	const struct register_request *request = &passage->registration->request;
	struct flow_book *book = passage->registration->options.book;
	const struct link_up_message *head = passage->head;
	struct flow_claim claims[REGISTER_CONTACTS_MAX];
	const struct flow_source source = {
		.listener = head->listener, .transport = head->transport, .peer = head->source};

	*flow = (struct flow_id){0};
	// A connection has had its flow since its first message.
	if (head->transport != TRANSPORT_UDP)
		return flow_book_find_stream(book, head->slot, head->generation, flow);
	if (!register_is_binding(request)) {
		(void)flow_book_find(book, &source, flow);
		return FLOW_OK;
	}
	for (unsigned i = 0; i < request->count; i++)
		claims[i] =
			(struct flow_claim){request->contacts[i].uak, request->contacts[i].place};
	return flow_book_reserve(
		book, &source, claims, request->count, request->first_hop, passage->time, flow);
}

// A Path leads to one user agent: the one that all Contacts belong to, or none that may be looked for elsewhere.
static uint64_t uak_of_all(const struct register_request *request)
{
	for (unsigned i = 1; i < request->count; i++)
		if (request->contacts[i].uak != request->contacts[0].uak)
			return 0;
	return request->count > 0 ? request->contacts[0].uak : 0;
}

static void grant(const struct passage *passage, struct flow_id flow)
{
	const struct register_request *request = &passage->registration->request;
	struct link_down_message down = {
		.kind = LINK_DOWN_GRANT,
		.slot = flow.slot,
		.generation = flow.generation,
		.uak = uak_of_all(request),
		.tag = passage->head->tag,
	};

	passage->registration->counts.granted++;
	flow_book_hear(passage->registration->options.book, flow, false, passage->time);
	registration_send(passage, &down, false);
}

static void request_take(const struct passage *passage)
{
	struct registration *registration = passage->registration;
	struct flow_id flow;

	if (!register_read(
		    registration->options.hashes, &registration->message, &registration->request)) {
		registration->counts.malformed++;
		refuse(passage, 400, 0);
		return;
	}
	enum flow_result result = flow_choose(passage, &flow);
	if (result != FLOW_OK) {
		refuse_result(passage, result);
		return;
	}
	if (!pendings_put(&registration->pendings, flow, &passage->head->source,
		    &registration->message, &registration->request, passage->time.now_ms)) {
		registration->counts.pending_full++;
		refuse_busy(passage, RETRY_AFTER_BUSY_S);
		return;
	}
	grant(passage, flow);
}

void registration_take_request(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time)
{
	const struct passage passage = {registration, worker, head, message, time};

	if (registration_read(&passage, true))
		request_take(&passage);
}
