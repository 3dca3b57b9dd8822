// fake_control.c: weir-control's side of the rings.

#include "fake_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static void check(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "fake control: %s: %s\n", what, strerror(-error));
	abort();
}

static void pause_ms(unsigned ms)
{
	usleep(ms * 1000);
}

struct endpoint fake_endpoint(const char *text)
{
	struct endpoint endpoint;

	if (!endpoint_parse(span_of(text, strlen(text)), &endpoint))
		check(-EINVAL, text);
	return endpoint;
}

void fake_attach(struct fake_control *fake, int memfd, int wakeup, int keeper, int worker)
{
	uint32_t abi;

	*fake = (struct fake_control){.wakeup = wakeup, .keeper = keeper, .worker = worker};
	check(region_map(&fake->region, memfd, &abi), "region");
	region_attach_table(&fake->region, &fake->table);
	region_attach_events(&fake->region, &fake->events);
	region_attach_up(&fake->region, 0, 0, &fake->up);
	region_attach_down(&fake->region, 0, 0, &fake->down);
	if (fake->region.streams == 0)
		return;
	region_attach_up(&fake->region, 1, 0, &fake->stream_up);
	region_attach_down(&fake->region, 1, 0, &fake->stream_down);
}

void fake_detach(struct fake_control *fake)
{
	region_unmap(&fake->region);
}

uint64_t fake_record(struct fake_control *fake, uint16_t type, const void *record, size_t length)
{
	int error;

	while ((error = ring_write(
			&fake->table, type, 0, span_of(record, length), span_of(NULL, 0)))
		== -EAGAIN)
		pause_ms(1);
	check(error, "table ring");
	if (ring_needs_signal(&fake->table))
		(void)eventfd_write(fake->keeper, 1);
	return ++fake->sequence;
}

void fake_await_applied(struct fake_control *fake, uint64_t sequence)
{
	for (unsigned i = 0; i < 5000; i++) {
		if (atomic_load(&fake->region.shared->applied) >= sequence)
			return;
		pause_ms(1);
	}
	check(-ETIMEDOUT, "applied");
}

bool fake_await_event(
	struct fake_control *fake, uint16_t type, void *event, size_t length, unsigned limit_ms)
{
	for (unsigned i = 0; i < limit_ms; i++) {
		struct record_header header;
		uint8_t octets[256];
		int64_t got = ring_read(&fake->events, &header, octets, sizeof(octets));

		if (got == -EAGAIN) {
			pause_ms(1);
		} else if (got < 0) {
			check((int)got, "event ring");
		} else if (header.type == type) {
			check((size_t)got == length ? 0 : -EBADMSG, "event length");
			memcpy(event, octets, length);
			return true;
		}
	}
	return false;
}

static void keys_of(struct key_material *material, uint32_t rotate_s)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = "token secret of the fake control";
	uint64_t epoch = (uint64_t)time(NULL) / rotate_s;

	memset(material, 0, sizeof(*material));
	material->first_epoch = epoch - KEYRING_PAST;
	material->rotate_every_s = rotate_s;
	material->held = 1;
	check(key_material_derive(material, 0, secret, SPAN("fake"), rotate_s, epoch), "keys");
}

struct keyring *fake_keyring(uint32_t rotate_s, uint64_t late)
{
	struct key_material material;
	struct keyring *keys;

	keys_of(&material, rotate_s);
	keys = keyring_new(&material, (uint64_t)time(NULL) / rotate_s - late);
	check(keys == NULL ? -ENOMEM : 0, "keyring");
	return keys;
}

void fake_teach_keys(struct fake_control *fake, uint32_t rotate_s)
{
	static const uint8_t secret[INDEX_SECRET_OCTETS] = "index secret of the fake control";
	struct key_material material;
	struct hash_keys hashes;

	keys_of(&material, rotate_s);
	fake_record(fake, LINK_KEYS, &material, sizeof(material));
	check(hash_keys_derive(&hashes, secret, SPAN("fake")), "hash keys");
	fake_record(fake, LINK_HASH_KEYS, &hashes, sizeof(hashes));
}

static void teach_listener(
	struct fake_control *fake, uint8_t id, uint8_t side, const char *address, const char *name)
{
	struct link_directory_listener listener = {
		.listener = {.id = id,
			.side = side,
			.transport = id == FAKE_STREAM ? TRANSPORT_TCP : TRANSPORT_UDP,
			.address = fake_endpoint(address)},
		.written_length = (uint8_t)strlen(name),
		.sent_by_length = (uint8_t)strlen(address),
	};

	memcpy(listener.written, name, strlen(name));
	memcpy(listener.sent_by, address, strlen(address));
	fake_record(fake, LINK_DIRECTORY_LISTENER, &listener, sizeof(listener));
}

static void teach_name(struct fake_control *fake, uint8_t edge, const char *host, uint16_t port)
{
	struct link_name name = {.edge = edge, .host_length = (uint8_t)strlen(host), .port = port};

	memcpy(name.host, host, strlen(host));
	fake_record(fake, LINK_NAME, &name, sizeof(name));
}

static void teach_prefix(
	struct fake_control *fake, enum link_prefix_list list, uint8_t listener, const char *text)
{
	struct link_prefix prefix = {.list = (uint8_t)list, .listener = listener};

	check(prefix_parse(span_of(text, strlen(text)), &prefix.prefix) ? 0 : -EINVAL, text);
	fake_record(fake, LINK_PREFIX, &prefix, sizeof(prefix));
}

static void teach_peer(struct fake_control *fake, uint8_t edge)
{
	struct link_peer peer = {.edge = edge};
	char text[64];

	snprintf(text, sizeof(text), "127.0.0.%u:7000", edge);
	peer.relay = fake_endpoint(text);
	peer.name_length = (uint8_t)snprintf((char *)peer.name, 64, "edge%u.example.net", edge);
	fake_record(fake, LINK_PEER, &peer, sizeof(peer));
}

static void teach_target(struct fake_control *fake)
{
	struct link_target target = {.endpoint = fake_endpoint("127.0.0.9:5060"),
		.transport = TRANSPORT_UDP,
		.healthy = 1,
		.balanced = 1,
		.identity = 1};

	target.host_length = (uint8_t)snprintf((char *)target.host, 64, "core.example.net");
	fake_record(fake, LINK_TARGET, &target, sizeof(target));
}

void fake_teach_directory(struct fake_control *fake, uint32_t heartbeat_ms)
{
	const struct link_settings settings = {
		.incarnation = 77,
		.park_ms = 20000,
		.not_ready_ms = 20000,
		.heartbeat_ms = heartbeat_ms,
		.suspect_after_ms = 3 * heartbeat_ms,
		.dead_after_ms = 10 * heartbeat_ms,
		.flow_timer_udp_s = 28,
		.flow_timer_stream_s = 120,
		.moved_per_s = 10,
		.edge = 1,
	};

	fake_record(fake, LINK_DIRECTORY_BEGIN, NULL, 0);
	fake_record(fake, LINK_SETTINGS, &settings, sizeof(settings));
	teach_name(fake, 0, "sip.example.net", 5060);
	teach_name(fake, 1, "edge1.example.net", 5060);
	teach_name(fake, 1, "127.0.0.1", 5080);
	teach_listener(fake, FAKE_ACCESS, SIDE_ACCESS, "127.0.0.1:5060", "edge1.example.net");
	teach_listener(fake, FAKE_CORE, SIDE_CORE, "127.0.0.1:5080", "127.0.0.1:5080");
	teach_listener(fake, FAKE_PEER, SIDE_PEER, "127.0.0.1:7000", "127.0.0.1:7000");
	teach_listener(fake, FAKE_STREAM, SIDE_ACCESS, "127.0.0.1:5060", "edge1.example.net");
	teach_peer(fake, 2);
	teach_peer(fake, 3);
	teach_target(fake);
	teach_prefix(fake, LINK_PREFIX_ACCESS_NETWORKS, FAKE_ACCESS, "127.0.0.0/8");
	teach_prefix(fake, LINK_PREFIX_ACCESS_NETWORKS, FAKE_ACCESS, "198.51.100.0/24");
	teach_prefix(fake, LINK_PREFIX_ACCESS_NETWORKS, FAKE_STREAM, "198.51.100.0/24");
	teach_prefix(fake, LINK_PREFIX_ALLOW, FAKE_CORE, "127.0.0.0/8");
	fake_record(fake, LINK_DIRECTORY_END, NULL, 0);
}

void fake_teach(struct fake_control *fake)
{
	const struct link_snapshot snapshot = {.edge = 1};

	fake_teach_keys(fake, FAKE_ROTATE_S);
	fake_teach_directory(fake, 100);
	fake_record(fake, LINK_SNAPSHOT_BEGIN, &snapshot, sizeof(snapshot));
	fake_await_applied(fake, fake_record(fake, LINK_SNAPSHOT_END, &snapshot, sizeof(snapshot)));
}

static void down_write(struct fake_control *fake, struct ring *ring,
	const struct link_down_message *head, struct span body)
{
	check(ring_write(ring, LINK_DOWN_MESSAGE, 0, span_of(head, sizeof(*head)), body),
		"down ring");
	if (ring_needs_signal(ring))
		(void)eventfd_write(fake->worker, 1);
}

void fake_down(struct fake_control *fake, const struct link_down_message *head, struct span body)
{
	down_write(fake, &fake->down, head, body);
}

void fake_stream_down(
	struct fake_control *fake, const struct link_down_message *head, struct span body)
{
	down_write(fake, &fake->stream_down, head, body);
}

static bool up_read(struct ring *ring, struct link_up_message *head, uint8_t *body)
{
	static _Alignas(8) uint8_t octets[sizeof(struct link_up_message) + FAKE_MESSAGE_MAX];

	for (unsigned i = 0; i < 5000; i++) {
		struct record_header header;
		int64_t length = ring_read(ring, &header, octets, sizeof(octets));

		if (length == -EAGAIN) {
			pause_ms(1);
			continue;
		}
		check(length < (int64_t)sizeof(*head) || header.type != LINK_UP_MESSAGE ? -EBADMSG
											: 0,
			"up ring");
		memcpy(head, octets, sizeof(*head));
		memcpy(body, octets + sizeof(*head), (size_t)length - sizeof(*head));
		return true;
	}
	return false;
}

bool fake_up(struct fake_control *fake, struct link_up_message *head, uint8_t *body)
{
	return up_read(&fake->up, head, body);
}

bool fake_stream_up(struct fake_control *fake, struct link_up_message *head, uint8_t *body)
{
	return up_read(&fake->stream_up, head, body);
}
