#include "dns_answer.h"

#include <weir/side.h>

#include <resolv.h>

enum {
	SRV_FIXED = 6,
	NAPTR_FIXED = 4,
};

bool dns_answer_begin(struct dns_answer *answer, struct span octets, enum dns_type type)
{
	answer->type = type;
	answer->next = 0;
	answer->alias_ttl_s = UINT32_MAX;
	return octets.length > 0 && octets.length <= UINT16_MAX
		&& ns_initparse(octets.octets, (int)octets.length, &answer->message) == 0;
}

static bool is_host_octet(char octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z')
		|| (octet >= '0' && octet <= '9') || octet == '-' || octet == '_' || octet == '.';
}

// A name that can be asked for in turn; empty for the root. False: it is none, or runs out of its record.
static bool name_read(
	const struct dns_answer *answer, const uint8_t *at, const uint8_t *end, char *name)
{
	char text[NS_MAXDNAME];
	int length = ns_name_uncompress(
		ns_msg_base(answer->message), ns_msg_end(answer->message), at, text, sizeof(text));

	if (length < 0 || at + length != end || strlen(text) > DNS_NAME_MAX)
		return false;
	for (const char *octet = text; *octet != '\0'; octet++)
		if (!is_host_octet(*octet))
			return false;
	strcpy(name, strcmp(text, ".") == 0 ? "" : text);
	return true;
}

static bool address_read(const ns_rr *rr, struct endpoint *address)
{
	bool v4 = ns_rr_type(*rr) == ns_t_a;

	if (ns_rr_rdlen(*rr) != (v4 ? 4 : 16))
		return false;
	*address = (struct endpoint){.family = v4 ? ENDPOINT_V4 : ENDPOINT_V6};
	memcpy(address->address, ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
	return true;
}

static bool srv_read(const struct dns_answer *answer, const ns_rr *rr, struct dns_srv *srv)
{
	const uint8_t *at = ns_rr_rdata(*rr);
	const uint8_t *end = at + ns_rr_rdlen(*rr);

	if (ns_rr_rdlen(*rr) <= SRV_FIXED || !name_read(answer, at + SRV_FIXED, end, srv->host))
		return false;
	srv->priority = (uint16_t)ns_get16(at);
	srv->weight = (uint16_t)ns_get16(at + 2);
	srv->port = (uint16_t)ns_get16(at + 4);
	return srv->port != 0 || srv->host[0] == '\0';
}

// A character string of RFC 1035 section 3.3: its length in one octet, then itself.
static bool string_read(const uint8_t **at, const uint8_t *end, struct span *string)
{
	if (*at == end || **at > end - *at - 1)
		return false;
	*string = span_of(*at + 1, **at);
	*at += 1 + string->length;
	return true;
}

static uint8_t service_transport(struct span service)
{
	if (span_equal_nocase(service, SPAN("SIP+D2U")))
		return TRANSPORT_UDP;
	if (span_equal_nocase(service, SPAN("SIP+D2T")))
		return TRANSPORT_TCP;
	return span_equal_nocase(service, SPAN("SIPS+D2T")) ? TRANSPORT_TLS : TRANSPORT_NONE;
}

// RFC 3263 section 4.1: the records that matter here have the flag "s", no regular expression, and lead to SRV records.
static bool naptr_read(const struct dns_answer *answer, const ns_rr *rr, struct dns_naptr *naptr)
{
	const uint8_t *at = ns_rr_rdata(*rr);
	const uint8_t *end = at + ns_rr_rdlen(*rr);
	struct span flags, service, expression;

	if (ns_rr_rdlen(*rr) < NAPTR_FIXED)
		return false;
	naptr->order = (uint16_t)ns_get16(at);
	naptr->preference = (uint16_t)ns_get16(at + 2);
	at += NAPTR_FIXED;
	if (!string_read(&at, end, &flags) || !string_read(&at, end, &service)
		|| !string_read(&at, end, &expression)
		|| !name_read(answer, at, end, naptr->replacement))
		return false;
	naptr->transport = service_transport(service);
	return naptr->transport != TRANSPORT_NONE && span_equal_nocase(flags, SPAN("s"))
		&& expression.length == 0 && naptr->replacement[0] != '\0';
}

// RFC 2181 section 8: the highest bit set means zero.
static uint32_t ttl_of(const ns_rr *rr)
{
	return ns_rr_ttl(*rr) > INT32_MAX ? 0 : ns_rr_ttl(*rr);
}

static bool record_read(const struct dns_answer *answer, const ns_rr *rr, struct dns_record *record)
{
	struct dns_record read = {.ttl_s = ttl_of(rr)};
	bool fits = answer->type == DNS_SRV ? srv_read(answer, rr, &read.srv)
		: answer->type == DNS_NAPTR ? naptr_read(answer, rr, &read.naptr)
					    : address_read(rr, &read.address);

	if (fits)
		*record = read;
	return fits;
}

bool dns_answer_next(struct dns_answer *answer, struct dns_record *record)
{
	ns_rr rr;

	while (answer->next < ns_msg_count(answer->message, ns_s_an)) {
		if (ns_parserr(&answer->message, ns_s_an, answer->next++, &rr) != 0)
			continue;
		if (ns_rr_class(rr) != ns_c_in)
			continue;
		if (ns_rr_type(rr) == ns_t_cname && ttl_of(&rr) < answer->alias_ttl_s)
			answer->alias_ttl_s = ttl_of(&rr);
		if (ns_rr_type(rr) == (ns_type)answer->type && record_read(answer, &rr, record))
			return true;
	}
	return false;
}
