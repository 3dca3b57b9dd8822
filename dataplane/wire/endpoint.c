// endpoint.c: reads and writes addresses with ports.

#include "octet.h"
#include "poison.h"

#include <weir/endpoint.h>
#include <weir/uri.h>

enum {
	IPV4_TEXT_MIN = 7, // "0.0.0.0"
	IPV4_TEXT_MAX = 15,
};

// A decimal number from 0 to 255 as its digits come.
struct ipv4_part {
	unsigned number;
	unsigned digits;
};

// inet_aton() reads 010 as eight; whoever does not must not be the next hop of somebody who does.
static bool ipv4_part_add(struct ipv4_part *part, unsigned digit)
{
	if (part->digits++ > 0 && part->number == 0)
		return false;
	part->number = part->number * 10 + digit;
	return part->number <= 255;
}

static bool ipv4_parse(struct span text, uint8_t out[4])
{
	struct ipv4_part part = {0, 0};
	uint8_t address[4];
	unsigned count = 0;

	if (text.length < IPV4_TEXT_MIN || text.length > IPV4_TEXT_MAX)
		return false;
	for (size_t at = 0; at < text.length; at++) {
		unsigned digit = (unsigned)text.octets[at] - '0';

		if (digit <= 9) {
			if (!ipv4_part_add(&part, digit))
				return false;
			continue;
		}
		if (text.octets[at] != '.' || part.digits == 0 || count == 3)
			return false;
		address[count++] = (uint8_t)part.number;
		part = (struct ipv4_part){0, 0};
	}
	if (part.digits == 0 || count != 3)
		return false;
	address[count] = (uint8_t)part.number;
	memcpy(out, address, sizeof(address));
	return true;
}

// An IPv6 address as far as it has been read: groups before and after the "::".
struct ipv6_reader {
	struct span text;
	size_t at;
	uint8_t octets[16];
	unsigned length;
	int gap; // octets before the "::", or -1 while there was none
};

// One group of one to four hex digits.
static bool ipv6_read_group(struct ipv6_reader *reader)
{
	size_t begin = reader->at;
	unsigned group = 0;
	int digit;

	while (reader->at < reader->text.length
		&& (digit = octet_hex_value(reader->text.octets[reader->at])) >= 0) {
		if (reader->at++ - begin == 4)
			return false;
		group = group << 4 | (unsigned)digit;
	}
	if (reader->at == begin || reader->length > 14)
		return false;
	reader->octets[reader->length++] = (uint8_t)(group >> 8);
	reader->octets[reader->length++] = (uint8_t)group;
	return true;
}

// The dotted quad that may end an address.
static bool ipv6_read_quad(struct ipv6_reader *reader)
{
	struct span rest =
		span_of(reader->text.octets + reader->at, reader->text.length - reader->at);

	if (reader->length > 12 || !ipv4_parse(rest, reader->octets + reader->length))
		return false;
	reader->length += 4;
	reader->at = reader->text.length;
	return true;
}

// A "::", if one stands here; the second one is a fault.
static bool ipv6_read_gap(struct ipv6_reader *reader)
{
	const uint8_t *octets = reader->text.octets + reader->at;
	size_t left = reader->text.length - reader->at;

	if (left < 2 || octets[0] != ':' || octets[1] != ':')
		return true;
	if (reader->gap >= 0)
		return false;
	reader->gap = (int)reader->length;
	reader->at += 2;
	// The grammar of RFC 3261 writes "2001:db8:::192.0.2.1"; RFC 5118 section 4.10 asks to take it. It has one reading.
	if (left > 3 && octets[2] == ':') {
		reader->at++;
		return ipv6_read_quad(reader);
	}
	return true;
}

static bool ipv6_read(struct ipv6_reader *reader)
{
	if (!ipv6_read_gap(reader))
		return false;
	while (reader->at < reader->text.length) {
		int before = reader->gap;

		if (!ipv6_read_quad(reader) && !ipv6_read_group(reader))
			return false;
		if (reader->at == reader->text.length)
			return true;
		if (!ipv6_read_gap(reader))
			return false;
		if (reader->gap != before)
			continue;
		// A single colon divides two groups, so something must follow it.
		if (reader->text.octets[reader->at] != ':' || ++reader->at == reader->text.length)
			return false;
	}
	return true;
}

static bool ipv6_parse(struct span text, uint8_t out[16])
{
	struct ipv6_reader reader = {.text = text, .gap = -1};

	if (!ipv6_read(&reader))
		return false;
	// "::" stands for at least one group of zeroes (RFC 4291 section 2.2).
	if (reader.gap < 0 ? reader.length != 16 : reader.length > 14)
		return false;
	unsigned front = reader.gap < 0 ? 16 : (unsigned)reader.gap;
	unsigned back = reader.length - front;

	memset(out, 0, 16);
	memcpy(out, reader.octets, front);
	memcpy(out + 16 - back, reader.octets + front, back);
	return true;
}

static struct span brackets_strip(struct span text)
{
	if (text.length >= 2 && text.octets[0] == '[' && text.octets[text.length - 1] == ']')
		return span_of(text.octets + 1, text.length - 2);
	return text;
}

bool endpoint_parse_address(struct span text, struct endpoint *endpoint)
{
	struct endpoint parsed = {0};
	struct span inner = brackets_strip(text);

	if (inner.length == text.length && ipv4_parse(text, parsed.address))
		parsed.family = ENDPOINT_V4;
	else if (ipv6_parse(inner, parsed.address))
		parsed.family = ENDPOINT_V6;
	else
		return false;
	*endpoint = parsed;
	return true;
}

bool endpoint_parse(struct span text, struct endpoint *endpoint)
{
	struct endpoint parsed;
	size_t colon = text.length;
	uint64_t port;

	while (colon > 0 && text.octets[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	struct span host = span_of(text.octets, colon - 1);

	if (!endpoint_parse_address(host, &parsed))
		return false;
	// Without brackets nobody can tell the last group of an IPv6 address from a port (RFC 5118 section 4.3).
	if (parsed.family == ENDPOINT_V6 && host.octets[0] != '[')
		return false;
	if (!number_parse(span_of(text.octets + colon, text.length - colon), UINT16_MAX, &port))
		return false;
	parsed.port = (uint16_t)port;
	*endpoint = parsed;
	return true;
}

void endpoint_fold_mapped(struct endpoint *endpoint)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (endpoint->family != ENDPOINT_V6
		|| memcmp(endpoint->address, mapped, sizeof(mapped)) != 0)
		return;
	memcpy(endpoint->address, endpoint->address + 12, 4);
	memset(endpoint->address + 4, 0, 12);
	endpoint->family = ENDPOINT_V4;
}
