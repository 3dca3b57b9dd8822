#include "proxy_private.h"
#include "reply.h"

#include <weir/identity.h>

#include <inttypes.h>
#include <stdio.h>

enum {
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
	TAG_TEXT = 16,
};

static void tag_write(
	const struct proxy *proxy, const struct message *request, char out[TAG_TEXT + 1])
{
	snprintf(out, TAG_TEXT + 1, "%016" PRIx64,
		identity_hash_tag(proxy->options.hashes, request, PROXY_OVERLOADED));
}

void proxy_refuse(struct proxy *proxy, const struct message *request, const struct hop *source,
	struct span headers)
{
	struct text out = text_begin(proxy->out, sizeof(proxy->out));
	struct hop to = reply_hop(request, source);
	char tag[TAG_TEXT + 1];

	tag_write(proxy, request, tag);
	reply_write(
		&out, request, &source->peer, PROXY_OVERLOADED, span_of(tag, TAG_TEXT), headers);
	if (!out.overflow)
		proxy->options.send(proxy->options.context, &to, text_span(&out));
}

// RFC 3261 section 8.2.7: the ACK to a refusal without state ends here. It has the branch of its INVITE, so the same hash.
static bool is_to_refusal(const struct proxy *proxy, const struct message *request)
{
	char tag[TAG_TEXT + 1];

	tag_write(proxy, request, tag);
	return request->method == METHOD_ACK
		&& span_equal(message_span(request, request->to_tag), span_of(tag, TAG_TEXT));
}

// The message edited as the plan says, and sent. False: it does not fit.
static bool send_edited(struct proxy *proxy, const struct message *message, const struct hop *to)
{
	uint8_t *octets;
	size_t length;

	memcpy(proxy->out + PROXY_HEAD_ROOM, message->octets, message->length);
	if (!edit_apply(&proxy->plan, proxy->out, sizeof(proxy->out), proxy->out + PROXY_HEAD_ROOM,
		    message->length, &octets, &length))
		return false;
	proxy->options.send(proxy->options.context, to, span_of(octets, length));
	return true;
}

// The next hop of a request that is passed without state, connection and all.
static bool way_find(struct proxy *proxy, const struct message *request, const struct route *route,
	struct hop *to)
{
	const struct proxy_options *options = &proxy->options;
	bool lives;

	*to = route->flow;
	if (to->connection != 0)
		return true;
	return options->resolve(options->context, request->octets, &route->uri, NULL, 0, to, &lives)
		== PROXY_WAY_FOUND
		&& options->reach(options->context, message_span(request, route->uri.host), to);
}

void proxy_pass_request(
	struct proxy *proxy, const struct message *request, const struct hop *source)
{
	const struct proxy_options *options = &proxy->options;
	struct forward forward = {.hashes = options->hashes, .source = source->peer};
	struct route route;
	struct hop to;

	if (is_to_refusal(proxy, request))
		return;
	if (request->max_forwards == 0 || proxy_route_find(proxy, request, source, &route) != 0
		|| route.is_aor || !way_find(proxy, request, &route, &to)) {
		proxy->counters.dropped++;
		return;
	}
	uint8_t own_transport = to.transport;
	forward.own_routes = route.own_routes;
	forward.transport = to.transport;
	forward.sent_by = own_names_by(&options->own, &own_transport)->sent_by;
	if (!forward_plan(&forward, request, &proxy->plan) || !send_edited(proxy, request, &to))
		proxy->counters.dropped++;
}

// RFC 3261 section 18.2.2: back by the next Via.
static bool via_destination(const uint8_t *base, const struct via *via, struct hop *to)
{
	struct span host = slice_span(base, via->received.length > 0 ? via->received : via->host);

	uint16_t port = via->transport == TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;

	*to = (struct hop){.transport = via->transport};
	if (!endpoint_parse_address(host, &to->peer) || via->transport == TRANSPORT_NONE
		|| via->transport > TRANSPORT_TLS)
		return false;
	if (via->port != 0)
		port = via->port;
	// A source port of a stream is nobody's who listens.
	to->peer.port = via->rport != 0 && !hop_is_reliable(to) ? via->rport : port;
	return true;
}

static bool is_own_branch(
	const struct proxy *proxy, const struct message *response, const struct via *next)
{
	const struct span cookie = SPAN("z9hG4bK");
	struct span branch = message_span(response, response->via.branch);
	uint8_t expected[FORWARD_BRANCH_TEXT];

	if (branch.length != cookie.length + FORWARD_BRANCH_TEXT)
		return false;
	forward_write_branch(proxy->options.hashes, response, next, expected);
	return memcmp(branch.octets + cookie.length, expected, FORWARD_BRANCH_TEXT) == 0;
}

void proxy_pass_response(struct proxy *proxy, const struct message *response)
{
	struct hop to;
	struct via next;

	proxy->counters.strays++;
	if (!forward_next_via(response, &next) || !is_own_branch(proxy, response, &next)
		|| !via_destination(response->octets, &next, &to)
		|| !forward_plan_response(response, &proxy->plan)
		|| !send_edited(proxy, response, &to))
		proxy->counters.dropped++;
}
