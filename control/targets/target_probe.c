#include "target_probe.h"

#include <weir/side.h>

#include <inttypes.h>
#include <stdio.h>

static const char BRANCH_PREFIX[] = "z9hG4bKcp";

enum {
	ID_DIGITS = 16,
};

// RFC 3261 section 20.42: the sent-protocol of a Via.
static const char *protocol_of(uint8_t transport)
{
	return transport == TRANSPORT_TLS ? "TLS" : transport == TRANSPORT_TCP ? "TCP" : "UDP";
}

size_t probe_write(uint8_t *out, uint8_t transport, struct span sent_by, const struct endpoint *to,
	uint64_t id, uint32_t number)
{
	uint8_t host[ENDPOINT_TEXT_MAX];
	size_t host_length = endpoint_format(to, host);
	int length = snprintf((char *)out, PROBE_OCTETS_MAX,
		"OPTIONS sip:%.*s SIP/2.0\r\n"
		"Via: SIP/2.0/%s %.*s;rport;branch=%s%016" PRIx64 "\r\n"
		"Max-Forwards: 0\r\n" // for the next hop itself (RFC 3261 section 11)
		"From: <sip:%.*s>;tag=%08" PRIx64 "\r\n"
		"To: <sip:%.*s>\r\n"
		"Call-ID: %016" PRIx64 "\r\n"
		"CSeq: %" PRIu32 " OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		(int)host_length, host, protocol_of(transport), (int)sent_by.length, sent_by.octets,
		BRANCH_PREFIX, id, (int)sent_by.length, sent_by.octets, id & UINT32_MAX,
		(int)host_length, host, id, number);

	return length > 0 && length < PROBE_OCTETS_MAX ? (size_t)length : 0;
}

static bool digit_read(uint8_t octet, uint64_t *id)
{
	unsigned digit = (unsigned)(octet >= '0' && octet <= '9' ? octet - '0' : octet - 'a' + 10);

	if (digit > 15)
		return false;
	*id = *id << 4 | digit;
	return true;
}

uint64_t probe_read(const struct message *response)
{
	struct span branch = message_span(response, response->via.branch);
	const size_t prefix = sizeof(BRANCH_PREFIX) - 1;
	uint64_t id = 0;

	if (branch.length != prefix + ID_DIGITS
		|| memcmp(branch.octets, BRANCH_PREFIX, prefix) != 0)
		return 0;
	for (size_t i = prefix; i < branch.length; i++)
		if (!digit_read(branch.octets[i], &id))
			return 0;
	return id;
}
