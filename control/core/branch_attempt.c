#include "flow_token.h"
#include "proxy_private.h"

#include <weir/base64url.h>

enum {
	BRANCH_TEXT = FORWARD_BRANCH_TEXT + 1 + LOOP_TEXT,
};

static void branch_text_write(struct branch *branch, uint8_t out[BRANCH_TEXT])
{
	struct proxy *proxy = branch->context->proxy;
	uint8_t octets[BRANCH_HASH_OCTETS];
	struct keyhash hash;

	keyhash_begin_wide(&hash, proxy->options.hashes, HASH_BRANCH);
	keyhash_field_number(&hash, ++proxy->branch_count, sizeof(proxy->branch_count));
	keyhash_end_wide(&hash, octets);
	base64url_encode(out, octets, sizeof(octets));
	out[FORWARD_BRANCH_TEXT] = '.';
	memcpy(out + FORWARD_BRANCH_TEXT + 1, branch->context->loop, LOOP_TEXT);
}

static bool is_sips(struct span uri)
{
	return uri.length > 5 && span_equal_nocase(span_of(uri.octets, 5), SPAN("sips:"));
}

// One value: our name for a transport, and a connection (or 0) by which the other side is found again (RFC 5626 section 5.1).
static void record_add(const struct proxy *proxy, struct text *text, uint8_t transport, bool sips,
	uint64_t connection)
{
	const struct own_name *name = own_names_by(&proxy->options.own, &transport);
	uint8_t token[FLOW_TOKEN_TEXT];

	text_add(text, sips ? SPAN("<sips:") : SPAN("<sip:"));
	if (connection != 0) {
		flow_token_write(proxy->options.hashes, connection, token);
		text_add(text, span_of(token, sizeof(token)));
		text_add(text, SPAN("@"));
	}
	text_add(text, name->written);
	if (!sips && transport == TRANSPORT_TCP)
		text_add(text, SPAN(";transport=tcp"));
	else if (!sips && transport == TRANSPORT_TLS)
		text_add(text, SPAN(";transport=tls"));
	text_add(text, SPAN(";lr>"));
}

// Our name for the next hop; and above it the one for where the request came from, if that uses another transport (RFC 5658) or either side
// is a connection.
static struct span record_route_write(struct branch *branch)
{
	const struct context *context = branch->context;
	struct proxy *proxy = context->proxy;
	struct text text = text_begin(proxy->record_route, sizeof(proxy->record_route));
	struct span contact = context->flows.flows[branch->flow].contact;
	bool sips =
		is_sips(contact.length > 0 ? contact
					   : message_span(&proxy->message, proxy->message.target));
	bool flow = branch->hop.flow;
	uint8_t onward = branch->hop.transport;
	uint8_t back = context->source.transport;

	(void)own_names_by(&proxy->options.own, &onward);
	(void)own_names_by(&proxy->options.own, &back);
	record_add(proxy, &text, onward, sips, flow ? branch->hop.connection : 0);
	if (onward != back || flow || context->from_flow) {
		text_add(&text, SPAN(", "));
		record_add(proxy, &text, back, sips,
			context->from_flow ? context->source.connection : 0);
	}
	return text.overflow ? span_of(NULL, 0) : text_span(&text);
}

// Where it is asked for; and always for a phone that is reached by its connection alone.
static bool is_recorded(const struct branch *branch)
{
	const struct context *context = branch->context;

	return context->forms_dialog
		&& (context->proxy->options.record_route || branch->hop.flow || context->from_flow);
}

// The request as this attempt sends it, in proxy->out. False: it does not fit.
static bool branch_write(struct branch *branch, struct span *request)
{
	struct context *context = branch->context;
	struct proxy *proxy = context->proxy;
	const struct flow *flow = &context->flows.flows[branch->flow];
	uint8_t transport = branch->hop.transport;
	uint8_t text[BRANCH_TEXT];
	uint8_t *octets;
	size_t length;

	if (!context_read(context))
		return false;
	branch_text_write(branch, text);
	const struct forward forward = {
		.branch = span_of(text, sizeof(text)),
		.sent_by = own_names_by(&proxy->options.own, &transport)->sent_by,
		.transport = branch->hop.transport,
		.alias = branch->hop.transport == TRANSPORT_TLS && !branch->hop.flow,
		.record_route = is_recorded(branch) ? record_route_write(branch) : span_of(NULL, 0),
		.source = context->source.peer,
		.target = flow->contact,
		.path = flow->path,
		.own_routes = context->own_routes,
		.breadth = branch->breadth,
	};
	memcpy(proxy->out + PROXY_HEAD_ROOM, context->request, context->length);
	if (!forward_plan(&forward, &proxy->message, &proxy->plan)
		|| !edit_apply(&proxy->plan, proxy->out, sizeof(proxy->out),
			proxy->out + PROXY_HEAD_ROOM, context->length, &octets, &length))
		return false;
	*request = span_of(octets, length);
	return true;
}

// The URI that leads to the next hop. False: nothing can be sent there.
static bool branch_uri(const struct branch *branch, const uint8_t **base, struct uri *uri)
{
	struct span text = branch->context->flows.flows[branch->flow].hop;

	*base = text.octets;
	return text.length <= UINT16_MAX
		&& uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, uri)
		&& uri->scheme != URI_OTHER;
}

static bool hop_reach(const struct branch *branch, struct hop *hop)
{
	const struct proxy_options *options = &branch->context->proxy->options;
	const uint8_t *base;
	struct uri uri;

	return branch_uri(branch, &base, &uri)
		&& options->reach(options->context, slice_span(base, uri.host), hop);
}

// RFC 3261 section 18.1.1. Not to a phone that has registered by UDP: it may not even listen for TCP, and that takes long to find out.
static bool hop_may_have_tcp(const struct branch *branch)
{
	const struct context *context = branch->context;
	const struct proxy_options *options = &context->proxy->options;
	const uint8_t *base;
	struct uri uri;

	return branch->hop.transport == TRANSPORT_UDP
		&& (!context->registered || context->flows.flows[branch->flow].path.length > 0)
		&& branch_uri(branch, &base, &uri) && uri.transport == TRANSPORT_NONE
		&& options->has_tcp(options->context, &branch->hop.peer);
}

// The same by TCP, if there is a way; should it fail, it goes by UDP after all.
static void branch_enlarge(struct branch *branch, struct span *request)
{
	struct proxy *proxy = branch->context->proxy;
	struct hop udp = branch->hop;
	struct hop tcp = {.peer = udp.peer, .transport = TRANSPORT_TCP};

	if (!hop_may_have_tcp(branch) || !hop_reach(branch, &tcp))
		return;
	branch->hop = tcp;
	branch->large = branch_write(branch, request);
	proxy->counters.large += branch->large;
	if (!branch->large) {
		branch->hop = udp;
		(void)!branch_write(branch, request);
	}
}

static bool branch_open(struct branch *branch, struct span request, uint64_t now_ms)
{
	struct context *context = branch->context;

	branch_enter(branch, BRANCH_ASKING);
	branch_timer_restart(branch, now_ms);
	branch->client = transaction_open_client(
		context->proxy->transactions, request, &branch->hop, &BRANCH_USER, branch, now_ms);
	if (branch->client == NULL)
		return false;
	context->transactions++;
	return true;
}

static bool branch_send(struct branch *branch, const struct hop *hop, uint64_t now_ms)
{
	struct span request;

	branch->hop = *hop;
	branch->large = false;
	branch->tried[branch->tried_count++] = *hop;
	if (!hop_reach(branch, &branch->hop))
		return false;
	if (!branch_write(branch, &request)) {
		branch->context->proxy->counters.dropped++;
		return false;
	}
	if (request.length > PROXY_DATAGRAM_MAX)
		branch_enlarge(branch, &request);
	return branch_open(branch, request, now_ms);
}

bool branch_send_small(struct branch *branch, uint64_t now_ms)
{
	struct span request;

	if (!branch->large)
		return false;
	branch->large = false;
	branch->client = NULL;
	branch->hop = branch->tried[branch->tried_count - 1];
	return branch_write(branch, &request) && branch_open(branch, request, now_ms);
}

static enum proxy_way branch_resolve(struct branch *branch, struct hop *hop)
{
	const struct proxy_options *options = &branch->context->proxy->options;
	const struct hop *flow = &branch->context->flows.flows[branch->flow].connection;
	const uint8_t *base;
	struct uri uri;
	bool lives;

	if (flow->connection != 0) {
		*hop = *flow;
		return branch->tried_count == 0 ? PROXY_WAY_FOUND : PROXY_WAY_NONE;
	}
	if (branch->tried_count == PROXY_TRIED_MAX || !branch_uri(branch, &base, &uri))
		return PROXY_WAY_NONE;
	return options->resolve(
		options->context, base, &uri, branch->tried, branch->tried_count, hop, &lives);
}

bool branch_try(struct branch *branch, uint64_t now_ms)
{
	struct proxy *proxy = branch->context->proxy;
	struct hop hop;
	enum proxy_way way;

	while ((way = branch_resolve(branch, &hop)) == PROXY_WAY_FOUND) {
		proxy->counters.next_addresses += branch->tried_count > 0;
		if (branch_send(branch, &hop, now_ms))
			return true;
	}
	if (way == PROXY_WAY_NONE || branch->tried_count > 0)
		return false;
	// Patience is for a name: asking again does not prolong it, the name of another flow has its own.
	if (branch->state != BRANCH_RESOLVING || !timer_is_set(&branch->timer)) {
		branch_enter(branch, BRANCH_RESOLVING);
		timer_set(proxy->timers, &branch->timer, now_ms + PROXY_NAME_PATIENCE_MS);
	}
	return true;
}
