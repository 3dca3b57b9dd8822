#include "admit.h"

#include "adoption.h"
#include "answer.h"
#include "filter.h"
#include "guard.h"
#include "own.h"

enum verdict admit_source(const struct world *world, const struct burst *burst, unsigned index)
{
	const struct directory_listener *in = burst->listener[index];

	if (in == NULL)
		return VERDICT_UNREADABLE;
	// Somebody else answers from that address now.
	if (!adoption_is_here(world, in))
		return VERDICT_ADDRESS_AWAY;
	if (in->listener.side == SIDE_CORE
		&& !guard_hears(world->directory, in, &burst->packet[index]->peer))
		return VERDICT_CORE_SOURCE;
	return VERDICT_NONE;
}

// Sealed for this edge, under a key in use, and bound to this very message by the sender's Via.
enum verdict admit_relay(struct request *request)
{
	const struct hop *top = &request->routes->hop[0];

	if (request->side != SIDE_PEER)
		return VERDICT_NONE;
	if (request->routes->count == 0 || !top->has_token || top->verdict != TOKEN_OK
		|| top->token.kind != TOKEN_RELAY
		|| top->token.flow.edge != world_edge(request->world)
		|| !token_is_recent(request->world->keys, request_span(request, top->uri.user)))
		return VERDICT_PEER_SOURCE;
	if (identity_hash_relay(request->world->hashes, request->message,
		    request_span(request, request->message->via.branch))
		!= top->token.bind)
		return VERDICT_PEER_SOURCE;
	request->relay = &top->token;
	return VERDICT_NONE;
}

// RFC 3261 section 8.2.6.2: what a response copies is there, however it reads.
static bool can_be_answered(const struct message *message)
{
	static const uint8_t copied[] = {
		HEADER_VIA, HEADER_FROM, HEADER_TO, HEADER_CALL_ID, HEADER_CSEQ};

	for (unsigned i = 0; i < sizeof(copied); i++)
		if (message->first[copied[i]] == MESSAGE_LINE_NONE)
			return false;
	return message->request;
}

enum verdict admit_fault(const struct message *message, enum message_fault fault)
{
	switch (fault) {
	case MESSAGE_OK:
		return VERDICT_NONE;
	case MESSAGE_KEEPALIVE:
		return VERDICT_KEEPALIVE;
	case MESSAGE_STUN:
		return VERDICT_STUN;
	default:
		break;
	}
	if (!message->request && message->status != 0)
		return VERDICT_BAD_RESPONSE;
	if (!can_be_answered(message))
		return VERDICT_UNREADABLE;
	return fault == MESSAGE_VERSION ? VERDICT_BAD_VERSION : VERDICT_BAD_REQUEST;
}

// A Proxy-Require is void on ACK and CANCEL (RFC 3261 section 8.2.2.3).
static bool requires_unknown(const struct request *request)
{
	return message_line(request->message, HEADER_PROXY_REQUIRE) != NULL
		&& !request_is(request, METHOD_ACK) && !request_is(request, METHOD_CANCEL);
}

static bool names_this_edge(const struct request *request)
{
	return !request->target.has_user
		&& own_names(request->world->directory, request->message, &request->target);
}

static bool routes_are_plain(const struct routes *routes)
{
	for (unsigned i = 0; i < routes->count; i++)
		if (routes->hop[i].has_token)
			return false;
	return !routes->has_next && !routes->crowded;
}

// RFC 3261 section 11: whoever is asked answers; and with Max-Forwards 0 that is us.
static bool asks_this_edge(const struct request *request)
{
	return request_is(request, METHOD_OPTIONS) && request->side != SIDE_PEER
		&& (request->message->max_forwards == 0
			|| (names_this_edge(request) && routes_are_plain(request->routes)));
}

// RFC 3261 section 26.2.2: every hop of a sips request is a secure one, so the phone's own to begin with.
static bool is_sips_in_clear(const struct request *request)
{
	return request->target.scheme == URI_SIPS && request->side == SIDE_ACCESS
		&& !filter_is_secure((enum transport)request->in->listener.transport)
		&& directory_settings(request->world->directory)->downgrade == 0;
}

static bool opens_dialog(const struct request *request)
{
	return !request_has_to_tag(request)
		&& (request_is(request, METHOD_INVITE) || request_is(request, METHOD_SUBSCRIBE));
}

enum verdict admit_request(struct request *request)
{
	const struct link_settings *settings = directory_settings(request->world->directory);
	const struct message *message = request->message;

	if (!uri_parse(message->octets, message->target, &request->target))
		return VERDICT_BAD_REQUEST;
	if (request->target.scheme == URI_OTHER)
		return VERDICT_BAD_SCHEME;
	if (is_sips_in_clear(request))
		return VERDICT_SIPS_IN_CLEAR;
	if (asks_this_edge(request))
		return settings->draining ? VERDICT_OVERLOAD : VERDICT_OPTIONS;
	if (message->max_forwards == 0)
		return VERDICT_TOO_MANY_HOPS;
	if (requires_unknown(request))
		return VERDICT_BAD_EXTENSION;
	if (request->routes->crowded)
		return VERDICT_BAD_REQUEST;
	if (request_is(request, METHOD_ACK) && answer_is_acknowledged(request->world, message))
		return VERDICT_ACK_ABSORBED;
	if (settings->draining && request->side == SIDE_ACCESS && opens_dialog(request))
		return VERDICT_OVERLOAD;
	return VERDICT_NONE;
}
