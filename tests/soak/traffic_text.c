// traffic_text.c: messages.

#include "traffic.h"

#include <stdio.h>
#include <string.h>

enum {
	PEER_TEXT = 32,
	TEXT_MAX = 65000,
	BINDING_OCTETS = 20,
	EXPIRES_S = 120, // of a registration
};

int text_peer(char *out, size_t capacity, const struct phone *phone)
{
	const uint8_t *octets = phone->peer.address;

	return snprintf(out, capacity, "%u.%u.%u.%u:%u", octets[0], octets[1], octets[2], octets[3],
		phone->peer.port);
}

static void text_user(char *out, size_t capacity, const struct phone *phone)
{
	snprintf(out, capacity, "u%u-%u", phone->peer.address[1] << 8 | phone->peer.address[2],
		phone->life);
}

static size_t request_write(char *out, const struct phone *phone, uint64_t number,
	const char *method, const char *target, const char *more)
{
	char peer[PEER_TEXT], user[PEER_TEXT];

	text_peer(peer, sizeof(peer), phone);
	text_user(user, sizeof(user), phone);
	return (size_t)sprintf(out,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%llx;rport\r\nMax-Forwards: "
		"70\r\n"
		"From: <sip:%s@example.net>;tag=%llx\r\nTo: <sip:%s@example.net>\r\nCall-ID: "
		"%llx@soak\r\n"
		"CSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, target, peer, (unsigned long long)number, user, (unsigned long long)number,
		strcmp(method, "REGISTER") == 0 ? user : "bob", (unsigned long long)number, method,
		more);
}

size_t text_register(char *out, const struct phone *phone, uint64_t number)
{
	char peer[PEER_TEXT], more[256];

	text_peer(peer, sizeof(peer), phone);
	snprintf(more, sizeof(more),
		"Contact: <sip:x@%s>;reg-id=1;+sip.instance=\"<urn:uuid:%s>\"\r\nSupported: path, "
		"outbound\r\n",
		peer, peer);
	return request_write(out, phone, number, "REGISTER", "sip:example.net", more);
}

size_t text_invite(char *out, const struct phone *phone, uint64_t number)
{
	char peer[PEER_TEXT], more[128];

	text_peer(peer, sizeof(peer), phone);
	snprintf(more, sizeof(more), "Contact: <sip:x@%s;ob>\r\nSupported: outbound\r\n", peer);
	return request_write(out, phone, number, "INVITE", "sip:bob@example.net", more);
}

size_t text_options(char *out, const struct phone *phone, uint64_t number)
{
	return request_write(out, phone, number, "OPTIONS", "sip:edge1.example.net", "");
}

// From the core, by the route that the call was given.
size_t text_bye(char *out, const struct phone *phone, uint64_t number)
{
	char peer[PEER_TEXT], user[PEER_TEXT];

	text_peer(peer, sizeof(peer), phone);
	text_user(user, sizeof(user), phone);
	return (size_t)sprintf(out,
		"BYE sip:x@%s;ob SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK%llx\r\n"
		"Max-Forwards: 70\r\nRoute: %.*s\r\nFrom: <sip:bob@example.net>;tag=b\r\n"
		"To: <sip:%s@example.net>;tag=%llx\r\nCall-ID: %llx@soak\r\nCSeq: 2 BYE\r\n"
		"Content-Length: 0\r\n\r\n",
		peer, (unsigned long long)number, (int)phone->route_length, phone->route, user,
		phone->call, phone->call);
}

// RFC 8489 section 5: a Binding request without attributes.
size_t text_binding(char *out, struct random *random)
{
	memcpy(out, "\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
	random_fill(random, out + 8, BINDING_OCTETS - 8);
	return BINDING_OCTETS;
}

static bool line_is(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0;
}

// What an answer takes over from its request (RFC 3261 sections 8.2.6.2 and 12.1.1).
static bool line_is_copied(const char *line)
{
	static const char *const names[] = {
		"Via:", "Record-Route:", "Path:", "From:", "Call-ID:", "CSeq:", "Contact:"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (line_is(line, names[i]))
			return true;
	return false;
}

// Its octets end in NUL.
static bool is_request(const char *text)
{
	return strncmp(text, "SIP/2.0 ", 8) != 0
		&& memmem(text, strcspn(text, "\r"), " SIP/2.0", 8) != NULL;
}

size_t text_answer(char *out, const char *request, size_t length)
{
	const char *at = request, *end = request + length, *next;
	size_t written = 0;

	if (!is_request(request) || length > TEXT_MAX || strncmp(request, "ACK ", 4) == 0)
		return 0;
	written = (size_t)sprintf(out, "SIP/2.0 200 OK\r\n");
	while ((next = memmem(at, (size_t)(end - at), "\r\n", 2)) != NULL && next > at) {
		size_t taken = (size_t)(next - at);

		if (line_is_copied(at) || line_is(at, "To:")) {
			memcpy(out + written, at, taken);
			written += taken;
			if (line_is(at, "To:") && memmem(at, taken, ";tag=", 5) == NULL)
				written += (size_t)sprintf(out + written, ";tag=b");
			written += (size_t)sprintf(out + written, "\r\n");
		}
		at = next + 2;
	}
	return written
		+ (size_t)sprintf(
			out + written, "Expires: %u\r\nContent-Length: 0\r\n\r\n", EXPIRES_S);
}

bool text_call(unsigned long long *call, const char *request, size_t length)
{
	static const char name[] = "\r\nCall-ID: ";
	const char *at = length == 0 ? NULL : memmem(request, length, name, sizeof(name) - 1);

	return at != NULL && sscanf(at + sizeof(name) - 1, "%llx@soak", call) == 1;
}

size_t text_route(char out[ROUTE_MAX], const char *request, size_t length)
{
	static const char name[] = "\r\nRecord-Route: ";
	const char *at = request, *end = request + length;
	size_t written = 0;

	while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1)) != NULL) {
		at += sizeof(name) - 1;
		const char *after = memmem(at, (size_t)(end - at), "\r\n", 2);

		if (after == NULL || written + (size_t)(after - at) + 2 >= ROUTE_MAX)
			return 0;
		written += (size_t)sprintf(
			out + written, "%s%.*s", written > 0 ? ", " : "", (int)(after - at), at);
		at = after;
	}
	return written;
}

size_t text_spoil(char *text, size_t length, size_t capacity, struct random *random)
{
	unsigned changes = 1 + random_below(random, 4);

	for (unsigned i = 0; i < changes && length > 1; i++) {
		size_t at = random_below(random, (unsigned)length);

		switch (random_below(random, 4)) {
		case 0:
			text[at] ^= (char)(1 << random_below(random, 8));
			break;
		case 1:
			text[at] = (char)random_next(random);
			break;
		case 2:
			length = at + 1;
			break;
		default:
			if (2 * length - at <= capacity) {
				memmove(text + length, text + at, length - at);
				length += length - at;
			}
			break;
		}
	}
	return length;
}
