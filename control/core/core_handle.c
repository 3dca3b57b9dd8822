#include "core_private.h"
#include "reply.h"

#include <weir/identity.h>

#include <inttypes.h>
#include <stdio.h>

enum {
	HEAD_ROOM = 8192, // of the copy that is edited: what we add to a request
	HEADERS_MAX = 16384,
	AOR_MAX = 512,
	SIP_PORT = 5060,
};

static void answer(
	struct core *core, const struct endpoint *source, unsigned status, struct span headers)
{
	struct text out = text_begin(core->out, sizeof(core->out));
	char tag[17];

	if (core->message.method == METHOD_ACK || !core->message.answerable)
		return;
	snprintf(tag, sizeof(tag), "%016" PRIx64,
		identity_hash_tag(&core->hashes, &core->message, (uint16_t)status));
	reply_write(&out, &core->message, source, status, span_of(tag, 16), headers);
	if (out.overflow)
		return;
	struct endpoint to = reply_destination(&core->message, source);
	core_send(core, &to, text_span(&out));
	if (status >= 300)
		core->counters.refused++;
}

static void refuse(struct core *core, const struct endpoint *source, unsigned status)
{
	answer(core, source, status, span_of(NULL, 0));
}

// True if host and port are one of our own: a listener, the name of our Record-Route, or a domain without port.
static bool is_own(const struct core *core, const uint8_t *base, const struct uri *uri)
{
	struct span host = slice_span(base, uri->host);
	struct span host_port = host; // with the port where it is written
	struct endpoint endpoint = {0};
	uint16_t port = uri->has_port ? uri->port : SIP_PORT;

	if (endpoint_parse_address(host, &endpoint)) {
		endpoint.port = port;
		for (unsigned i = 0; i < core->options.listener_count; i++)
			if (endpoint_equal(&endpoint, &core->options.listeners[i]))
				return true;
	}
	if (uri->has_port)
		host_port.length =
			(size_t)uri->host.length + 1 + (size_t)snprintf(NULL, 0, "%u", uri->port);
	if (span_equal_nocase(host_port, core->options.name))
		return true;
	return !uri->has_port && registrar_owns(&core->registrar, host);
}

static void register_answer(struct core *core, const struct endpoint *source)
{
	uint8_t octets[HEADERS_MAX];
	struct text headers = text_begin(octets, sizeof(octets));
	unsigned status =
		registrar_answer(&core->registrar, &core->message, core_now_s(), &headers);

	if (headers.overflow)
		status = 500;
	core->counters.registered += status == 200;
	answer(core, source, status, headers.overflow ? span_of(NULL, 0) : text_span(&headers));
}

// Follow the hosts of new Paths from now on, so that they are resolved and probed when the first call comes.
static void paths_follow(struct core *core)
{
	struct value_cursor cursor;
	struct name_address address;
	struct uri uri;

	value_begin(&cursor, &core->message, HEADER_PATH);
	while (value_next(&cursor)) {
		struct endpoint literal;
		if (!name_address_parse(core->message.octets, cursor.value, &address)
			|| !uri_parse(core->message.octets, address.uri, &uri))
			continue;
		struct span host = message_span(&core->message, uri.host);
		if (!endpoint_parse_address(host, &literal)
			&& target_set_follow(core->targets, host, uri.port, false) != 0)
			core->counters.dropped++;
	}
}

// Where a URI leads: an address literal is itself; a name's living target. False: not known (yet).
static bool uri_resolve(struct core *core, const uint8_t *base, const struct uri *uri,
	struct endpoint *to, bool *alive)
{
	struct span host = slice_span(base, uri->host);

	*alive = true;
	if (endpoint_parse_address(host, to)) {
		to->port = uri_port(uri);
		return true;
	}
	const struct target *target = target_set_pick(core->targets, host, uri->port);
	if (target == NULL) {
		if (target_set_follow(core->targets, host, uri->port, false) != 0)
			return false;
		target = target_set_pick(core->targets, host, uri->port);
	}
	if (target == NULL)
		return false;
	*to = target->endpoint;
	*alive = target->alive;
	return true;
}

static bool text_resolve(struct core *core, struct span text, struct endpoint *to, bool *alive)
{
	struct uri uri;

	return text.length <= UINT16_MAX
		&& uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri)
		&& uri.scheme != URI_OTHER && uri_resolve(core, text.octets, &uri, to, alive);
}

// The URI of the first value of a Path list.
static struct span path_first(struct span path)
{
	struct name_address address;
	uint16_t length = 0;
	bool quoted = false;
	bool bracketed = false;

	for (; length < path.length; length++) {
		uint8_t octet = path.octets[length];
		if (octet == '"')
			quoted = !quoted;
		else if (!quoted && (octet == '<' || octet == '>'))
			bracketed = octet == '<';
		else if (!quoted && !bracketed && octet == ',')
			break;
	}
	if (!name_address_parse(path.octets, (struct slice){0, length}, &address))
		return span_of(NULL, 0);
	return slice_span(path.octets, address.uri);
}

// The binding to use: the newest whose first hop lives, else the newest that leads anywhere.
static const struct binding *binding_choose(
	struct core *core, const struct binding *bindings, struct endpoint *to)
{
	const struct binding *choice = NULL;
	struct endpoint endpoint;
	bool alive;

	for (; bindings != NULL; bindings = bindings->next) {
		struct span next =
			bindings->path.length > 0 ? path_first(bindings->path) : bindings->contact;
		if (!text_resolve(core, next, &endpoint, &alive) || (!alive && choice != NULL))
			continue;
		choice = bindings;
		*to = endpoint;
		if (alive)
			break;
	}
	return choice;
}

static void send_on(struct core *core, const struct forward *forward, const struct endpoint *to)
{
	uint8_t *octets;
	size_t length;

	memcpy(core->out + HEAD_ROOM, core->in, core->message.length);
	if (!forward_plan(forward, &core->message, &core->plan)
		|| !edit_apply(&core->plan, core->out, sizeof(core->out), core->out + HEAD_ROOM,
			core->message.length, &octets, &length)) {
		refuse(core, &forward->source, 513);
		return;
	}
	core_send(core, to, span_of(octets, length));
}

// A request to an AOR of ours.
static void aor_forward(struct core *core, struct forward *forward, const struct uri *target)
{
	uint8_t aor[AOR_MAX];
	struct endpoint to;
	size_t length = location_write_aor(core->in, target, aor, sizeof(aor));
	const struct binding *bindings = length == 0
		? NULL
		: location_find(core->registrar.location, span_of(aor, length), core_now_s());

	if (bindings == NULL) {
		refuse(core, &forward->source, length == 0 ? 404 : 480);
		return;
	}
	const struct binding *binding = binding_choose(core, bindings, &to);
	if (binding == NULL) {
		core->counters.dropped++; // its host is being resolved: the retransmission finds it
		return;
	}
	forward->target = binding->contact;
	forward->path = binding->path;
	send_on(core, forward, &to);
}

// Our own Routes at the top (RFC 3261 section 16.4), and the one that follows them, if any.
static unsigned own_routes_count(struct core *core, struct uri *next, bool *has_next)
{
	struct value_cursor cursor;
	struct name_address address;
	unsigned count = 0;

	*has_next = false;
	value_begin(&cursor, &core->message, HEADER_ROUTE);
	while (value_next(&cursor)) {
		if (!name_address_parse(core->in, cursor.value, &address)
			|| !uri_parse(core->in, address.uri, next))
			return count;
		if (!is_own(core, core->in, next)) {
			*has_next = true;
			return count;
		}
		count++;
	}
	return count;
}

static bool is_dialog_forming(uint8_t method)
{
	return method != METHOD_REGISTER && method != METHOD_ACK && method != METHOD_CANCEL
		&& method != METHOD_BYE && method != METHOD_PRACK;
}

static void request_route(
	struct core *core, const struct endpoint *source, const struct uri *target)
{
	uint8_t record_route[512];
	struct text text = text_begin(record_route, sizeof(record_route));
	struct forward forward = {
		.hashes = &core->hashes, .sent_by = core->options.sent_by, .source = *source};
	struct endpoint to;
	struct uri next;
	bool has_next;
	bool alive;

	forward.own_routes = own_routes_count(core, &next, &has_next);
	if (core->options.record_route && is_dialog_forming(core->message.method)) {
		text_format(&text, "<sip:%.*s;lr>", (int)core->options.name.length,
			(const char *)core->options.name.octets);
		forward.record_route = text_span(&text);
	}
	if (!has_next && target->has_user && is_own(core, core->in, target)) {
		aor_forward(core, &forward, target);
		return;
	}
	const struct uri *hop = has_next ? &next : target;
	if (hop == target && is_own(core, core->in, target)) {
		refuse(core, source, 404); // our own name, no user
	} else if (hop->scheme == URI_OTHER) {
		refuse(core, source, 416);
	} else if (!uri_resolve(core, core->in, hop, &to, &alive)) {
		core->counters.dropped++; // being resolved: the retransmission finds it
	} else {
		send_on(core, &forward, &to);
	}
}

static void request_handle(struct core *core, const struct endpoint *source)
{
	struct uri target;

	if (!uri_parse(core->in, core->message.target, &target) || target.scheme == URI_OTHER) {
		refuse(core, source, 416);
	} else if (core->message.method == METHOD_REGISTER) {
		register_answer(core, source);
		paths_follow(core);
	} else if (core->message.method == METHOD_OPTIONS
		&& (core->message.max_forwards == 0
			|| (!target.has_user && is_own(core, core->in, &target)))) {
		answer(core, source, 200, SPAN("Accept: application/sdp\r\n"));
	} else if (core->message.max_forwards == 0) {
		refuse(core, source, 483);
	} else {
		request_route(core, source, &target);
	}
}

// RFC 3261 section 18.2.2: back by the next Via.
static bool via_destination(const struct core *core, const struct via *via, struct endpoint *to)
{
	struct span host =
		slice_span(core->in, via->received.length > 0 ? via->received : via->host);

	if (!endpoint_parse_address(host, to))
		return false;
	to->port = via->rport != 0 ? via->rport : via->port != 0 ? via->port : SIP_PORT;
	return true;
}

static void response_handle(struct core *core)
{
	struct span sent_by = message_span(&core->message, core->message.via.sent_by);
	struct endpoint to;
	struct via next;
	uint8_t *octets;
	size_t length;

	if (target_set_hear(core->targets, &core->message))
		return;
	memcpy(core->out + HEAD_ROOM, core->in, core->message.length);
	// RFC 3261 section 16.11: a response whose top Via is not ours is discarded.
	if (!span_equal_nocase(sent_by, core->options.sent_by)
		|| !forward_next_via(&core->message, &next) || !via_destination(core, &next, &to)
		|| !forward_plan_response(&core->message, &core->plan)
		|| !edit_apply(&core->plan, core->out, sizeof(core->out), core->out + HEAD_ROOM,
			core->message.length, &octets, &length)) {
		core->counters.dropped++;
		return;
	}
	core_send(core, &to, span_of(octets, length));
}

static unsigned fault_status(enum message_fault fault)
{
	return fault == MESSAGE_VERSION ? 505 : 400;
}

void core_handle(struct core *core, const struct endpoint *source, size_t length)
{
	enum message_fault fault = length > UINT16_MAX
		? MESSAGE_START_LINE
		: message_parse(&core->message, core->in, length);

	if (fault == MESSAGE_KEEPALIVE || fault == MESSAGE_STUN)
		return;
	if (fault != MESSAGE_OK) {
		core->counters.dropped++;
		if (core->message.request && core->message.answerable)
			refuse(core, source, fault_status(fault));
		return;
	}
	if (core->message.request)
		request_handle(core, source);
	else
		response_handle(core);
}
