// identity.c: which fields make up each keyed hash, in their canonical form.

#include "poison.h"

#include <weir/identity.h>

// An address is its octets, with the family in front: else 97.98.99.100 would be the same field as the name "abcd".
static void field_host(struct keyhash *hash, struct span host)
{
	struct endpoint endpoint;
	uint8_t tagged[1 + sizeof(endpoint.address)];

	if (!endpoint_parse_address(host, &endpoint)) {
		keyhash_field_lower(hash, host);
		return;
	}
	tagged[0] = endpoint.family;
	memcpy(tagged + 1, endpoint.address, sizeof(endpoint.address));
	keyhash_field(hash, span_of(tagged, endpoint.family == ENDPOINT_V6 ? 17 : 5));
}

// User, host and port. A URI that is not SIP (tel:) has none of them that we know: its text stands for the user, and the
// empty host keeps it apart from every SIP URI.
static void fields_address(struct keyhash *hash, const uint8_t *base, const struct uri *uri)
{
	if (uri->scheme == URI_OTHER) {
		keyhash_field(hash, slice_span(base, uri->text));
		keyhash_field(hash, SPAN(""));
	} else {
		keyhash_field_unescaped(hash, slice_span(base, uri->user));
		field_host(hash, slice_span(base, uri->host));
	}
	keyhash_field_number(hash, uri->port, sizeof(uri->port));
}

static uint64_t end64(struct keyhash *hash)
{
	uint64_t result = keyhash_end(hash);

	return result == 0 ? 1 : result;
}

static uint32_t end32(struct keyhash *hash)
{
	uint32_t result = (uint32_t)keyhash_end(hash);

	return result == 0 ? 1 : result;
}

uint64_t identity_hash_aor(const struct hash_keys *keys, const uint8_t *base, const struct uri *aor)
{
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_AOR);
	fields_address(&hash, base, aor);
	return end64(&hash);
}

uint64_t identity_hash_contact(
	const struct hash_keys *keys, const uint8_t *base, const struct uri *contact)
{
	struct slice transport = {0, 0};
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_CONTACT);
	fields_address(&hash, base, contact);
	// The word and not the enum, so that a transport we do not know differs from none.
	if (!parameter_find(base, contact->parameters, SPAN("transport"), &transport))
		transport = (struct slice){0, 0};
	keyhash_field_upper(&hash, slice_span(base, transport));
	return end64(&hash);
}

static struct span strip(struct span text, uint8_t open, uint8_t close)
{
	if (text.length < 2 || text.octets[0] != open || text.octets[text.length - 1] != close)
		return text;
	return span_of(text.octets + 1, text.length - 2);
}

// The length of "urn:" and the namespace with its colon; 0: no URN.
static size_t urn_prefix_length(struct span text)
{
	size_t length = SPAN("urn:").length;

	if (text.length < length || !span_equal_nocase(span_of(text.octets, length), SPAN("urn:")))
		return 0;
	while (length < text.length)
		if (text.octets[length++] == ':')
			return length;
	return 0;
}

// URNs are compared by the rules of their namespace (RFC 5626 section 4.1): the words in front without case (RFC 2141
// section 5), and of a UUID the rest too (RFC 4122 section 3).
uint64_t identity_hash_instance(const struct hash_keys *keys, struct span instance)
{
	struct span text = strip(strip(instance, '"', '"'), '<', '>');
	size_t length = urn_prefix_length(text);
	struct span prefix = span_of(text.octets, length);
	struct span rest = span_of(text.octets + length, text.length - length);
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_INSTANCE);
	keyhash_field_lower(&hash, prefix);
	if (span_equal_nocase(prefix, SPAN("urn:uuid:")))
		keyhash_field_lower(&hash, rest);
	else
		keyhash_field(&hash, rest);
	return end64(&hash);
}

uint64_t identity_hash_uak(const struct hash_keys *keys, uint64_t aor, uint64_t instance_or_contact)
{
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_UAK);
	keyhash_field_number(&hash, aor, sizeof(aor));
	keyhash_field_number(&hash, instance_or_contact, sizeof(instance_or_contact));
	return end64(&hash);
}

uint32_t identity_hash_bind(const struct hash_keys *keys, struct span call_id, struct span tag)
{
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_BIND);
	keyhash_field(&hash, call_id);
	keyhash_field(&hash, tag);
	return end32(&hash);
}

uint32_t identity_hash_relay(
	const struct hash_keys *keys, const struct message *message, struct span branch)
{
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_RELAY);
	keyhash_field(&hash, branch);
	keyhash_field(&hash, message_span(message, message->call_id));
	keyhash_field_number(&hash, message->cseq, sizeof(message->cseq));
	keyhash_field(&hash, message_span(message, message->method_name));
	return end32(&hash);
}

// What names a transaction to a stateless proxy and stands in its responses too (RFC 3261 section 16.11). The version is
// "SIP/2.0" in whatever the parser took, so the transport is all there is to sent-protocol.
static void fields_transaction(
	struct keyhash *hash, const struct message *message, const struct via *via)
{
	keyhash_field_upper(hash, message_span(message, via->transport_name));
	field_host(hash, message_span(message, via->host));
	keyhash_field_number(hash, via->port, sizeof(via->port));
	keyhash_field(hash, message_span(message, via->branch));
	keyhash_field(hash, message_span(message, message->call_id));
	keyhash_field_number(hash, message->cseq, sizeof(message->cseq));
	keyhash_field(hash, message_span(message, message->from_tag));
}

void identity_hash_branch(const struct hash_keys *keys, const struct message *message,
	const struct via *via, uint8_t out[BRANCH_HASH_OCTETS])
{
	struct keyhash hash;

	keyhash_begin_wide(&hash, keys, HASH_BRANCH);
	fields_transaction(&hash, message, via);
	keyhash_end_wide(&hash, out);
}

void identity_hash_return(const struct hash_keys *keys, uint8_t edge, uint8_t listener,
	uint32_t slot, uint32_t generation, const uint8_t branch[BRANCH_HASH_OCTETS],
	struct span received, uint16_t rport, uint8_t out[RETURN_HASH_OCTETS])
{
	struct keyhash hash;
	uint64_t result;

	keyhash_begin(&hash, keys, HASH_RETURN);
	keyhash_field_number(&hash, listener, sizeof(listener));
	keyhash_field_number(&hash, slot, sizeof(slot));
	keyhash_field_number(&hash, generation, sizeof(generation));
	keyhash_field(&hash, span_of(branch, BRANCH_HASH_OCTETS));
	field_host(&hash, received);
	keyhash_field_number(&hash, rport, sizeof(rport));
	if (edge != 0)
		keyhash_field_number(&hash, edge, sizeof(edge));
	result = keyhash_end(&hash);
	memcpy(out, &result, RETURN_HASH_OCTETS);
}

uint64_t identity_hash_tag(
	const struct hash_keys *keys, const struct message *message, uint16_t status)
{
	struct keyhash hash;

	keyhash_begin(&hash, keys, HASH_TAG);
	fields_transaction(&hash, message, &message->via);
	keyhash_field_number(&hash, status, sizeof(status));
	return end64(&hash);
}
