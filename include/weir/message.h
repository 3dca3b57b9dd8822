// message.h: a SIP message as the parser sees it (RFC 3261 sections 7 and 25).
//
// The parser copies nothing: a struct message is a table of slices of the datagram. It keeps what routing needs (the start
// line, the headers of enum header, the identifiers of dialog and transaction) and checks the rest for form alone. Ambiguous
// framing is refused, never guessed: two readings of one message are how a proxy and its next hop come to disagree.

#pragma once

#include <weir/span.h>
#include <weir/via.h>

enum method {
	METHOD_OTHER, // an extension method: forwarded like any other
	METHOD_ACK,
	METHOD_BYE,
	METHOD_CANCEL,
	METHOD_INFO,
	METHOD_INVITE,
	METHOD_MESSAGE,
	METHOD_NOTIFY,
	METHOD_OPTIONS,
	METHOD_PRACK,
	METHOD_PUBLISH,
	METHOD_REFER,
	METHOD_REGISTER,
	METHOD_SUBSCRIBE,
	METHOD_UPDATE,
	METHOD_COUNT,
};

// Headers whose lines are kept. All others are HEADER_OTHER and leave no trace but their octets.
enum header {
	HEADER_OTHER,
	HEADER_VIA,
	HEADER_ROUTE,
	HEADER_RECORD_ROUTE,
	HEADER_PATH,
	HEADER_FROM,
	HEADER_TO,
	HEADER_CALL_ID,
	HEADER_CSEQ,
	HEADER_CONTACT,
	HEADER_MAX_FORWARDS,
	HEADER_CONTENT_LENGTH,
	HEADER_EXPIRES,
	HEADER_SUPPORTED,
	HEADER_REQUIRE,
	HEADER_PROXY_REQUIRE,
	HEADER_AUTHORIZATION,
	HEADER_PROXY_AUTHORIZATION,
	HEADER_P_ASSERTED_IDENTITY,
	HEADER_P_PREFERRED_IDENTITY,
	HEADER_P_ASSOCIATED_URI,
	HEADER_SERVICE_ROUTE,
	HEADER_FLOW_TIMER,
	HEADER_MIN_EXPIRES,
	HEADER_RETRY_AFTER,
	HEADER_COUNT,
};

enum {
	MESSAGE_LINES_MAX = 128, // kept header lines of one message; more is MESSAGE_TOO_MANY_LINES
	MESSAGE_LINE_NONE = 0xff,
	MAX_FORWARDS_ABSENT = 0xffff,
	UDP_PAYLOAD_MAX = 65507,
};

// Why a message was refused. Each value is also a counter: see verdict.h.
enum message_fault {
	MESSAGE_OK,
	MESSAGE_KEEPALIVE, // only CR, LF and NUL, or under 20 octets: no SIP
	MESSAGE_STUN, // the two top bits of the first octet are 0 and the magic cookie is there (RFC 5389 section 6)
	MESSAGE_START_LINE, // not a request line or status line; bare LF line ends come out here too
	MESSAGE_VERSION, // SIP, but not 2.0 (RFC 3261 section 21.5.6)
	MESSAGE_HEADER_SYNTAX, // a line that is no header: no colon, space or control octet in the name, no end
	MESSAGE_HEADER_MISSING, // Via, From, To, Call-ID or CSeq (RFC 3261 section 8.1.1)
	MESSAGE_HEADER_REPEATED, // a header that may stand once stands twice: two readings
	MESSAGE_CONTENT_LENGTH, // not one number, or longer than what came (RFC 3261 section 18.3)
	MESSAGE_VIA, // the top Via does not parse
	MESSAGE_ADDRESS, // From, To or a Route value does not parse, or has two tags
	MESSAGE_CSEQ, // no number below 2^31, or another method than the request's
	MESSAGE_MAX_FORWARDS, // not a number from 0 to 255
	MESSAGE_URI, // the request-URI does not parse
	MESSAGE_TOO_MANY_LINES,
	MESSAGE_FAULTS,
};

// One kept header line: 10 octets, so that a burst's worth stays in the second cache.
struct header_line {
	uint16_t offset; // of the first octet of the name
	uint16_t length; // to the end of its CRLF, folded continuations included
	uint16_t value_offset;
	uint16_t value_length; // without white space at both ends; folds inside are left in
	uint8_t header; // enum header
	uint8_t next; // the next line of the same header, or MESSAGE_LINE_NONE
};

// After a fault, what was read before it is still valid and everything else is zero or absent: `answerable` says whether
// that is enough for a response (RFC 3261 section 8.2.6 needs Via, From, To, Call-ID and CSeq).
struct message {
	const uint8_t *octets;
	// Start line, headers and body; octets of a datagram beyond Content-Length are cut off.
	uint16_t length;
	uint16_t body_offset;
	bool request;
	bool answerable;
	uint8_t method; // enum method; of a response, the one in its CSeq
	uint8_t line_count;
	uint16_t status; // of a response
	uint16_t max_forwards; // or MAX_FORWARDS_ABSENT
	uint32_t cseq;
	struct slice method_name;
	struct slice target; // the request-URI
	struct slice call_id;
	struct slice from_uri;
	struct slice from_tag;
	struct slice to_uri;
	struct slice to_tag; // length 0: none
	struct via via; // the top one
	uint8_t first[HEADER_COUNT]; // index into lines, or MESSAGE_LINE_NONE
	struct header_line lines[MESSAGE_LINES_MAX];
};

// Parse one datagram (or one whole message cut from a stream). octets may end at the edge of mapped memory: nothing beyond
// octets + length is read. length is at most 65,535.
[[nodiscard]] enum message_fault message_parse(
	struct message *message, const uint8_t *octets, size_t length);

static inline struct span message_span(const struct message *message, struct slice slice)
{
	return slice_span(message->octets, slice);
}

// The first line of a header, or NULL.
static inline const struct header_line *message_line(
	const struct message *message, enum header header)
{
	uint8_t index = message->first[header];

	return index == MESSAGE_LINE_NONE ? NULL : &message->lines[index];
}

// Walks the comma-separated values of all lines of one header, in order (RFC 3261 section 7.3.1): commas in quoted strings
// and angle brackets do not divide.
struct value_cursor {
	const struct message *message;
	uint8_t line; // of the value last returned, index into message->lines
	uint8_t next_line;
	uint16_t next_offset; // where the next value starts, 0: at the start of next_line
	struct slice value; // the value last returned, trimmed
};
void value_begin(struct value_cursor *cursor, const struct message *message, enum header header);
// True and cursor->value is set while there is one more. An empty value between commas is returned with length 0.
[[nodiscard]] bool value_next(struct value_cursor *cursor);

// True if an option tag (RFC 3261 section 20.32) is listed in any line of the header.
[[nodiscard]] bool message_has_token(
	const struct message *message, enum header header, struct span token);

[[nodiscard]] enum method method_find(struct span name);
// The name in its long form, for writing.
struct span header_name(enum header header);
