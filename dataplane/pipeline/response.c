#include "response.h"

#include "admit.h"
#include "adoption.h"
#include "own.h"
#include "upstream.h"
#include "via_write.h"

static bool next_via_read(const struct message *message, struct via *next)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_VIA);
	return value_next(&cursor) && value_next(&cursor)
		&& via_parse(message->octets, cursor.value, next);
}

static bool endpoint_read(
	const struct message *message, struct slice host, uint16_t port, struct endpoint *endpoint)
{
	if (!endpoint_parse_address(message_span(message, host), endpoint))
		return false;
	endpoint->port = port;
	return true;
}

// RFC 3581 section 4, then RFC 3261 section 18.2.2. Names are never resolved: where we passed the request on, an address stands.
static bool via_destination(
	const struct message *message, const struct via *via, struct endpoint *destination)
{
	uint16_t port = via->has_port ? via->port : 5060;

	if (via->received.length != 0 && via->rport != 0)
		return endpoint_read(message, via->received, via->rport, destination);
	if (via->maddr.length != 0)
		return endpoint_read(message, via->maddr, port, destination);
	return endpoint_read(
		message, via->received.length != 0 ? via->received : via->host, port, destination);
}

// Our listener that takes the place of the one a request came by, at the edge that wrote the Via: itself; of another edge's, the one with
// its address; of its trusted sides, ours. NULL: only that edge can send there.
static const struct directory_listener *return_listener(
	const struct world *world, const struct proof *proof, uint8_t family)
{
	const struct directory *directory = world->directory;
	const struct directory_listener *same;

	if (proof->edge == world_edge(world))
		return directory_listener(directory, proof->listener);
	same = directory_own_namesake(directory, proof->edge, proof->listener);
	if (same != NULL)
		return adoption_is_here(world, same) ? same : NULL;
	enum side side = directory_peer_side(directory, proof->edge, proof->listener);

	// A connection of that edge ends with it.
	return (side == SIDE_CORE || side == SIDE_PEER)
			&& directory_peer_transport(directory, proof->edge, proof->listener)
				== TRANSPORT_UDP
		? directory_side_listener(directory, side, TRANSPORT_UDP, family)
		: NULL;
}

static void destination_decide(const struct world *world, const struct message *message,
	const struct proof *proof, struct decision *decision)
{
	struct flow_id id = {proof->edge, proof->slot, proof->generation};
	const struct flow *flow = NULL;

	if (proof->generation != 0 && flow_check(world->flows, id) == FLOW_LIVE)
		flow = flow_find(world->flows, id);
	if (flow != NULL && flow->listener == proof->listener) {
		decision->destination = flow->peer;
		decision->carrier = flow->id;
	} else if (!via_destination(message, &decision->next, &decision->destination)) {
		decision->destination = (struct endpoint){.family = ENDPOINT_NONE};
	}
	decision->out = return_listener(world, proof, decision->destination.family);
}

struct sender_filter {
	struct target_filter filter; // first
	const struct world *world;
	const struct endpoint *address;
	uint8_t transport;
};

static bool sender_takes(const struct target_filter *filter, const struct link_target *target)
{
	const struct sender_filter *sender = (const struct sender_filter *)filter;

	return target->transport == sender->transport
		&& endpoint_equal(&target->endpoint, sender->address)
		&& upstream_carrier(sender->world, target) != NULL;
}

// The core's connection is gone: by ours to it, if it is one of the targets that has sent the request (RFC 3261 section 18.2.2: the
// address in received, the port in sent-by).
static void carrier_replace(
	const struct world *world, const struct message *message, struct decision *decision)
{
	const struct via *via = &decision->next;
	uint8_t transport = decision->out->listener.transport;
	uint16_t port = transport == TRANSPORT_TLS ? 5061 : 5060;
	struct endpoint address;
	struct sender_filter sender = {{sender_takes}, world, &address, transport};

	// A maddr says nothing about a connection, and stands in the proof for what would.
	if (via->maddr.length != 0
		|| !endpoint_read(message, via->received.length != 0 ? via->received : via->host,
			via->has_port ? via->port : port, &address))
		return;
	const struct link_target *target = directory_first_target(world->directory, &sender.filter);
	const struct flow *carrier = target == NULL ? NULL : upstream_carrier(world, target);

	if (carrier == NULL)
		return;
	decision->destination = target->endpoint;
	decision->carrier = carrier->id;
	decision->out = directory_listener(world->directory, carrier->listener);
}

// Nobody can be connected to for it: who had the connection has another one by now, or none (RFC 3261 section 18.2.2).
static bool connection_is_gone(const struct decision *decision)
{
	return decision->out != NULL && listener_is_stream(decision->out)
		&& decision->carrier.generation == 0;
}

static uint16_t flow_timer_s(const struct world *world, const struct proof *proof)
{
	const struct link_settings *settings = directory_settings(world->directory);
	const struct directory_listener *listener =
		directory_listener(world->directory, proof->listener);

	return listener != NULL && listener_is_stream(listener) ? settings->flow_timer_stream_s
								: settings->flow_timer_udp_s;
}

// Requests that put us into a route set, by Path or Record-Route: only there may keep-alives be asked for (RFC 6223 section 4.4).
static bool keeps_route(const struct message *message)
{
	switch (message->method) {
	case METHOD_REGISTER:
	case METHOD_INVITE:
	case METHOD_SUBSCRIBE:
	case METHOD_NOTIFY:
	case METHOD_REFER:
	case METHOD_UPDATE:
		return true;
	default:
		return false;
	}
}

// RFC 6223 section 4.4: a value for the `keep` that a phone offers, if a way back to it is kept, and the same in every 2xx.
static bool wants_keep(const struct world *world, const struct message *message,
	const struct via *next, const struct proof *proof)
{
	const struct directory_listener *listener =
		directory_listener(world->directory, proof->listener);

	return next->keep_offer.length != 0 && message->status / 100 == 2 && keeps_route(message)
		&& proof->generation != 0 && listener != NULL
		&& listener->listener.side == SIDE_ACCESS;
}

static enum verdict response_hand_over(
	const struct world *world, struct burst *burst, unsigned index, uint8_t edge)
{
	struct decision *decision = &burst->decision[index];
	const struct directory_peer *peer = directory_peer(world->directory, edge);

	if (burst->side[index] == SIDE_PEER)
		return VERDICT_VIA_FOREIGN;
	if (peer == NULL || peer_liveness_read(world->peers, edge) != PEER_UP)
		return VERDICT_RELAY_DOWN;
	// The other edge trusts what we hand it: a phone's word about identities ends here.
	decision->kind = DECISION_UNCHANGED;
	decision->strip_identity = burst->side[index] == SIDE_ACCESS;
	decision->destination = peer->relay;
	decision->out = directory_side_listener(
		world->directory, SIDE_PEER, TRANSPORT_UDP, peer->relay.family);
	return VERDICT_RESPONSE_RELAYED;
}

static bool branch_is_control(const struct message *message)
{
	struct span branch = message_span(message, message->via.branch);

	return branch.length > 8 && memcmp(branch.octets, "z9hG4bKc", 8) == 0;
}

static bool has_outbound_required(const struct message *message)
{
	return message_has_token(message, HEADER_REQUIRE, SPAN("outbound"));
}

static enum verdict response_return(
	const struct world *world, struct burst *burst, unsigned index, const struct proof *proof)
{
	struct decision *decision = &burst->decision[index];
	const struct message *message = &burst->message[index];
	bool learnt = burst->origin[index] == ORIGIN_RETURN;

	if (!learnt && message->method == METHOD_REGISTER && burst->side[index] != SIDE_ACCESS) {
		burst->flow[index] = world_flow(world, proof->slot, proof->generation);
		burst->up_kind[index] = LINK_UP_REGISTERED;
		return VERDICT_REGISTERED;
	}
	decision->kind = DECISION_RETURN;
	decision->strip_identity = burst->side[index] == SIDE_ACCESS;
	// RFC 5626 section 5.4: only for a phone that has been told that outbound is in use.
	if (learnt && burst->grant[index].flow_timer && has_outbound_required(message))
		decision->flow_timer_s = flow_timer_s(world, proof);
	if (wants_keep(world, message, &decision->next, proof))
		decision->keep_s = flow_timer_s(world, proof);
	destination_decide(world, message, proof, decision);
	if (connection_is_gone(decision) && decision->out->listener.side == SIDE_CORE)
		carrier_replace(world, message, decision);
	return connection_is_gone(decision) ? VERDICT_STREAM_GONE : VERDICT_RESPONSE;
}

// Another edge wrote it, when the address was there. What only that edge can pass on goes to it.
static enum verdict response_adopt(
	const struct world *world, struct burst *burst, unsigned index, const struct proof *proof)
{
	struct decision *decision = &burst->decision[index];

	if (burst->side[index] == SIDE_PEER)
		return VERDICT_VIA_FOREIGN;
	destination_decide(world, &burst->message[index], proof, decision);
	if (decision->out == NULL)
		return response_hand_over(world, burst, index, proof->edge);
	decision->kind = DECISION_RETURN;
	decision->strip_identity = burst->side[index] == SIDE_ACCESS;
	return VERDICT_RESPONSE;
}

enum verdict response_decide(const struct world *world, struct burst *burst, unsigned index)
{
	struct decision *decision = &burst->decision[index];
	const struct message *message = &burst->message[index];
	const struct via *via = &message->via;
	uint8_t buffer[ENDPOINT_TEXT_MAX];
	struct directory_via found;
	struct proof proof;

	if (!directory_find_sent_by(world->directory,
		    own_host_text(message_span(message, via->host), buffer),
		    via->has_port ? via->port : 0, &found))
		return VERDICT_VIA_FOREIGN;
	if (!next_via_read(message, &decision->next)) {
		// What control asks, it asks the core: a phone has nothing to say to it.
		if (found.edge != world_edge(world) || burst->side[index] != SIDE_CORE
			|| !branch_is_control(message))
			return VERDICT_VIA_PROOF;
		burst->up_kind[index] = LINK_UP_RESPONSE;
		return VERDICT_CONTROL_RESPONSE;
	}
	if (!proof_read(world, message, &decision->next, &found, &proof))
		return VERDICT_VIA_PROOF;
	if (found.edge != world_edge(world))
		return response_hand_over(world, burst, index, found.edge);
	return proof.edge == world_edge(world) ? response_return(world, burst, index, &proof)
					       : response_adopt(world, burst, index, &proof);
}
