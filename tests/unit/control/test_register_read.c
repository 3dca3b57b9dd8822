// What a REGISTER may say, form by form (RFC 3261 section 10, RFC 5626 sections 4 and 6).

#include "flows/register_read.h"
#include "guard.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

#define INSTANCE "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""

static struct hash_keys keys;
static struct message message;
static struct register_request request;
static char text[8192];

static bool read_with(const char *more)
{
	int length = snprintf(text, sizeof(text),
		"REGISTER sip:example.net SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bKa1;rport\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.net>;tag=f1\r\n"
		"To: <sip:alice@Example.NET>\r\n"
		"Call-ID: c1\r\n"
		"CSeq: 1 REGISTER\r\n"
		"%sContent-Length: 0\r\n\r\n",
		more);

	cr_assert(
		eq(int, message_parse(&message, (const uint8_t *)text, (size_t)length), MESSAGE_OK),
		"%s", more);
	return register_read(&keys, &message, &request);
}

Test(register_read, reads_the_shape_of_rfc_5626_section_9)
{
	cr_assert(read_with(
		"Supported: path, outbound\r\n"
		"Contact: <sip:bob@192.0.2.2;transport=tcp>;reg-id=1\r\n ;" INSTANCE "\r\n"));
	cr_assert(eq(int, request.count, 1));
	cr_assert(eq(u32, request.contacts[0].reg_id, 1));
	cr_assert(ne(u64, request.contacts[0].instance, 0));
	cr_assert(eq(u32, request.contacts[0].expires_s, REGISTER_EXPIRES_DEFAULT_S));
	cr_assert(eq(u64, request.contacts[0].uak,
		identity_hash_uak(&keys, request.aor, request.contacts[0].instance)));
	cr_assert(request.first_hop);
	cr_assert(register_is_binding(&request));
}

Test(register_read, expires_comes_from_the_contact_then_the_header_then_the_default)
{
	cr_assert(read_with(
		"Expires: 600\r\nContact: <sip:a@10.1.1.1>;expires=60, <sip:b@10.1.1.1>\r\n"));
	cr_assert(eq(u32, request.contacts[0].expires_s, 60));
	cr_assert(eq(u32, request.contacts[1].expires_s, 600));
	cr_assert(read_with("Contact: <sip:a@10.1.1.1>;expires=soon\r\n"));
	cr_assert(eq(u32, request.contacts[0].expires_s, REGISTER_EXPIRES_DEFAULT_S));
}

Test(register_read, queries_and_removals_are_no_bindings)
{
	cr_assert(read_with(""));
	cr_assert(not(register_is_binding(&request)));
	cr_assert(read_with("Contact: *\r\nExpires: 0\r\n"));
	cr_assert(not(register_is_binding(&request)));
	cr_assert(request.star);
	cr_assert(read_with("Contact: <sip:a@10.1.1.1>;expires=0\r\n"));
	cr_assert(not(register_is_binding(&request)));
	cr_assert(read_with("Contact: <sip:a@10.1.1.1>;expires=0, <sip:b@10.1.1.1>\r\n"));
	cr_assert(register_is_binding(&request));
}

Test(register_read, refuses_what_two_readers_could_take_differently)
{
	static const char *const bad[] = {
		"Contact: *\r\n",
		"Contact: *\r\nExpires: 1\r\n",
		"Contact: *\r\nExpires: zero\r\n",
		"Contact: *, <sip:a@10.1.1.1>\r\nExpires: 0\r\n",
		"Contact: <sip:a@10.1.1.1>\r\nContact: *\r\nExpires: 0\r\n",
		"Contact: *, *\r\nExpires: 0\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=0;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=2147483648;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=-1;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=1;reg-id=2;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=1;REG-ID=1;" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=1;+sip.instance=<urn:uuid:0>\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=1;+sip.instance=\"urn:uuid:0\"\r\n",
		"Contact: <sip:a@10.1.1.1>;reg-id=1;+sip.instance=\"<>\"\r\n",
		"Contact: <sip:a@10.1.1.1>;" INSTANCE ";" INSTANCE "\r\n",
		"Contact: <sip:a@10.1.1.1>;+sip.instance\r\n",
		"Contact: sip:\r\n",
		"Contact: <sip:a@10.1.1.1\r\n",
		"Contact: <sip:a@10.1.1.1>,,<sip:b@10.1.1.1>\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert(not(read_with(bad[i])), "%s", bad[i]);
}

Test(register_read, takes_the_largest_reg_id_and_ignores_it_without_an_instance)
{
	cr_assert(read_with("Contact: <sip:a@10.1.1.1>;reg-id=2147483647;" INSTANCE "\r\n"));
	cr_assert(eq(u32, request.contacts[0].reg_id, REGISTER_ID_MAX));
	cr_assert(read_with("Contact: <sip:a@10.1.1.1>;reg-id=7\r\n"));
	cr_assert(eq(u32, request.contacts[0].reg_id, 0));
	cr_assert(eq(u64, request.contacts[0].uak,
		identity_hash_uak(&keys, request.aor, request.contacts[0].contact)));
}

Test(register_read, takes_sixteen_contacts_and_no_more)
{
	char contacts[2048] = "";
	size_t at = 0;

	for (unsigned i = 0; i < REGISTER_CONTACTS_MAX; i++)
		at += (size_t)snprintf(contacts + at, sizeof(contacts) - at,
			"Contact: <sip:a@10.1.1.%u>\r\n", i + 1);
	cr_assert(read_with(contacts));
	(void)snprintf(contacts + at, sizeof(contacts) - at, "m: <sip:a@10.1.2.1>\r\n");
	cr_assert(not(read_with(contacts)));
}

Test(register_read, a_second_via_is_another_hop)
{
	cr_assert(read_with(
		"Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb\r\nContact: <sip:a@10.1.1.1>\r\n"));
	cr_assert(not(request.first_hop));
}

Test(register_read, place_is_host_and_port_alone)
{
	cr_assert(read_with("Contact: <sip:a@10.1.1.1:5070>, <sip:b@10.1.1.1:5070;transport=tcp>,"
			    " <sip:a@10.1.1.1:5071>\r\n"));
	cr_assert(eq(u64, request.contacts[0].place, request.contacts[1].place));
	cr_assert(ne(u64, request.contacts[0].place, request.contacts[2].place));
	cr_assert(ne(u64, request.contacts[0].contact, request.contacts[1].contact));
}

static void read_file(const char *name)
{
	char path[256];
	uint8_t octets[UDP_PAYLOAD_MAX];

	(void)snprintf(path, sizeof(path), "%s/authored/%s.dat", CORPUS_TREE, name);
	FILE *file = fopen(path, "rb");
	cr_assert(ne(ptr, file, NULL), "%s", path);
	size_t length = fread(octets, 1, sizeof(octets), file);
	(void)fclose(file);
	cr_assert(eq(int, message_parse(&message, octets, length), MESSAGE_OK), "%s", name);
	cr_assert(not(register_read(&keys, &message, &request)), "%s", name);
}

Test(register_read, refuses_the_registers_of_the_corpus_that_are_to_get_a_400)
{
	read_file("reg_100_contacts");
	read_file("reg_id_2p31");
	read_file("reg_id_twice");
	read_file("reg_instance_unquoted");
	read_file("reg_star_and_other");
	read_file("reg_star_no_expires");
}

// The message ends where memory ends; every octet of it takes the values that divide, quote, fold or end things.
Test(register_read, no_octet_of_a_register_makes_it_read_past_the_end)
{
	static const uint8_t values[] = "\0\t\r\n \"<>;,:=%@*\\[]~0z\x80\xff";

	(void)read_with(
		"Supported: path, outbound\r\nExpires: 60\r\n"
		"Contact: \"B\" <sip:bob@192.0.2.2;transport=tcp>;reg-id=1;" INSTANCE "\r\n");
	size_t length = message.length;
	struct guard guard = guard_new(length);
	uint8_t *octets = guard_end(&guard, length);
	unsigned good = 0;
	for (size_t at = 0; at < length; at++) {
		for (size_t value = 0; value < sizeof(values); value++) {
			memcpy(octets, text, length);
			octets[at] = values[value];
			if (message_parse(&message, octets, length) == MESSAGE_OK
				&& message.request)
				good += register_read(&keys, &message, &request);
		}
	}
	cr_assert(gt(u32, good, 0));
	guard_free(&guard);
}
