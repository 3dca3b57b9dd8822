#include "name_set.h"

#include <errno.h>
#include <stdlib.h>

// FNV-1a. The names come from the configuration, so nobody outside can choose what collides.
static uint32_t name_hash(struct span host, uint16_t port)
{
	uint32_t hash = 2166136261u ^ port;

	for (size_t i = 0; i < host.length; i++)
		hash = (hash ^ octet_lower(host.octets[i])) * 16777619u;
	return hash ^ hash >> 15;
}

struct span name_set_unwrap(struct span host)
{
	if (host.length >= 2 && host.octets[0] == '[' && host.octets[host.length - 1] == ']')
		return span_of(host.octets + 1, host.length - 2);
	return host;
}

static struct span entry_host(const struct name_entry *entry)
{
	return span_of(entry->host, entry->host_length);
}

int name_set_add(struct name_set *set, struct span host, uint16_t port, uint32_t value)
{
	if (set->count == set->room) {
		uint32_t room = set->room == 0 ? 16 : set->room * 2;
		struct name_entry *entries =
			reallocarray(set->entries, room, sizeof(*set->entries));
		if (entries == NULL)
			return -ENOMEM;
		set->entries = entries;
		set->room = room;
	}
	struct name_entry *entry = &set->entries[set->count++];
	*entry = (struct name_entry){
		.value = value, .port = port, .host_length = (uint8_t)host.length};
	memcpy(entry->host, host.octets, host.length);
	return 0;
}

// The bucket that holds the name, or the free one where it would go. At most half of the buckets are taken, so there is one.
static uint32_t *bucket_find(const struct name_set *set, struct span host, uint16_t port)
{
	for (uint32_t at = name_hash(host, port);; at++) {
		uint32_t *bucket = &set->buckets[at & set->mask];
		if (*bucket == 0)
			return bucket;
		const struct name_entry *entry = &set->entries[*bucket - 1];
		if (entry->port == port && span_equal_nocase(entry_host(entry), host))
			return bucket;
	}
}

int name_set_index(struct name_set *set)
{
	uint32_t buckets = 2;

	while (buckets < set->count * 2)
		buckets *= 2;
	set->buckets = calloc(buckets, sizeof(*set->buckets));
	if (set->buckets == NULL)
		return -ENOMEM;
	set->mask = buckets - 1;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct name_entry *entry = &set->entries[i];
		uint32_t *bucket = bucket_find(set, entry_host(entry), entry->port);
		if (*bucket == 0)
			*bucket = i + 1;
	}
	return 0;
}

const struct name_entry *name_set_find(const struct name_set *set, struct span host, uint16_t port)
{
	if (set->buckets == NULL)
		return NULL;
	uint32_t number = *bucket_find(set, name_set_unwrap(host), port);

	return number == 0 ? NULL : &set->entries[number - 1];
}

void name_set_fini(struct name_set *set)
{
	free(set->entries);
	free(set->buckets);
	*set = (struct name_set){0};
}
