// test_name_address.c: display names, URIs and parameters of From, To, Contact and Route are told apart.

#include "guard.h"

#include <weir/uri.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct slice text_slice(const char *text)
{
	return (struct slice){0, (uint16_t)strlen(text)};
}

static bool slice_is(const char *base, struct slice slice, const char *expected)
{
	return span_equal(
		slice_span((const uint8_t *)base, slice), span_of(expected, strlen(expected)));
}

static bool parse_address(const char *text, struct name_address *address)
{
	return name_address_parse((const uint8_t *)text, text_slice(text), address);
}

Test(name_address, quoted_display_name_and_parameters_are_found)
{
	const char *text = " \"J \\\" <Rosenberg>, \\\\\" \r\n <sip:j@example.com;lr>\r\n ; tag = "
			   "98asjd8 ;q=0.1 ";
	struct name_address address;
	struct slice value;

	cr_assert(parse_address(text, &address));
	cr_assert(slice_is(text, address.display, "\"J \\\" <Rosenberg>, \\\\\""));
	cr_assert(slice_is(text, address.uri, "sip:j@example.com;lr"));
	cr_assert(slice_is(text, address.parameters, "; tag = 98asjd8 ;q=0.1"));
	cr_assert(address.bracketed);
	cr_assert(parameter_find((const uint8_t *)text, address.parameters, SPAN("TAG"), &value));
	cr_assert(slice_is(text, value, "98asjd8"));
}

Test(name_address, parameters_of_a_bare_uri_are_the_headers)
{
	const char *text = "sip:vivekg@chair.example.com ;   tag    = 1918181833n";
	struct name_address address;

	cr_assert(parse_address(text, &address));
	cr_assert(slice_is(text, address.uri, "sip:vivekg@chair.example.com"));
	cr_assert(slice_is(text, address.parameters, ";   tag    = 1918181833n"));
	cr_assert(not(address.bracketed));
	cr_assert(eq(u16, address.display.length, 0));
}

Test(name_address, tokens_and_utf8_may_stand_before_the_bracket)
{
	const char *text = "Bell Labs. \303\204 <sip:bell@example.com>";
	struct name_address address;

	cr_assert(parse_address(text, &address));
	cr_assert(slice_is(text, address.display, "Bell Labs. \303\204"));
	cr_assert(parse_address("<sip:bell@example.com>", &address));
	cr_assert(eq(u16, address.display.length, 0));
}

Test(name_address, malformed_ones_are_refused)
{
	static const char *const refused[] = {
		"",
		" ",
		"\"open <sip:a@b>",
		"\"open\\\" <sip:a@b>",
		"\"a\" sip:a@b",
		"\"a\"",
		"Bell, Alexander <sip:a@b>",
		"<sip:a@b",
		"sip:a@b>",
		"<>",
		"< sip:a@b>",
		"<sip:a@b >",
		"<sip:a\"b>",
		"<<sip:a@b>>",
		"<sip:a@b>x",
		"<sip:a@b>;",
		"<sip:a@b>;;tag=x",
		"<sip:a@b>;=x",
		"<sip:a@b>;tag=\"x",
		"<sip:a@b>;tag=a b",
		"<sip:a@b>;a=<b>",
		"sip:a@b?x=y",
		"sip:a@b,c",
		"sip:a@b x",
		"\"a\"<sip:a@b>;tag=x\"y\"",
		";tag=x",
		"<sip:a@b>,<sip:c@d>",
		"\"a\\\r\nb\" <sip:a@b>",
		"\"a\" \"b\" <sip:a@b>",
	};
	struct name_address address;

	for (unsigned i = 0; i < COUNT(refused); i++)
		cr_assert(not(parse_address(refused[i], &address)), "%s", refused[i]);
}

Test(name_address, no_prefix_is_read_past_its_end)
{
	static const char text[] =
		"\"J \\\"R\" <sip:j@example.com;lr>;+sip.instance=\"<urn:uuid:0>\";reg-id=1";
	struct guard guard = guard_new(sizeof(text));
	struct name_address address;

	for (size_t length = 0; length < sizeof(text); length++) {
		uint8_t *end = memcpy(guard_end(&guard, length), text, length);
		bool taken = name_address_parse(end, (struct slice){0, (uint16_t)length}, &address);
		uint8_t *begin = memcpy(guard_begin(&guard), text, length);

		cr_assert(eq(int,
			name_address_parse(begin, (struct slice){0, (uint16_t)length}, &address),
			taken));
	}
	guard_free(&guard);
}

Test(parameter, names_have_no_case_and_quotes_hide_what_divides)
{
	const char *text = ";+sip.instance=\"<urn:uuid:0;reg-id=7>\";Reg-Id=1;ob";
	const uint8_t *base = (const uint8_t *)text;
	struct slice value;

	cr_assert(parameter_find(base, text_slice(text), SPAN("reg-id"), &value));
	cr_assert(slice_is(text, value, "1"));
	cr_assert(parameter_find(base, text_slice(text), SPAN("+SIP.instance"), &value));
	cr_assert(slice_is(text, value, "\"<urn:uuid:0;reg-id=7>\""));
	cr_assert(parameter_find(base, text_slice(text), SPAN("ob"), &value));
	cr_assert(eq(u16, value.length, 0));
	cr_assert(not(parameter_find(base, text_slice(text), SPAN("o"), &value)));
	cr_assert(eq(uint, parameter_count(base, text_slice(text), SPAN("reg-id")), 1));
}

Test(parameter, each_one_is_counted)
{
	const char *text = ";tag=a;x;TAG=b; tag";

	cr_assert(
		eq(uint, parameter_count((const uint8_t *)text, text_slice(text), SPAN("tag")), 3));
	cr_assert(eq(uint, parameter_count((const uint8_t *)text, text_slice(text), SPAN("y")), 0));
}
