#include "registration.h"

#include "mix.h"
#include "pendings.h"

#include <stdlib.h>
#include <sys/random.h>

struct registration {
	struct registration_options options;
	struct registration_counts counts;
	struct pendings pendings;
	struct message message; // being read
	struct register_request request;
};

// A message that came up, on its way through.
struct passage {
	struct registration *registration;
	unsigned worker;
	const struct link_up_message *head;
	struct span octets;
	struct flow_time time;
};

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

static void down_send(
	const struct passage *passage, struct link_down_message *down, bool after_changes)
{
	const struct registration_options *options = &passage->registration->options;

	down->listener = passage->head->listener;
	down->peer = passage->head->source;
	down->length = (uint16_t)passage->octets.length;
	options->send(options->context, passage->worker, down, passage->octets, after_changes);
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

	down_send(passage, &down, false);
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
	const struct flow_source source = {head->listener, head->transport, head->source, 0};

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
	down_send(passage, &down, false);
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

// Parses what a worker has parsed before; still, it is the other process' word.
static bool passage_read(const struct passage *passage, bool request)
{
	struct registration *registration = passage->registration;
	struct message *message = &registration->message;

	if (message_parse(message, passage->octets.octets, passage->octets.length) == MESSAGE_OK
		&& message->request == request && message->method == METHOD_REGISTER)
		return true;
	registration->counts.unreadable++;
	return false;
}

void registration_take_request(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time)
{
	const struct passage passage = {registration, worker, head, message, time};

	if (passage_read(&passage, true))
		request_take(&passage);
}

// Whether a Contact of the 2xx is the one that the REGISTER carried: by instance-id and reg-id (RFC 5626 section 6); a registrar
// that does not know reg-id, and a phone without, leave the URI (RFC 3261 section 19.1.4).
static bool is_contact(const struct pending *pending, const struct register_contact *asked,
	const struct message *response, const struct register_contact *granted)
{
	struct uri asked_uri;
	struct uri granted_uri;

	if (asked->reg_id != 0 && granted->reg_id != 0)
		return asked->instance == granted->instance && asked->reg_id == granted->reg_id;
	if (granted->reg_id != 0)
		return false;
	if (asked->instance != 0 && granted->instance != 0 && asked->instance != granted->instance)
		return false;
	return uri_parse(pending->text, asked->uri, &asked_uri)
		&& uri_parse(response->octets, granted->uri, &granted_uri)
		&& uri_equal(pending->text, &asked_uri, response->octets, &granted_uri);
}

// The seconds that the 2xx grants to a Contact; 0: it is not there.
static uint32_t granted_s(const struct passage *passage, const struct pending *pending,
	const struct register_contact *asked)
{
	const struct registration *registration = passage->registration;
	const struct message *response = &registration->message;
	struct register_contact granted;
	struct value_cursor cursor;

	value_begin(&cursor, response, HEADER_CONTACT);
	while (value_next(&cursor))
		if (register_read_contact(registration->options.hashes, response, cursor.value,
			    pending->request.aor, &granted)
			&& is_contact(pending, asked, response, &granted))
			return granted.expires_s;
	return 0;
}

static bool binding_commit(
	const struct passage *passage, struct flow_id flow, const struct flow_binding *binding)
{
	return flow_book_commit(passage->registration->options.book, flow, binding, passage->time)
		== FLOW_OK;
}

// P-Associated-URI (RFC 7315 section 4.1): AORs that the registrar has registered with this one.
static void associated_commit(
	const struct passage *passage, struct flow_id flow, const struct flow_binding *binding)
{
	const struct registration *registration = passage->registration;
	const struct hash_keys *hashes = registration->options.hashes;
	const struct message *response = &registration->message;
	struct value_cursor cursor;

	value_begin(&cursor, response, HEADER_P_ASSOCIATED_URI);
	for (unsigned i = 0; i < ASSOCIATED_URIS_MAX && value_next(&cursor); i++) {
		struct flow_binding implied = *binding;
		struct name_address address;
		struct uri uri;

		if (!name_address_parse(response->octets, cursor.value, &address)
			|| !uri_parse(response->octets, address.uri, &uri))
			continue;
		implied.aor = identity_hash_aor(hashes, response->octets, &uri);
		implied.uak = identity_hash_uak(hashes, implied.aor,
			binding->instance != 0 ? binding->instance : binding->contact);
		if (implied.aor != binding->aor)
			(void)binding_commit(passage, flow, &implied);
	}
}

static void contact_commit(const struct passage *passage, const struct pending *pending,
	const struct register_contact *contact, uint32_t expires_s)
{
	struct registration *registration = passage->registration;
	const struct flow_binding binding = {
		.uak = contact->uak,
		.aor = pending->request.aor,
		.instance = contact->instance,
		.contact = contact->contact,
		.place = contact->place,
		.parent = contact->uak,
		.reg_id = contact->reg_id,
		.expires_s = expires_s,
	};

	if (!binding_commit(passage, pending->flow, &binding)) {
		registration->counts.uncommitted++;
		return;
	}
	registration->counts.committed++;
	associated_commit(passage, pending->flow, &binding);
	flow_book_remove_stale(registration->options.book, pending->flow, binding.uak,
		binding.reg_id, passage->time);
}

// RFC 3261 section 10.3: the registrar removes bindings by AOR and Contact, by whatever flow they came.
static void removal_learn(
	const struct passage *passage, uint64_t aor, uint64_t uak, uint32_t reg_id)
{
	const struct registration_options *options = &passage->registration->options;
	const struct row_removal removal = {.aor = aor,
		.uak = uak,
		.reg_id = reg_id,
		.at_ms = flow_book_order(options->book, passage->time)};

	flow_book_remove_everywhere(options->book, &removal, passage->time);
	options->removed(options->context, &removal);
}

static void contact_learn(const struct passage *passage, const struct pending *pending,
	const struct register_contact *contact)
{
	struct registration *registration = passage->registration;
	uint32_t expires_s = granted_s(passage, pending, contact);

	if (expires_s > 0) {
		contact_commit(passage, pending, contact, expires_s);
		return;
	}
	registration->counts.removed++;
	// Asked to be removed, it is gone everywhere; only left out, the registrar may have written it in another way.
	if (contact->expires_s == 0)
		removal_learn(passage, pending->request.aor, contact->uak, contact->reg_id);
	else
		flow_book_remove(registration->options.book, pending->flow, contact->uak,
			contact->reg_id, passage->time);
}

static void success_learn(const struct passage *passage, const struct pending *pending)
{
	const struct register_request *request = &pending->request;

	for (unsigned i = 0; i < request->count; i++)
		contact_learn(passage, pending, &request->contacts[i]);
	if (request->star)
		removal_learn(passage, request->aor, 0, 0);
}

// RFC 5626 section 5.4: Flow-Timer belongs into a 2xx that says outbound was used.
static bool uses_outbound(const struct message *response)
{
	return message_has_token(response, HEADER_REQUIRE, SPAN("outbound"));
}

// RFC 5626 section 4.4: a phone that is told a Flow-Timer sends keep-alives in time, so its silence means something.
static void flow_timer_learn(const struct passage *passage, const struct pending *pending)
{
	if (pending->request.first_hop && uses_outbound(&passage->registration->message))
		flow_book_hear(
			passage->registration->options.book, pending->flow, true, passage->time);
}

static void response_take(const struct passage *passage)
{
	struct registration *registration = passage->registration;
	const struct message *response = &registration->message;
	const struct flow_id flow = {
		.slot = passage->head->slot, .generation = passage->head->generation};
	struct link_down_message down = {
		.kind = LINK_DOWN_RETURN, .slot = flow.slot, .generation = flow.generation};
	bool success = response->status / 100 == 2;
	struct pending *pending = pendings_find(&registration->pendings, flow, response);

	if (success && pending == NULL) {
		registration->counts.orphans++;
		return;
	}
	if (success) {
		success_learn(passage, pending);
		flow_timer_learn(passage, pending);
		down.flow_timer = uses_outbound(response)
			&& message_line(response, HEADER_FLOW_TIMER) == NULL;
	} else if (pending != NULL && response->status >= 300) {
		pendings_drop(&registration->pendings, pending);
	}
	// The phone's next request must find its rows in the tables.
	down_send(passage, &down, success);
}

void registration_take_response(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time)
{
	const struct passage passage = {registration, worker, head, message, time};

	if (head->side == SIDE_ACCESS)
		registration->counts.unreadable++;
	else if (passage_read(&passage, false))
		response_take(&passage);
}
