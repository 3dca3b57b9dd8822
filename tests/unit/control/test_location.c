// The bindings of a registrar: which binding a Contact updates, when bindings end, and how AORs are spelled.

#include "core/location.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct location *location;

static void setup(void)
{
	location = location_new();
}

static void teardown(void)
{
	location_free(location);
}

static struct binding binding_of(struct span contact, struct span instance, uint32_t reg_id)
{
	return (struct binding){
		.contact = contact, .instance = instance, .reg_id = reg_id, .expires_at_s = 100};
}

static unsigned count(struct binding *bindings)
{
	unsigned n = 0;

	for (; bindings != NULL; bindings = bindings->next)
		n++;
	return n;
}

static const struct span ALICE = {(const uint8_t *)"alice@example.test", 18};

Test(location, finds_the_newest_binding_first, .init = setup, .fini = teardown)
{
	struct binding first = binding_of(SPAN("sip:a@192.0.2.1"), SPAN(""), 0);
	struct binding second = binding_of(SPAN("sip:a@192.0.2.2"), SPAN(""), 0);

	cr_assert(eq(int, location_put(location, ALICE, NULL, &first), 0));
	cr_assert(eq(int, location_put(location, ALICE, NULL, &second), 0));
	struct binding *found = location_find(location, ALICE, 0);
	cr_assert(span_equal(found->contact, second.contact));
	cr_assert(eq(uint, count(found), 2));
}

Test(location, forgets_a_binding_when_it_expires, .init = setup, .fini = teardown)
{
	struct binding binding = binding_of(SPAN("sip:a@192.0.2.1"), SPAN(""), 0);
	unsigned aors, bindings;

	cr_assert(eq(int, location_put(location, ALICE, NULL, &binding), 0));
	cr_assert(ne(ptr, location_find(location, ALICE, 99), NULL));
	cr_assert(eq(ptr, location_find(location, ALICE, 100), NULL));
	location_count(location, &aors, &bindings);
	cr_assert(eq(uint, aors, 0));
	cr_assert(eq(uint, bindings, 0));
}

Test(location, keeps_two_flows_of_one_phone_apart, .init = setup, .fini = teardown)
{
	struct span instance = SPAN("\"<urn:uuid:1>\"");
	struct binding first = binding_of(SPAN("sip:a@10.0.0.1"), instance, 1);
	struct binding second = binding_of(SPAN("sip:a@10.0.0.1"), instance, 2);
	struct binding again = binding_of(SPAN("sip:a@10.0.0.1:9999"), instance, 1);

	cr_assert(eq(int, location_put(location, ALICE, NULL, &first), 0));
	struct binding *found = location_find(location, ALICE, 0);
	cr_assert(eq(ptr, location_match(found, &second), NULL));
	cr_assert(eq(ptr, location_match(found, &again), found));
}

Test(location, matches_plain_contacts_by_uri_comparison, .init = setup, .fini = teardown)
{
	struct binding binding = binding_of(SPAN("sip:a@Example.TEST;transport=udp"), SPAN(""), 0);
	struct binding same = binding_of(SPAN("sip:a@example.test;transport=UDP"), SPAN(""), 0);
	struct binding other = binding_of(SPAN("sip:A@example.test;transport=udp"), SPAN(""), 0);

	cr_assert(eq(int, location_put(location, ALICE, NULL, &binding), 0));
	struct binding *found = location_find(location, ALICE, 0);
	cr_assert(eq(ptr, location_match(found, &same), found));
	cr_assert(eq(ptr, location_match(found, &other), NULL));
}

Test(location, refuses_the_binding_beyond_its_limit, .init = setup, .fini = teardown)
{
	struct binding binding = binding_of(SPAN("sip:a@192.0.2.1"), SPAN(""), 0);

	for (unsigned i = 0; i < BINDINGS_MAX; i++)
		cr_assert(eq(int, location_put(location, ALICE, NULL, &binding), 0));
	cr_assert(lt(int, location_put(location, ALICE, NULL, &binding), 0));
	cr_assert(eq(uint, count(location_find(location, ALICE, 0)), BINDINGS_MAX));
}

static void assert_aor(struct span text, struct span expected)
{
	uint8_t out[128];
	struct uri uri;

	cr_assert(uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri));
	size_t length = location_write_aor(text.octets, &uri, out, sizeof(out));
	cr_assert(span_equal(span_of(out, length), expected), "%.*s", (int)length, (char *)out);
}

Test(location, spells_an_aor_in_one_way)
{
	assert_aor(SPAN("sip:alice@Example.TEST"), SPAN("alice@example.test"));
	assert_aor(SPAN("sips:alice@example.test;user=phone"), SPAN("alice@example.test"));
	assert_aor(SPAN("sip:%61lice@example.test"), SPAN("alice@example.test"));
	assert_aor(SPAN("sip:a%40b@example.test"), SPAN("a%40b@example.test"));
	assert_aor(SPAN("sip:Alice@example.test:5070"), SPAN("Alice@example.test:5070"));
	assert_aor(SPAN("sip:example.test"), SPAN(""));
}
