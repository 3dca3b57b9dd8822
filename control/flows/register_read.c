#include "register_read.h"

static bool instance_read(const struct hash_keys *keys, const struct message *message,
	struct slice parameters, uint64_t *instance)
{
	unsigned count = parameter_count(message->octets, parameters, SPAN("+sip.instance"));
	struct slice value;

	*instance = 0;
	if (count == 0)
		return true;
	if (count > 1
		|| !parameter_find(message->octets, parameters, SPAN("+sip.instance"), &value))
		return false;
	struct span text = message_span(message, value);
	// A quoted string around a URN in angle brackets (RFC 5626 section 4.1, RFC 3840 section 9).
	if (text.length < SPAN("\"<x>\"").length || text.octets[0] != '"' || text.octets[1] != '<'
		|| text.octets[text.length - 1] != '"' || text.octets[text.length - 2] != '>')
		return false;
	*instance = identity_hash_instance(keys, text);
	return true;
}

static bool reg_id_read(const struct message *message, struct slice parameters, uint32_t *reg_id)
{
	unsigned count = parameter_count(message->octets, parameters, SPAN("reg-id"));
	struct slice value;
	uint64_t number = 0;

	*reg_id = 0;
	if (count == 0)
		return true;
	if (count > 1 || !parameter_find(message->octets, parameters, SPAN("reg-id"), &value)
		|| !number_parse(message_span(message, value), REGISTER_ID_MAX, &number)
		|| number == 0)
		return false;
	*reg_id = (uint32_t)number;
	return true;
}

static uint32_t number_or_default(struct span text)
{
	uint64_t number;

	return number_parse(text, UINT32_MAX, &number) ? (uint32_t)number
						       : REGISTER_EXPIRES_DEFAULT_S;
}

static bool header_read(const struct message *message, struct span *value)
{
	const struct header_line *line = message_line(message, HEADER_EXPIRES);

	if (line == NULL)
		return false;
	*value = span_of(message->octets + line->value_offset, line->value_length);
	return true;
}

static uint32_t expires_read(const struct message *message, struct slice parameters)
{
	struct slice parameter;
	struct span header;

	if (parameter_find(message->octets, parameters, SPAN("expires"), &parameter))
		return number_or_default(message_span(message, parameter));
	return header_read(message, &header) ? number_or_default(header)
					     : REGISTER_EXPIRES_DEFAULT_S;
}

// Host and port alone: where a NAT would show another user agent.
static uint64_t place_hash(
	const struct hash_keys *keys, const struct message *message, const struct uri *uri)
{
	struct uri place = *uri;

	place.user.length = place.parameters.length = 0;
	return identity_hash_contact(keys, message->octets, &place);
}

bool register_read_contact(const struct hash_keys *keys, const struct message *message,
	struct slice value, uint64_t aor, struct register_contact *contact)
{
	struct name_address address;
	struct uri uri;

	if (!name_address_parse(message->octets, value, &address)
		|| !uri_parse(message->octets, address.uri, &uri)
		|| !instance_read(keys, message, address.parameters, &contact->instance)
		|| !reg_id_read(message, address.parameters, &contact->reg_id))
		return false;
	if (contact->instance == 0)
		contact->reg_id = 0;
	contact->uri = address.uri;
	contact->contact = identity_hash_contact(keys, message->octets, &uri);
	contact->place = place_hash(keys, message, &uri);
	contact->uak = identity_hash_uak(
		keys, aor, contact->instance != 0 ? contact->instance : contact->contact);
	contact->expires_s = expires_read(message, address.parameters);
	return true;
}

static bool contacts_read(const struct hash_keys *keys, const struct message *message,
	struct register_request *request)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_CONTACT);
	while (value_next(&cursor)) {
		struct span text = message_span(message, cursor.value);

		// RFC 3261 section 10.2.2: "*" stands alone.
		if (request->star || request->count == REGISTER_CONTACTS_MAX)
			return false;
		if (span_equal(text, SPAN("*"))) {
			request->star = true;
			continue;
		}
		if (!register_read_contact(keys, message, cursor.value, request->aor,
			    &request->contacts[request->count]))
			return false;
		request->count++;
	}
	return true;
}

// RFC 3261 section 10.3 step 6: "*" needs an Expires of 0 and no other Contact.
static bool star_is_good(const struct message *message, const struct register_request *request)
{
	struct span expires;
	uint64_t number;

	if (!request->star)
		return true;
	return request->count == 0 && header_read(message, &expires)
		&& number_parse(expires, UINT32_MAX, &number) && number == 0;
}

static bool is_first_hop(const struct message *message)
{
	struct value_cursor cursor;
	unsigned count = 0;

	value_begin(&cursor, message, HEADER_VIA);
	while (count < 2 && value_next(&cursor))
		count++;
	return count == 1;
}

bool register_read(const struct hash_keys *keys, const struct message *message,
	struct register_request *request)
{
	struct uri to;

	*request = (struct register_request){0};
	if (!uri_parse(message->octets, message->to_uri, &to))
		return false;
	request->aor = identity_hash_aor(keys, message->octets, &to);
	request->first_hop = is_first_hop(message);
	return contacts_read(keys, message, request) && star_is_good(message, request);
}

bool register_is_binding(const struct register_request *request)
{
	for (unsigned i = 0; i < request->count; i++)
		if (request->contacts[i].expires_s > 0)
			return true;
	return false;
}
