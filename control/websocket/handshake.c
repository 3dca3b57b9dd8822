#include "handshake.h"

#include <weir/uri.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdio.h>

enum {
	KEY_TEXT = 24, // of 16 octets in base64 (RFC 6455 section 4.1)
	ACCEPT_TEXT = 28, // of a SHA-1
	FIELDS_MAX = 64,
};

// What the request's fields say.
struct fields {
	unsigned count;
	bool has_host;
	bool repeated; // one that may stand once stood twice
	bool upgrade; // Upgrade: websocket
	bool connection; // Connection: Upgrade
	bool version; // Sec-WebSocket-Version: 13
	bool has_version;
	bool sip; // Sec-WebSocket-Protocol: sip
	bool has_origin;
	struct span key;
	struct span origin;
};

static const uint8_t guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3

static enum handshake_result answer_refuse(
	struct handshake *handshake, const char *status, const char *field)
{
	handshake->answer_length = (size_t)snprintf(handshake->answer, sizeof(handshake->answer),
		"HTTP/1.1 %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status, field);
	return HANDSHAKE_REFUSED;
}

// RFC 6455 section 4.2.2, step 5.
static enum handshake_result answer_accept(struct handshake *handshake, struct span key)
{
	uint8_t text[KEY_TEXT + sizeof(guid) - 1];
	uint8_t digest[SHA_DIGEST_LENGTH];
	unsigned char accept[ACCEPT_TEXT + 1];

	memcpy(text, key.octets, KEY_TEXT);
	memcpy(text + KEY_TEXT, guid, sizeof(guid) - 1);
	if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha1(), NULL) != 1)
		return answer_refuse(handshake, "500 Internal Server Error", "");
	EVP_EncodeBlock(accept, digest, sizeof(digest));
	handshake->answer_length = (size_t)snprintf(handshake->answer, sizeof(handshake->answer),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
		accept);
	return HANDSHAKE_ACCEPTED;
}

static struct span trim(struct span text)
{
	while (text.length > 0 && (text.octets[0] == ' ' || text.octets[0] == '\t'))
		text = span_of(text.octets + 1, text.length - 1);
	while (text.length > 0
		&& (text.octets[text.length - 1] == ' ' || text.octets[text.length - 1] == '\t'))
		text.length--;
	return text;
}

// Takes what stands before the first `mark`, or all of it, off the front of text.
static struct span cut(struct span *text, uint8_t mark)
{
	const uint8_t *at = text->length == 0 ? NULL : memchr(text->octets, mark, text->length);
	size_t length = at == NULL ? text->length : (size_t)(at - text->octets);
	struct span front = span_of(text->octets, length);
	size_t taken = at == NULL ? length : length + 1;

	*text = span_of(text->octets + taken, text->length - taken);
	return front;
}

static bool list_holds(struct span list, struct span word, bool nocase)
{
	while (list.length > 0) {
		struct span item = trim(cut(&list, ','));

		if (nocase ? span_equal_nocase(item, word) : span_equal(item, word))
			return true;
	}
	return false;
}

// 22 letters of base64 and "==".
static bool key_is_valid(struct span key)
{
	if (key.length != KEY_TEXT || key.octets[KEY_TEXT - 1] != '='
		|| key.octets[KEY_TEXT - 2] != '=')
		return false;
	for (size_t i = 0; i < KEY_TEXT - 2; i++) {
		uint8_t octet = key.octets[i];
		uint8_t lower = octet_lower(octet);

		if (!(lower >= 'a' && lower <= 'z') && !(octet >= '0' && octet <= '9')
			&& octet != '+' && octet != '/')
			return false;
	}
	return true;
}

static void field_take(struct fields *fields, struct span name, struct span value)
{
	if (span_equal_nocase(name, SPAN("Host"))) {
		fields->repeated |= fields->has_host;
		fields->has_host = true;
	} else if (span_equal_nocase(name, SPAN("Upgrade"))) {
		fields->upgrade |= list_holds(value, SPAN("websocket"), true);
	} else if (span_equal_nocase(name, SPAN("Connection"))) {
		fields->connection |= list_holds(value, SPAN("Upgrade"), true);
	} else if (span_equal_nocase(name, SPAN("Sec-WebSocket-Version"))) {
		fields->repeated |= fields->has_version;
		fields->has_version = true;
		fields->version = span_equal(value, SPAN("13"));
	} else if (span_equal_nocase(name, SPAN("Sec-WebSocket-Protocol"))) {
		fields->sip |= list_holds(value, SPAN("sip"), false);
	} else if (span_equal_nocase(name, SPAN("Sec-WebSocket-Key"))) {
		fields->repeated |= fields->key.length > 0;
		fields->key = value;
	} else if (span_equal_nocase(name, SPAN("Origin"))) {
		fields->repeated |= fields->has_origin;
		fields->has_origin = true;
		fields->origin = value;
	}
}

// The lines behind the first one. False: one is no field.
static bool fields_read(struct span lines, struct fields *fields)
{
	while (lines.length > 0) {
		struct span line = cut(&lines, '\n');

		if (line.length == 0 || line.octets[line.length - 1] != '\r'
			|| ++fields->count > FIELDS_MAX)
			return false;
		line.length--;
		size_t whole = line.length;
		struct span name = cut(&line, ':');

		// White space before the colon, and folds, are how one request becomes two (RFC 9112 section 5.1).
		if (name.length == 0 || name.length == whole
			|| memchr(name.octets, ' ', name.length) != NULL
			|| memchr(name.octets, '\t', name.length) != NULL)
			return false;
		field_take(fields, name, trim(line));
	}
	return true;
}

// "GET /anything HTTP/1.1".
static bool request_line_is_get(struct span line)
{
	struct span method = cut(&line, ' ');
	struct span target = cut(&line, ' ');

	return span_equal(method, SPAN("GET")) && target.length > 0 && target.octets[0] == '/'
		&& span_equal(line, SPAN("HTTP/1.1\r"));
}

// An origin has no path (RFC 6454 section 6.2); an operator's may end in the slash that address bars show.
static bool origin_is_welcome(const struct handshake_origins *origins, const struct fields *fields)
{
	if (origins->count == 0 || !fields->has_origin)
		return true;
	for (size_t i = 0; i < origins->count; i++) {
		struct span item = origins->items[i];

		if (item.length > 0 && item.octets[item.length - 1] == '/')
			item.length--;
		if (span_equal_nocase(item, fields->origin))
			return true;
	}
	return false;
}

static enum handshake_result request_judge(
	struct span request, const struct handshake_origins *origins, struct handshake *handshake)
{
	struct fields fields = {.count = 0};

	if (!request_line_is_get(cut(&request, '\n')) || !fields_read(request, &fields)
		|| fields.repeated || !fields.has_host)
		return answer_refuse(handshake, "400 Bad Request", "");
	if (!fields.upgrade || !fields.connection)
		return answer_refuse(handshake, "426 Upgrade Required",
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
	if (!fields.version)
		return answer_refuse(
			handshake, "426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n");
	if (!origin_is_welcome(origins, &fields))
		return answer_refuse(handshake, "403 Forbidden", "");
	// RFC 7118 section 4.1: a server that speaks SIP alone has nothing to say to others.
	if (!key_is_valid(fields.key) || !fields.sip)
		return answer_refuse(handshake, "400 Bad Request", "");
	return answer_accept(handshake, fields.key);
}

enum handshake_result handshake_read(
	struct span octets, const struct handshake_origins *origins, struct handshake *handshake)
{
	const uint8_t *end =
		octets.length == 0 ? NULL : memmem(octets.octets, octets.length, "\r\n\r\n", 4);
	size_t length = end == NULL ? octets.length : (size_t)(end - octets.octets) + 4;

	if (end == NULL && length < HANDSHAKE_REQUEST_MAX)
		return HANDSHAKE_MORE;
	*handshake = (struct handshake){.length = length};
	if (end == NULL || length > HANDSHAKE_REQUEST_MAX)
		return answer_refuse(handshake, "431 Request Header Fields Too Large", "");
	return request_judge(span_of(octets.octets, length - 2), origins, handshake);
}
