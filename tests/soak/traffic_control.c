// traffic_control.c: weir-control, as far as flows need it.

#include "traffic.h"

#include <weir/identity.h>

#include <string.h>
#include <time.h>

struct phone *traffic_find_phone(struct traffic *traffic, const struct endpoint *peer)
{
	unsigned index = peer->address[3] - 1u + PHONES_A_PORT * (peer->port - 6000u);

	return index < PHONES && endpoint_equal(&traffic->phones[index].peer, peer)
		? &traffic->phones[index]
		: NULL;
}

static uint32_t slot_of(const struct traffic *traffic, const struct phone *phone)
{
	return (uint32_t)(phone - traffic->phones) + 1;
}

// Whose phone it is, as its calls will say.
static void phone_name(struct traffic *traffic, struct phone *phone, struct span octets)
{
	static struct message message;
	struct uri to;

	phone->aor = 0;
	if (message_parse(&message, octets.octets, octets.length) == MESSAGE_OK
		&& uri_parse(message.octets, message.to_uri, &to))
		phone->aor = identity_hash_aor(&traffic->hashes, message.octets, &to);
}

static uint64_t flow_put(struct traffic *traffic, const struct phone *phone, enum flow_state state)
{
	uint32_t slot = slot_of(traffic, phone);
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record = {
		.id = {1, slot, phone->generation},
		.state = (uint8_t)state,
		.listener = FAKE_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = state == FLOW_LIVE,
		.peer = phone->peer,
	};

	record.rows[0] = (struct row){.uak = slot,
		.aor = phone->aor == 0 ? slot : phone->aor,
		.instance = 200000 + slot,
		.contact = 300000 + slot,
		.committed_at_ms = (uint64_t)time(NULL) * 1000,
		.expires_at_s = (uint32_t)time(NULL) + 86400,
		.reg_id = 1};
	return fake_record(
		&traffic->control, LINK_FLOW, octets, flow_record_encode(&record, octets));
}

void control_end_flow(struct traffic *traffic, struct phone *phone)
{
	if (phone->generation == 0)
		return;
	flow_put(traffic, phone, FLOW_GONE);
	phone->generation = 0;
	phone->route_length = 0;
	traffic->registered--;
}

static void register_grant(struct traffic *traffic, const struct link_up_message *up,
	struct span message, struct link_down_message *down)
{
	struct phone *phone = traffic_find_phone(traffic, &up->source);

	down->kind = phone == NULL ? LINK_DOWN_REFUSE : LINK_DOWN_GRANT;
	down->status = 403;
	if (phone == NULL)
		return;
	if (phone->generation == 0) {
		phone->generation = ++traffic->generation_last;
		phone_name(traffic, phone, message);
		down->after = flow_put(traffic, phone, FLOW_LIVE);
		traffic->registered++;
	}
	down->slot = slot_of(traffic, phone);
	down->generation = phone->generation;
	down->uak = down->slot;
}

static void control_put(
	struct traffic *traffic, const struct link_down_message *down, struct span message)
{
	fake_down(&traffic->control, down, message);
	traffic->handed++;
}

bool control_play(struct traffic *traffic)
{
	static _Alignas(8) uint8_t octets[sizeof(struct link_up_message) + FAKE_MESSAGE_MAX];
	struct record_header header;
	struct link_up_message up;
	bool played = false;

	while (ring_read(&traffic->control.events, &header, octets, sizeof(octets)) >= 0)
		;
	while (ring_read(&traffic->control.up, &header, octets, sizeof(octets)) >= 0) {
		struct span message = span_of(octets + sizeof(up), header.length - sizeof(up));

		memcpy(&up, octets, sizeof(up));
		struct link_down_message down = {.kind = LINK_DOWN_RETURN,
			.listener = up.listener,
			.peer = up.source,
			.length = (uint16_t)message.length};

		if (up.kind == LINK_UP_REGISTER)
			register_grant(traffic, &up, message, &down);
		if (up.kind == LINK_UP_REGISTER || up.kind == LINK_UP_REGISTERED)
			control_put(traffic, &down, message);
		played = true;
	}
	return played;
}
