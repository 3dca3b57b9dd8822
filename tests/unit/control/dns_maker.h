// dns_maker.h: a name server's answers (RFC 1035 section 4), octet for octet.

#pragma once

#include "targets/dns_answer.h"

#include <assert.h>
#include <string.h>

enum {
	MADE_OCTETS_MAX = 16384,
	DNS_CNAME = ns_t_cname,
};

// A record of a zone; which members count is the type's affair.
struct zone_record {
	const char *owner;
	int type;
	uint32_t ttl_s;
	const char *name; // SRV host, NAPTR replacement, CNAME
	uint16_t priority, weight, port; // SRV; NAPTR: order and preference
	const char *flags, *service, *expression; // NAPTR
	uint8_t address[16];
};

struct made_answer {
	uint8_t octets[MADE_OCTETS_MAX];
	size_t length;
	uint16_t records;
};

static inline void made_number(struct made_answer *made, uint64_t number, size_t size)
{
	assert(made->length + size <= sizeof(made->octets));
	for (size_t i = 0; i < size; i++)
		made->octets[made->length++] = (uint8_t)(number >> 8 * (size - 1 - i));
}

static inline void made_octets(struct made_answer *made, const void *octets, size_t length)
{
	assert(made->length + length <= sizeof(made->octets));
	memcpy(made->octets + made->length, octets, length);
	made->length += length;
}

static inline void made_string(struct made_answer *made, const char *text)
{
	made_number(made, strlen(text), 1);
	made_octets(made, text, strlen(text));
}

// "a.test"; "" is the root.
static inline void made_name(struct made_answer *made, const char *name)
{
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		made_number(made, label, 1);
		made_octets(made, name, label);
		name += label + (name[label] == '.');
	}
	made_number(made, 0, 1);
}

static inline void made_begin(struct made_answer *made, const char *name, int type)
{
	made->length = 0;
	made->records = 0;
	made_number(made, 0x00018180, 4); // id 1; a response, recursion desired and there
	made_number(made, 1, 2);
	made_number(made, 0, 6);
	made_name(made, name);
	made_number(made, (uint64_t)type << 16 | ns_c_in, 4);
}

// The data of a record, its length in front, as a raw one.
static inline void made_raw(
	struct made_answer *made, int type, uint32_t ttl_s, const void *data, size_t length)
{
	made_number(made, 0xc00c, 2); // the name of the question
	made_number(made, (uint64_t)type << 16 | ns_c_in, 4);
	made_number(made, ttl_s, 4);
	made_number(made, length, 2);
	made_octets(made, data, length);
	made->octets[7] = (uint8_t)++made->records;
	made->octets[6] = (uint8_t)(made->records >> 8);
}

static inline void made_record(struct made_answer *made, const struct zone_record *record)
{
	struct made_answer data = {.length = 0};

	if (record->type == DNS_SRV || record->type == DNS_NAPTR) {
		made_number(&data, record->priority, 2);
		made_number(&data, record->weight, 2);
	}
	if (record->type == DNS_SRV)
		made_number(&data, record->port, 2);
	if (record->type == DNS_NAPTR) {
		made_string(&data, record->flags != NULL ? record->flags : "s");
		made_string(&data, record->service);
		made_string(&data, record->expression != NULL ? record->expression : "");
	}
	if (record->type == DNS_A || record->type == DNS_AAAA)
		made_octets(&data, record->address, record->type == DNS_A ? 4 : 16);
	else
		made_name(&data, record->name);
	made_raw(made, record->type, record->ttl_s, data.octets, data.length);
}
