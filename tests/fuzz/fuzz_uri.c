// fuzz_uri.c: what must hold of URIs, name-addrs, Vias and addresses whatever the octets are.

#include "fuzz.h"

#include <weir/endpoint.h>
#include <weir/uri.h>
#include <weir/via.h>

// Octets that stand before the text, so that offsets are not 0.
enum { LEAD = 3 };

// The parts of a SIP URI with what divides them are the whole text: nothing is left out, nothing counts twice.
static void parts_check(const struct uri *uri, const uint8_t *base)
{
	size_t at = (size_t)uri->text.offset + uri->scheme_name.length + 1;
	size_t end = (size_t)uri->text.offset + uri->text.length;

	CHECK(base[at - 1] == ':');
	if (uri->has_user) {
		CHECK(uri->user.length > 0 && uri->user.offset == at);
		at += uri->user.length;
		at += base[at] == ':' ? uri->password.length + 1u : 0;
		CHECK(base[at++] == '@');
	}
	CHECK(uri->host.length > 0 && uri->host.length <= 255 && uri->host.offset == at);
	at += uri->host.length;
	CHECK(uri->has_port == (at < end && base[at] == ':'));
	CHECK(uri->has_port == (uri->port != 0));
	if (uri->has_port)
		for (at++; at < end && base[at] >= '0' && base[at] <= '9'; at++) {
		}
	CHECK(uri->parameters.offset == at);
	at += uri->parameters.length;
	CHECK(uri->headers.length > 0 ? base[at] == '?' && uri->headers.offset == at + 1
				      : at == end);
	CHECK(uri->headers.length == 0 || at + 1 + uri->headers.length == end);
}

static void uri_check(const uint8_t *base, struct slice text)
{
	struct uri uri, again;

	if (!uri_parse(base, text, &uri))
		return;
	CHECK(uri.text.offset == text.offset && uri.text.length == text.length);
	CHECK(uri_port(&uri) != 0);
	if (uri.scheme != URI_OTHER)
		parts_check(&uri, base);
	CHECK(uri_parse(base, text, &again));
	CHECK(uri_equal(base, &uri, base, &again));
	// The same URI at another place of another base.
	CHECK(uri_parse(base + text.offset, (struct slice){0, text.length}, &again));
	CHECK(uri_equal(base, &uri, base + text.offset, &again));
	CHECK(again.port == uri.port && again.transport == uri.transport);
}

static void name_address_check(const uint8_t *base, struct slice text)
{
	struct name_address address;
	struct slice value = {0};
	size_t end = (size_t)text.offset + text.length;

	if (!name_address_parse(base, text, &address))
		return;
	CHECK(address.uri.length > 0 && slice_is_inside(address.uri, text.offset, end));
	CHECK(slice_is_inside(address.display, text.offset, address.uri.offset));
	CHECK(slice_is_inside(
		address.parameters, (size_t)address.uri.offset + address.uri.length, end));
	unsigned tags = parameter_count(base, address.parameters, SPAN("tag"));

	CHECK(parameter_find(base, address.parameters, SPAN("tag"), &value) == (tags > 0));
	CHECK(slice_is_inside(value, address.parameters.offset, end));
	uri_check(base, address.uri);
}

static void via_check(const uint8_t *base, struct slice text)
{
	struct via via;

	if (!via_parse(base, text, &via))
		return;
	size_t begin = via.value.offset, end = begin + via.value.length;

	CHECK(begin >= text.offset && end <= (size_t)text.offset + text.length);
	CHECK(via.host.length > 0 && slice_is_inside(via.host, begin, end));
	CHECK(slice_is_inside(via.protocol, begin, via.host.offset));
	CHECK(slice_is_inside(via.transport_name, via.protocol.offset, via.host.offset));
	CHECK(slice_is_inside(via.sent_by, via.host.offset, end));
	CHECK(slice_is_inside(via.branch, via.sent_by.offset, end));
	CHECK(slice_is_inside(via.received, via.sent_by.offset, end));
	CHECK(slice_is_inside(via.maddr, via.sent_by.offset, end));
	CHECK(slice_is_inside(via.proof, via.sent_by.offset, end));
	CHECK(slice_is_inside(via.received_parameter, via.sent_by.offset, end));
	CHECK(slice_is_inside(via.rport_parameter, via.sent_by.offset, end));
	CHECK(via.has_rport == (via.rport_parameter.length > 0));
	CHECK(via.received_parameter.length == 0 || base[via.received_parameter.offset] == ';');
}

// What is an address is one address, however it is written.
static void endpoint_check(struct span text)
{
	struct endpoint endpoint, again;
	struct prefix prefix;
	uint8_t out[ENDPOINT_TEXT_MAX];

	if (endpoint_parse_address(text, &endpoint)) {
		CHECK(endpoint_parse_address(
			span_of(out, endpoint_format_host(&endpoint, out)), &again));
		CHECK(endpoint_equal(&endpoint, &again));
	}
	if (endpoint_parse(text, &endpoint)) {
		CHECK(endpoint_parse(span_of(out, endpoint_format(&endpoint, out)), &again));
		CHECK(endpoint_equal(&endpoint, &again));
	}
	if (prefix_parse(text, &prefix)) {
		endpoint = (struct endpoint){.family = prefix.family};
		memcpy(endpoint.address, prefix.address, sizeof(endpoint.address));
		CHECK(prefix_contains(&prefix, &endpoint));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	if (length > UINT16_MAX)
		return 0;
	size_t lead = length < LEAD ? 0 : LEAD;
	struct slice text = {(uint16_t)lead, (uint16_t)(length - lead)};

	uri_check(octets, text);
	name_address_check(octets, text);
	via_check(octets, text);
	endpoint_check(span_of(octets, length));
	uri_check(octets, (struct slice){0, (uint16_t)length});
	name_address_check(octets, (struct slice){0, (uint16_t)length});
	via_check(octets, (struct slice){0, (uint16_t)length});
	return 0;
}
