#include "flow_token.h"
#include "maddr.h"
#include "proxy_private.h"

enum {
	AOR_MAX = 512,
};

// Our own Routes at the top (RFC 3261 section 16.4), the one that follows them, if any, and the user part of the last one of ours.
static unsigned own_routes_count(const struct proxy *proxy, const struct message *request,
	struct uri *next, bool *has_next, struct span *token)
{
	struct value_cursor cursor;
	struct name_address address;
	unsigned count = 0;

	*has_next = false;
	value_begin(&cursor, request, HEADER_ROUTE);
	while (value_next(&cursor)) {
		if (!name_address_parse(request->octets, cursor.value, &address)
			|| !uri_parse(request->octets, address.uri, next))
			return count;
		if (!own_names_hold(&proxy->options.own, request->octets, next)) {
			*has_next = true;
			return count;
		}
		*token = message_span(request, next->user);
		count++;
	}
	return count;
}

// RFC 5626 section 5.3: by the connection that our Record-Route towards the destination names; the one that the request came by is not meant.
static unsigned flow_find(
	const struct proxy *proxy, const struct hop *source, struct span token, struct route *route)
{
	const struct proxy_options *options = &proxy->options;
	uint64_t connection;

	if (!flow_token_read(options->hashes, token, &connection)
		|| connection == source->connection)
		return 0;
	return options->find_flow(options->context, connection, &route->flow) ? 0 : 430;
}

unsigned proxy_route_find(const struct proxy *proxy, const struct message *request,
	const struct hop *source, struct route *route)
{
	struct span token = {0};
	struct span maddr;
	struct uri next;
	bool has_next;

	*route = (struct route){0};
	route->own_routes = own_routes_count(proxy, request, &next, &has_next, &token);
	if (has_next) {
		route->uri = next;
		return next.scheme == URI_OTHER ? 416 : 0;
	}
	if (!uri_parse(request->octets, request->target, &route->uri)
		|| route->uri.scheme == URI_OTHER)
		return 416;
	// Section 16.5: who names a host to send to means that one.
	if (!maddr_find(request->octets, &route->uri, &maddr)
		&& own_names_hold(&proxy->options.own, request->octets, &route->uri)) {
		route->is_aor = route->uri.has_user;
		return route->is_aor ? 0 : 404; // our own name, and nobody there
	}
	return flow_find(proxy, source, token, route);
}

static bool hop_lives(void *context, struct span text)
{
	const struct proxy_options *options = &((const struct proxy *)context)->options;
	struct uri uri;
	struct hop hop;
	bool lives = false;

	return text.length <= UINT16_MAX
		&& uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri)
		&& uri.scheme != URI_OTHER
		&& options->resolve(options->context, text.octets, &uri, NULL, 0, &hop, &lives)
		== PROXY_WAY_FOUND
		&& lives;
}

// A temporary GRUU holds while its instance is registered with that Call-ID.
static bool is_registered_as(const struct binding *bindings, const struct gruu *gruu)
{
	struct span call_id = span_of(gruu->call_id, gruu->call_id_length);
	struct span instance = span_of(gruu->instance, gruu->instance_length);

	for (; bindings != NULL; bindings = bindings->next)
		if (span_equal(bindings->instance, instance)
			&& span_equal(bindings->call_id, call_id))
			return true;
	return false;
}

static unsigned targets_fill(
	struct context *context, const struct binding *bindings, struct span instance)
{
	if (flow_set_fill(&context->flows, bindings, instance, hop_lives, context->proxy) != 0)
		return 500;
	return context->flows.instance_count > 0 ? 0 : 480;
}

// RFC 5627 section 6.1: 404 for what is no GRUU of ours (any more), 480 for one whose instance is away.
static unsigned gruu_targets(
	struct context *context, const struct gruu *gruu, bool temporary, uint64_t now_ms)
{
	const struct binding *bindings = location_find(context->proxy->options.location,
		span_of(gruu->aor, gruu->aor_length), now_ms / 1000);

	if (temporary && !is_registered_as(bindings, gruu))
		return 404;
	return targets_fill(context, bindings, span_of(gruu->instance, gruu->instance_length));
}

static unsigned aor_targets(struct context *context, const struct message *request,
	const struct uri *uri, uint64_t now_ms)
{
	const struct proxy_options *options = &context->proxy->options;
	struct gruu gruu;
	uint8_t aor[AOR_MAX];
	enum gruu_kind kind = gruu_read(options->gruu_key, request->octets, uri, &gruu);

	context->registered = true;
	if (kind == GRUU_INVALID)
		return 404;
	if (kind != GRUU_NONE)
		return gruu_targets(context, &gruu, kind == GRUU_TEMPORARY, now_ms);
	size_t length = location_write_aor(request->octets, uri, aor, sizeof(aor));
	if (length == 0)
		return 404;
	return targets_fill(context,
		location_find(options->location, span_of(aor, length), now_ms / 1000),
		span_of(NULL, 0));
}

unsigned proxy_route(struct context *context, const struct message *request, uint64_t now_ms)
{
	struct route route;
	unsigned status = proxy_route_find(context->proxy, request, &context->source, &route);

	context->own_routes = route.own_routes;
	if (status != 0)
		return status;
	if (route.is_aor)
		return aor_targets(context, request, &route.uri, now_ms);
	if (flow_set_fill_one(&context->flows, message_span(request, route.uri.text)) != 0)
		return 500;
	context->flows.flows[0].connection = route.flow;
	return 0;
}
