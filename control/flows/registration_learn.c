// What the registrar's answer to a REGISTER teaches: bindings that begin, end or go on.

#include "registration_private.h"

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

// RFC 6223 section 4.3, of the Via under ours: the phone's offer, which the 2xx takes.
static bool offers_keep(const struct message *response)
{
	struct value_cursor cursor;
	struct via via;

	value_begin(&cursor, response, HEADER_VIA);
	return value_next(&cursor) && value_next(&cursor)
		&& via_parse(response->octets, cursor.value, &via) && via.keep_offer.length != 0;
}

// RFC 5626 section 4.4, RFC 6223 section 4.2: a phone that is told a Flow-Timer or a `keep` sends keep-alives in time, so its silence means
// something.
static void keepalive_learn(const struct passage *passage, const struct pending *pending)
{
	const struct message *response = &passage->registration->message;

	if (pending->request.first_hop && (uses_outbound(response) || offers_keep(response)))
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
		keepalive_learn(passage, pending);
		down.flow_timer = uses_outbound(response)
			&& message_line(response, HEADER_FLOW_TIMER) == NULL;
	} else if (pending != NULL && response->status >= 300) {
		pendings_drop(&registration->pendings, pending);
	}
	// The phone's next request must find its rows in the tables.
	registration_send(passage, &down, success);
}

void registration_take_response(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time)
{
	const struct passage passage = {registration, worker, head, message, time};

	if (head->side == SIDE_ACCESS)
		registration->counts.unreadable++;
	else if (registration_read(&passage, false))
		response_take(&passage);
}
