// directory_maker.h: builds a directory out of records, as control sends them.

#pragma once

#include "directory.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct directory_builder *builder;
static struct directory *directory;

static inline void setup(void)
{
	builder = directory_builder_new();
	cr_assert(ne(ptr, builder, NULL));
}

static inline void teardown(void)
{
	directory_builder_free(builder);
	directory_free(directory);
}

static inline struct span text(const char *octets)
{
	return span_of(octets, strlen(octets));
}

static inline int add(uint16_t type, const void *record, size_t length)
{
	return directory_builder_add(builder, type, span_of(record, length));
}

static inline void finish(void)
{
	struct link_settings settings = {.edge = 1, .moved_per_s = 20};

	cr_assert(eq(int, add(LINK_SETTINGS, &settings, sizeof(settings)), 0));
	directory = directory_builder_finish(builder);
	builder = NULL;
	cr_assert(ne(ptr, directory, NULL));
}

static inline struct endpoint v4(uint8_t last, uint16_t port)
{
	return (struct endpoint){.address = {192, 0, 2, last}, .port = port, .family = ENDPOINT_V4};
}

static inline struct endpoint v6(uint8_t last, uint16_t port)
{
	return (struct endpoint){
		.address = {0x20, 1, 0x0d, 0xb8, [15] = last}, .port = port, .family = ENDPOINT_V6};
}

static inline struct link_name name_of(uint8_t edge, const char *host, uint16_t port)
{
	struct link_name name = {.edge = edge, .port = port, .host_length = (uint8_t)strlen(host)};

	memcpy(name.host, host, strlen(host));
	return name;
}

static inline int add_name(uint8_t edge, const char *host, uint16_t port)
{
	struct link_name name = name_of(edge, host, port);

	return add(LINK_NAME, &name, sizeof(name));
}

static inline struct link_directory_listener listener_of(uint8_t id, enum side side,
	struct endpoint address, const char *written, const char *sent_by)
{
	struct link_directory_listener listener = {
		.listener = {.id = id,
			.side = (uint8_t)side,
			.transport = TRANSPORT_UDP,
			.address = address},
		.written_length = (uint8_t)strlen(written),
		.sent_by_length = (uint8_t)strlen(sent_by),
	};

	memcpy(listener.written, written, strlen(written));
	memcpy(listener.sent_by, sent_by, strlen(sent_by));
	return listener;
}

static inline int add_listener(uint8_t id, enum side side, struct endpoint address,
	const char *written, const char *sent_by)
{
	struct link_directory_listener listener = listener_of(id, side, address, written, sent_by);

	return add(LINK_DIRECTORY_LISTENER, &listener, sizeof(listener));
}

static inline struct link_peer peer_of(uint8_t edge, const char *name, struct endpoint relay)
{
	struct link_peer peer = {
		.edge = edge, .name_length = (uint8_t)strlen(name), .relay = relay};

	memcpy(peer.name, name, strlen(name));
	return peer;
}

struct target_words {
	const char *host;
	uint16_t port;
	struct endpoint endpoint;
	bool sick;
	bool unbalanced;
	uint32_t identity;
};

static inline struct link_target target_of(struct target_words words)
{
	struct link_target target = {
		.endpoint = words.endpoint,
		.port = words.port,
		.transport = TRANSPORT_UDP,
		.healthy = !words.sick,
		.balanced = !words.unbalanced,
		.host_length = (uint8_t)strlen(words.host),
		.identity = words.identity,
	};

	memcpy(target.host, words.host, strlen(words.host));
	return target;
}

static inline int add_target(struct target_words words)
{
	struct link_target target = target_of(words);

	return add(LINK_TARGET, &target, sizeof(target));
}

static inline int add_prefix(enum link_prefix_list list, uint8_t listener, struct prefix prefix)
{
	struct link_prefix record = {.list = (uint8_t)list, .listener = listener, .prefix = prefix};

	return add(LINK_PREFIX, &record, sizeof(record));
}
