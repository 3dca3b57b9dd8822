#include "random.h"

#include <weir/identity.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const uint8_t secret[INDEX_SECRET_OCTETS] = "an index secret, never rotated..";

static struct hash_keys keys;

static void setup(void)
{
	cr_assert(eq(int, hash_keys_derive(&keys, secret, SPAN("edge.example.net")), 0));
}

TestSuite(identity, .init = setup);

static struct uri uri_of(struct span text)
{
	struct uri uri;

	cr_assert(uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri), "%.*s",
		(int)text.length, (const char *)text.octets);
	return uri;
}

static uint64_t aor(struct span text)
{
	struct uri uri = uri_of(text);

	return identity_hash_aor(&keys, text.octets, &uri);
}

static uint64_t contact(struct span text)
{
	struct uri uri = uri_of(text);

	return identity_hash_contact(&keys, text.octets, &uri);
}

Test(identity, of_an_aor_ignores_scheme_parameters_password_escapes_and_case_of_host)
{
	uint64_t alice = aor(SPAN("sip:alice@example.com"));

	cr_assert(eq(u64, aor(SPAN("sips:alice@EXAMPLE.com")), alice));
	cr_assert(eq(u64, aor(SPAN("SIP:alice@example.com;transport=tcp;lr")), alice));
	cr_assert(eq(u64, aor(SPAN("sip:alice:secret@example.com?subject=x")), alice));
	cr_assert(eq(u64, aor(SPAN("sip:%61l%69ce@example.com")), alice));
}

Test(identity, of_an_aor_tells_users_hosts_and_ports_apart)
{
	uint64_t alice = aor(SPAN("sip:alice@example.com"));

	cr_assert(ne(u64, aor(SPAN("sip:Alice@example.com")), alice));
	cr_assert(ne(u64, aor(SPAN("sip:alice@example.net")), alice));
	cr_assert(ne(u64, aor(SPAN("sip:alice@example.com:5060")), alice));
	cr_assert(ne(u64, aor(SPAN("sip:example.com")), alice));
	cr_assert(ne(u64, aor(SPAN("sip:alicee@xample.com")), alice));
}

Test(identity, takes_an_address_in_any_spelling_and_no_name_for_one)
{
	uint64_t address = aor(SPAN("sip:alice@[2001:db8::ab]"));

	cr_assert(eq(u64, aor(SPAN("sip:alice@[2001:0DB8:0:0::AB]")), address));
	cr_assert(eq(u64, aor(SPAN("sip:alice@[2001:db8::0.0.0.171]")), address));
	cr_assert(ne(u64, aor(SPAN("sip:alice@[2001:db8::ac]")), address));
	// The octets of the one are the letters of the other.
	cr_assert(ne(u64, aor(SPAN("sip:alice@97.98.99.100")), aor(SPAN("sip:alice@abcd"))));
	cr_assert(
		ne(u64, aor(SPAN("sip:alice@97.98.99.100")), aor(SPAN("sip:alice@[6162:6364::]"))));
}

Test(identity, of_a_uri_that_is_not_sip_is_of_its_whole_text)
{
	cr_assert(ne(u64, aor(SPAN("tel:+15551234")), aor(SPAN("tel:+15551235"))));
	cr_assert(eq(u64, aor(SPAN("tel:+15551234")), aor(SPAN("tel:+15551234"))));
	cr_assert(
		ne(u64, aor(SPAN("tel:+15551234")), aor(SPAN("sip:tel%3a+15551234@example.com"))));
}

Test(identity, of_an_instance_is_the_same_with_and_without_quotes_and_brackets)
{
	uint64_t hash = identity_hash_instance(&keys, SPAN("urn:example:one"));

	cr_assert(eq(u64, identity_hash_instance(&keys, SPAN("\"<urn:example:one>\"")), hash));
	cr_assert(eq(u64, identity_hash_instance(&keys, SPAN("<urn:example:one>")), hash));
	cr_assert(eq(u64, identity_hash_instance(&keys, SPAN("\"urn:example:one\"")), hash));
	cr_assert(ne(u64, identity_hash_instance(&keys, SPAN("\"urn:example:one")), hash));
	cr_assert(ne(u64, identity_hash_instance(&keys, SPAN("\"<urn:example:two>\"")), hash));
}

Test(identity, of_an_instance_compares_urns_by_the_rules_of_their_namespace)
{
	uint64_t uuid = identity_hash_instance(
		&keys, SPAN("urn:uuid:00000000-0000-1000-8000-000A95A0E128"));
	uint64_t other = identity_hash_instance(&keys, SPAN("urn:example:Aa"));

	cr_assert(eq(u64, uuid,
		identity_hash_instance(
			&keys, SPAN("URN:UUID:00000000-0000-1000-8000-000a95a0e128"))));
	cr_assert(eq(u64, other, identity_hash_instance(&keys, SPAN("URN:EXAMPLE:Aa"))));
	cr_assert(ne(u64, other, identity_hash_instance(&keys, SPAN("urn:example:aa"))));
}

Test(identity, of_an_instance_takes_text_that_is_no_urn_as_it_stands)
{
	static const struct span texts[] = {SPAN(""), SPAN("\""), SPAN("\"\""), SPAN("<"),
		SPAN("u"), SPAN("urn:"), SPAN("urn:uuid"), SPAN("urn:uuid:"), SPAN("Phone"),
		SPAN("phone")};
	unsigned equal = 0;

	for (unsigned a = 0; a < sizeof(texts) / sizeof(texts[0]); a++)
		for (unsigned b = 0; b < a; b++)
			equal += identity_hash_instance(&keys, texts[a])
				== identity_hash_instance(&keys, texts[b]);
	// "" and the empty quoted string.
	cr_assert(eq(uint, equal, 1));
}

Test(identity, of_a_contact_is_user_host_port_and_transport)
{
	uint64_t hash = contact(SPAN("sip:bob@192.0.2.7:5070;transport=tcp"));

	cr_assert(eq(u64, contact(SPAN("sip:b%6fb@192.0.2.7:5070;ob;TRANSPORT=TCP")), hash));
	cr_assert(eq(u64, contact(SPAN("sips:bob@192.0.2.7:05070;transport=Tcp;reg-id=2")), hash));
	cr_assert(ne(u64, contact(SPAN("sip:bob@192.0.2.7:5070")), hash));
	cr_assert(ne(u64, contact(SPAN("sip:bob@192.0.2.7;transport=tcp")), hash));
	cr_assert(ne(u64, contact(SPAN("sip:bob@192.0.2.8:5070;transport=tcp")), hash));
	cr_assert(ne(u64, contact(SPAN("sip:rob@192.0.2.7:5070;transport=tcp")), hash));
	cr_assert(ne(u64, contact(SPAN("sip:bob@192.0.2.7:5070;transport=sctp")),
		contact(SPAN("sip:bob@192.0.2.7:5070"))));
}

Test(identity, of_a_user_agent_is_of_both_its_parts_in_order)
{
	uint64_t hash = identity_hash_uak(&keys, 1, 2);

	cr_assert(eq(u64, identity_hash_uak(&keys, 1, 2), hash));
	cr_assert(ne(u64, identity_hash_uak(&keys, 2, 1), hash));
	cr_assert(ne(u64, identity_hash_uak(&keys, 1, 3), hash));
	cr_assert(ne(u64, identity_hash_uak(&keys, 3, 2), hash));
}

Test(identity, of_one_value_differs_from_label_to_label)
{
	cr_assert(ne(u64, aor(SPAN("sip:bob@192.0.2.7")), contact(SPAN("sip:bob@192.0.2.7"))));
}

Test(identity, binds_to_call_id_and_tag)
{
	uint32_t bind = identity_hash_bind(&keys, SPAN("call@host"), SPAN("tag"));

	cr_assert(eq(u32, identity_hash_bind(&keys, SPAN("call@host"), SPAN("tag")), bind));
	cr_assert(ne(u32, identity_hash_bind(&keys, SPAN("call@hos"), SPAN("ttag")), bind));
	cr_assert(ne(u32, identity_hash_bind(&keys, SPAN("call@host"), SPAN("Tag")), bind));
	cr_assert(ne(u32, identity_hash_bind(&keys, SPAN("call@host"), SPAN("")), bind));
}

// A tag that was searched for: its 32 bits are 0, which would mean "none".
Test(identity, is_never_none)
{
	struct keyhash hash;

	keyhash_begin(&hash, &keys, HASH_BIND);
	keyhash_field(&hash, SPAN(""));
	keyhash_field(&hash, SPAN("kbjddamkda"));
	cr_assert(eq(u32, (uint32_t)keyhash_end(&hash), 0));
	cr_assert(eq(u32, identity_hash_bind(&keys, SPAN(""), SPAN("kbjddamkda")), 1));
}
