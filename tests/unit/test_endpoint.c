// test_endpoint.c: addresses are read in one way only, and written as RFC 5952 says.

#include <weir/endpoint.h>
#include <weir/uri.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct span text_span(const char *text)
{
	return span_of(text, strlen(text));
}

static bool formats_as(const char *text, const char *expected)
{
	struct endpoint endpoint;
	uint8_t out[ENDPOINT_TEXT_MAX];

	if (!endpoint_parse_address(text_span(text), &endpoint))
		return false;
	return span_equal(span_of(out, endpoint_format_host(&endpoint, out)), text_span(expected));
}

static bool is_address(const char *text)
{
	struct endpoint endpoint;

	return endpoint_parse_address(text_span(text), &endpoint);
}

static bool is_endpoint(const char *text)
{
	struct endpoint endpoint;

	return endpoint_parse(text_span(text), &endpoint);
}

Test(endpoint, ipv4_is_read_into_the_first_four_octets)
{
	struct endpoint endpoint;
	const struct endpoint expected = {
		.address = {192, 0, 2, 255}, .family = ENDPOINT_V4, .port = 5060};

	cr_assert(endpoint_parse(SPAN("192.0.2.255:5060"), &endpoint));
	cr_assert(endpoint_equal(&endpoint, &expected));
}

Test(endpoint, ipv6_is_read_in_every_form)
{
	cr_assert(formats_as("2001:db8:0:0:0:0:0:1", "[2001:db8::1]"));
	cr_assert(formats_as("[2001:DB8::1]", "[2001:db8::1]"));
	cr_assert(formats_as("::", "[::]"));
	cr_assert(formats_as("::1", "[::1]"));
	cr_assert(formats_as("1::", "[1::]"));
	cr_assert(formats_as("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]"));
	cr_assert(formats_as("::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]"));
	cr_assert(formats_as("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]"));
	cr_assert(formats_as("2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]"));
	cr_assert(formats_as("1:2:3:4:5:6:192.0.2.1", "[1:2:3:4:5:6:c000:201]"));
	cr_assert(formats_as("::ffff:192.0.2.1", "[::ffff:192.0.2.1]"));
	cr_assert(formats_as("64:ff9b::192.0.2.1", "[64:ff9b::c000:201]"));
}

Test(endpoint, three_colons_before_a_dotted_quad_are_taken_as_rfc_5118_asks)
{
	cr_assert(formats_as("[2001:db8:::192.0.2.1]", "[2001:db8::c000:201]"));
	cr_assert(not(is_address("2001:db8:::1")));
	cr_assert(not(is_address("2001:::db8::192.0.2.1")));
	cr_assert(not(is_address("2001:db8::::192.0.2.1")));
}

Test(endpoint, an_ipv4_address_has_four_decimal_parts_and_no_other_reading)
{
	static const char *const refused[] = {"", ".", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3",
		"1..2.3", "256.1.1.1", "1.2.3.04", "010.0.0.1", "0x7f.0.0.1", "2130706433", "127.1",
		"1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "+1.2.3.4", "1.2.3.4%1", "[1.2.3.4]",
		"1.2.3.99999999999999999999"};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		cr_assert(not(is_address(refused[i])), "%s", refused[i]);
	cr_assert(is_address("0.0.0.0"));
}

Test(endpoint, an_ipv6_address_has_eight_groups_at_most_and_no_zone)
{
	static const char *const refused[] = {":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4::5:6:7:8", "1::2::3", "12345::", "::12345",
		"g::", ":1::", "::1:", "1:2:3:4:5:6:7:8:", "fe80::1%eth0", "[fe80::1%25eth0]",
		"[::1", "::1]", "[]", "[[::1]]", "1:2:3:4:5:6:7:192.0.2.1", "::192.0.2",
		"::192.0.2.1:1", "192.0.2.1::", "::1 "};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		cr_assert(not(is_address(refused[i])), "%s", refused[i]);
}

Test(endpoint, an_ipv6_address_with_a_port_needs_brackets)
{
	struct endpoint endpoint;

	cr_assert(endpoint_parse(SPAN("[2001:db8::1]:65535"), &endpoint));
	cr_assert(eq(u16, endpoint.port, 65535));
	cr_assert(not(is_endpoint("2001:db8::1:5060")));
	cr_assert(not(is_endpoint("[2001:db8::1]")));
	cr_assert(not(is_endpoint("[2001:db8::1]5060")));
	cr_assert(not(is_endpoint("192.0.2.1:65536")));
	cr_assert(not(is_endpoint("192.0.2.1:")));
	cr_assert(not(is_endpoint("192.0.2.1")));
	cr_assert(not(is_endpoint(":5060")));
	cr_assert(not(is_endpoint("")));
}

Test(endpoint, nothing_is_written_when_the_text_is_refused)
{
	struct endpoint endpoint = {.port = 7, .family = ENDPOINT_V6};
	const struct endpoint before = endpoint;

	cr_assert(not(endpoint_parse(SPAN("192.0.2.1:70000"), &endpoint)));
	cr_assert(not(endpoint_parse_address(SPAN("192.0.2"), &endpoint)));
	cr_assert(endpoint_equal(&endpoint, &before));
}

Test(endpoint, the_longest_text_fits_the_promised_buffer)
{
	struct endpoint endpoint;
	uint8_t out[ENDPOINT_TEXT_MAX];

	cr_assert(
		endpoint_parse(SPAN("[1111:2222:3333:4444:5555:6666:7777:8888]:65535"), &endpoint));
	cr_assert(eq(sz, endpoint_format(&endpoint, out), 47));
	cr_assert(endpoint_parse(SPAN("255.255.255.255:65535"), &endpoint));
	cr_assert(eq(sz, endpoint_format(&endpoint, out), 21));
}

Test(endpoint, what_is_written_reads_back_the_same)
{
	uint32_t seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		struct endpoint endpoint = {.family = ENDPOINT_V6}, again;
		uint8_t out[ENDPOINT_TEXT_MAX];

		for (unsigned i = 0; i < 16; i++) {
			seed = seed * 1664525 + 1013904223;
			// Mostly zeroes, so that gaps of every place and length come up.
			endpoint.address[i] = seed >> 30 == 0 ? (uint8_t)(seed >> 16) : 0;
		}
		endpoint.port = (uint16_t)(seed >> 8);
		size_t length = endpoint_format(&endpoint, out);

		cr_assert(endpoint_parse(span_of(out, length), &again));
		cr_assert(endpoint_equal(&endpoint, &again));
	}
}

Test(endpoint, a_mapped_address_folds_to_ipv4_and_no_other_does)
{
	struct endpoint mapped, plain, other;

	cr_assert(endpoint_parse(SPAN("[::ffff:127.0.0.1]:5060"), &mapped));
	cr_assert(endpoint_parse(SPAN("127.0.0.1:5060"), &plain));
	endpoint_fold_mapped(&mapped);
	cr_assert(endpoint_equal(&mapped, &plain));

	cr_assert(endpoint_parse(SPAN("[::fffe:127.0.0.1]:5060"), &other));
	endpoint_fold_mapped(&other);
	cr_assert(eq(u8, other.family, ENDPOINT_V6));
}

static bool prefix_holds(const char *text, const char *address)
{
	struct prefix prefix;
	struct endpoint endpoint;

	cr_assert(prefix_parse(text_span(text), &prefix));
	cr_assert(endpoint_parse_address(text_span(address), &endpoint));
	return prefix_contains(&prefix, &endpoint);
}

Test(endpoint, a_prefix_contains_what_shares_its_bits)
{
	cr_assert(prefix_holds("192.0.2.0/24", "192.0.2.255"));
	cr_assert(not(prefix_holds("192.0.2.0/24", "192.0.3.0")));
	cr_assert(prefix_holds("192.0.2.128/25", "192.0.2.129"));
	cr_assert(not(prefix_holds("192.0.2.128/25", "192.0.2.127")));
	cr_assert(prefix_holds("0.0.0.0/0", "203.0.113.9"));
	cr_assert(not(prefix_holds("0.0.0.0/0", "::")));
	cr_assert(prefix_holds("192.0.2.1", "192.0.2.1"));
	cr_assert(not(prefix_holds("192.0.2.1", "192.0.2.0")));
	cr_assert(prefix_holds("2001:db8::/33", "2001:db8:7fff::1"));
	cr_assert(not(prefix_holds("2001:db8::/33", "2001:db8:8000::1")));
	cr_assert(prefix_holds("[2001:db8::1]", "2001:db8::1"));
}

Test(endpoint, a_prefix_has_a_length_its_family_allows)
{
	struct prefix prefix;

	cr_assert(not(prefix_parse(SPAN("192.0.2.0/33"), &prefix)));
	cr_assert(not(prefix_parse(SPAN("2001:db8::/129"), &prefix)));
	cr_assert(not(prefix_parse(SPAN("192.0.2.0/"), &prefix)));
	cr_assert(not(prefix_parse(SPAN("192.0.2.0/-1"), &prefix)));
	cr_assert(not(prefix_parse(SPAN("/24"), &prefix)));
	cr_assert(not(prefix_parse(SPAN(""), &prefix)));
}

Test(endpoint, host_bits_of_a_prefix_do_not_count)
{
	struct prefix a, b;

	cr_assert(prefix_parse(SPAN("192.0.2.77/26"), &a));
	cr_assert(prefix_parse(SPAN("192.0.2.64/26"), &b));
	cr_assert(eq(int, memcmp(&a, &b, sizeof(a)), 0));
}

Test(number, is_digits_up_to_its_limit)
{
	uint64_t number = 0;

	cr_assert(number_parse(SPAN("0"), 0, &number));
	cr_assert(number_parse(SPAN("0068"), 255, &number));
	cr_assert(eq(u64, number, 68));
	cr_assert(number_parse(SPAN("2147483647"), INT32_MAX, &number));
	cr_assert(number_parse(SPAN("18446744073709551615"), UINT64_MAX, &number));
	cr_assert(eq(u64, number, UINT64_MAX));
}

Test(number, refuses_signs_spaces_and_what_would_wrap)
{
	static const char *const refused[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1,2", "256",
		"4294967296", "18446744073709551616", "99999999999999999999", "/", ":"};
	uint64_t number = 7;

	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		cr_assert(not(number_parse(text_span(refused[i]), 255, &number)), "%s", refused[i]);
	cr_assert(not(number_parse(SPAN("18446744073709551616"), UINT64_MAX, &number)));
	cr_assert(not(number_parse(SPAN("5"), 4, &number)));
	cr_assert(eq(u64, number, 7));
}
