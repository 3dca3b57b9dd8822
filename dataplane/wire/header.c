// header.c: names of headers and methods.

#include "header.h"

#include "octet.h"
#include "poison.h"

#include <weir/message.h>

#define ROW(literal) \
	{ \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

static const struct span header_names[HEADER_COUNT] = {
	[HEADER_VIA] = ROW("Via"),
	[HEADER_ROUTE] = ROW("Route"),
	[HEADER_RECORD_ROUTE] = ROW("Record-Route"),
	[HEADER_PATH] = ROW("Path"),
	[HEADER_FROM] = ROW("From"),
	[HEADER_TO] = ROW("To"),
	[HEADER_CALL_ID] = ROW("Call-ID"),
	[HEADER_CSEQ] = ROW("CSeq"),
	[HEADER_CONTACT] = ROW("Contact"),
	[HEADER_MAX_FORWARDS] = ROW("Max-Forwards"),
	[HEADER_CONTENT_LENGTH] = ROW("Content-Length"),
	[HEADER_EXPIRES] = ROW("Expires"),
	[HEADER_SUPPORTED] = ROW("Supported"),
	[HEADER_REQUIRE] = ROW("Require"),
	[HEADER_PROXY_REQUIRE] = ROW("Proxy-Require"),
	[HEADER_AUTHORIZATION] = ROW("Authorization"),
	[HEADER_PROXY_AUTHORIZATION] = ROW("Proxy-Authorization"),
	[HEADER_P_ASSERTED_IDENTITY] = ROW("P-Asserted-Identity"),
	[HEADER_P_PREFERRED_IDENTITY] = ROW("P-Preferred-Identity"),
	[HEADER_P_ASSOCIATED_URI] = ROW("P-Associated-URI"),
	[HEADER_SERVICE_ROUTE] = ROW("Service-Route"),
	[HEADER_FLOW_TIMER] = ROW("Flow-Timer"),
	[HEADER_MIN_EXPIRES] = ROW("Min-Expires"),
	[HEADER_RETRY_AFTER] = ROW("Retry-After"),
};

struct span header_name(enum header header)
{
	return header_names[header];
}

static enum header compact_find(uint8_t letter)
{
	switch (letter) {
	case 'f':
		return HEADER_FROM;
	case 'i':
		return HEADER_CALL_ID;
	case 'k':
		return HEADER_SUPPORTED;
	case 'l':
		return HEADER_CONTENT_LENGTH;
	case 'm':
		return HEADER_CONTACT;
	case 't':
		return HEADER_TO;
	case 'v':
		return HEADER_VIA;
	default:
		return HEADER_OTHER;
	}
}

// Length, first and last letter tell all names apart that we know.
#define KEY(length, first, last) ((uint32_t)(length) << 16 | (uint32_t)(first) << 8 | (last))

static uint32_t name_key(struct span name)
{
	return KEY(name.length & 0xff, octet_lower(name.octets[0]),
		octet_lower(name.octets[name.length - 1]));
}

// The only header that the name can be.
static enum header candidate_find(struct span name)
{
	switch (name_key(name)) {
	case KEY(2, 't', 'o'):
		return HEADER_TO;
	case KEY(3, 'v', 'a'):
		return HEADER_VIA;
	case KEY(4, 'c', 'q'):
		return HEADER_CSEQ;
	case KEY(4, 'f', 'm'):
		return HEADER_FROM;
	case KEY(4, 'p', 'h'):
		return HEADER_PATH;
	case KEY(5, 'r', 'e'):
		return HEADER_ROUTE;
	case KEY(7, 'c', 'd'):
		return HEADER_CALL_ID;
	case KEY(7, 'c', 't'):
		return HEADER_CONTACT;
	case KEY(7, 'e', 's'):
		return HEADER_EXPIRES;
	case KEY(7, 'r', 'e'):
		return HEADER_REQUIRE;
	case KEY(9, 's', 'd'):
		return HEADER_SUPPORTED;
	case KEY(10, 'f', 'r'):
		return HEADER_FLOW_TIMER;
	case KEY(11, 'm', 's'):
		return HEADER_MIN_EXPIRES;
	case KEY(11, 'r', 'r'):
		return HEADER_RETRY_AFTER;
	case KEY(12, 'm', 's'):
		return HEADER_MAX_FORWARDS;
	case KEY(12, 'r', 'e'):
		return HEADER_RECORD_ROUTE;
	case KEY(13, 'a', 'n'):
		return HEADER_AUTHORIZATION;
	case KEY(13, 'p', 'e'):
		return HEADER_PROXY_REQUIRE;
	case KEY(13, 's', 'e'):
		return HEADER_SERVICE_ROUTE;
	case KEY(14, 'c', 'h'):
		return HEADER_CONTENT_LENGTH;
	case KEY(16, 'p', 'i'):
		return HEADER_P_ASSOCIATED_URI;
	case KEY(19, 'p', 'n'):
		return HEADER_PROXY_AUTHORIZATION;
	case KEY(19, 'p', 'y'):
		return HEADER_P_ASSERTED_IDENTITY;
	case KEY(20, 'p', 'y'):
		return HEADER_P_PREFERRED_IDENTITY;
	default:
		return HEADER_OTHER;
	}
}

enum header header_find(struct span name)
{
	if (name.length == 1)
		return compact_find(octet_lower(name.octets[0]));
	if (name.length == 0)
		return HEADER_OTHER;
	enum header header = candidate_find(name);

	// Nearly everybody writes them as the RFC does.
	return span_equal(name, header_names[header])
			|| span_equal_nocase(name, header_names[header])
		? header
		: HEADER_OTHER;
}

bool header_is_single(enum header header)
{
	switch (header) {
	case HEADER_FROM:
	case HEADER_TO:
	case HEADER_CALL_ID:
	case HEADER_CSEQ:
	case HEADER_MAX_FORWARDS:
	case HEADER_CONTENT_LENGTH:
	case HEADER_EXPIRES:
		return true;
	default:
		return false;
	}
}

static const struct span method_names[METHOD_COUNT] = {
	[METHOD_ACK] = ROW("ACK"),
	[METHOD_BYE] = ROW("BYE"),
	[METHOD_CANCEL] = ROW("CANCEL"),
	[METHOD_INFO] = ROW("INFO"),
	[METHOD_INVITE] = ROW("INVITE"),
	[METHOD_MESSAGE] = ROW("MESSAGE"),
	[METHOD_NOTIFY] = ROW("NOTIFY"),
	[METHOD_OPTIONS] = ROW("OPTIONS"),
	[METHOD_PRACK] = ROW("PRACK"),
	[METHOD_PUBLISH] = ROW("PUBLISH"),
	[METHOD_REFER] = ROW("REFER"),
	[METHOD_REGISTER] = ROW("REGISTER"),
	[METHOD_SUBSCRIBE] = ROW("SUBSCRIBE"),
	[METHOD_UPDATE] = ROW("UPDATE"),
};

// RFC 3261 section 7.1: methods are case-sensitive, so "invite" is another method.
enum method method_find(struct span name)
{
	for (unsigned method = METHOD_OTHER + 1; method < METHOD_COUNT; method++)
		if (span_equal(name, method_names[method]))
			return (enum method)method;
	return METHOD_OTHER;
}
