// parse.c: the first stage: whose side a message came from, and what it says.

#include "adoption.h"
#include "limit.h"
#include "stage.h"
#include "strict_route.h"

static bool octet_is_base64url(uint8_t octet)
{
	uint8_t lower = octet_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-'
		|| octet == '_';
}

// A heartbeat is told from SIP by its form alone; whether it is a good one is the keeper's to say.
static bool packet_is_beat(const struct packet *packet)
{
	if (packet->length != TOKEN_LENGTH_V4)
		return false;
	for (unsigned i = 0; i < TOKEN_LENGTH_V4; i++)
		if (!octet_is_base64url(packet->octets[i]))
			return false;
	return true;
}

// A connection's flow is what control says it is.
static bool has_source(const struct burst *burst, unsigned i)
{
	return burst->side[i] == SIDE_ACCESS && !listener_is_stream(burst->listener[i])
		&& (burst->origin[i] == ORIGIN_WIRE || burst->origin[i] == ORIGIN_GRANT);
}

static void source_judge(const struct world *world, struct burst *burst, unsigned i)
{
	const struct packet *packet = burst->packet[i];

	burst->source[i] = NULL;
	burst->limit[i] = VERDICT_NONE;
	if (!has_source(burst, i))
		return;
	burst->source[i] = adoption_find_source(world, burst->listener[i], &packet->peer);
	if (burst->origin[i] == ORIGIN_WIRE && world->limits != NULL)
		burst->limit[i] = (uint8_t)limit_judge(world, burst, i);
}

static bool is_parsed(const struct burst *burst, unsigned i)
{
	return !burst->beat[i] && burst->origin[i] != ORIGIN_CONTROL
		&& (burst->limit[i] == VERDICT_NONE || burst->limit[i] == VERDICT_LIMITED);
}

static void parse_message(const struct world *world, struct burst *burst, unsigned i)
{
	struct packet *packet = burst->packet[i];

	burst->fault[i] =
		(uint8_t)message_parse(&burst->message[i], packet->octets, packet->length);
	if (burst->fault[i] == MESSAGE_OK && world->directory != NULL
		&& strict_route_repair(world->directory, &burst->plan, packet, &burst->message[i]))
		burst->fault[i] =
			(uint8_t)message_parse(&burst->message[i], packet->octets, packet->length);
}

void parse_burst(const struct world *world, struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = burst->packet[i];

		if (i + 1 < burst->count)
			__builtin_prefetch(burst->packet[i + 1]->octets);
		burst->listener[i] = world->directory == NULL
			? NULL
			: directory_listener(world->directory, packet->listener);
		burst->side[i] =
			burst->listener[i] == NULL ? SIDE_NONE : burst->listener[i]->listener.side;
		burst->beat[i] = burst->origin[i] == ORIGIN_WIRE && burst->side[i] == SIDE_PEER
			&& packet_is_beat(packet);
		source_judge(world, burst, i);
		if (is_parsed(burst, i))
			parse_message(world, burst, i);
		else
			burst->fault[i] = MESSAGE_START_LINE;
	}
}
