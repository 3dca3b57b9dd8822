#include "../base/clock.h"
#include "core_private.h"
#include "maddr.h"
#include "reply.h"
#include "strict.h"

#include <weir/identity.h>

#include <inttypes.h>
#include <stdio.h>

// Registrar and OPTIONS are stateless servers (RFC 3261 section 8.2.7): the same request is answered in the same way.
static void answer(
	struct core *core, const struct hop *source, unsigned status, struct span headers)
{
	struct text out = text_begin(core->out, sizeof(core->out));
	char tag[17];

	if (core->message.method == METHOD_ACK || !core->message.answerable)
		return;
	snprintf(tag, sizeof(tag), "%016" PRIx64,
		identity_hash_tag(&core->hashes, &core->message, (uint16_t)status));
	reply_write(&out, &core->message, &source->peer, status, span_of(tag, 16), headers);
	if (out.overflow)
		return;
	struct hop to = reply_hop(&core->message, source);
	core_send(core, &to, text_span(&out));
	core->counters.refused += status >= 300;
}

static void register_answer(struct core *core, const struct hop *source)
{
	struct text headers = text_begin(core->headers, sizeof(core->headers));
	unsigned status =
		registrar_answer(&core->registrar, &core->message, source, core_now_s(), &headers);

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
		const struct destination destination =
			destination_of_uri(core->message.octets, &uri);
		if (!endpoint_parse_address(destination.host, &literal)
			&& target_set_follow(core->targets, &destination, false) != 0)
			core->counters.dropped++;
	}
}

// OPTIONS that asks ourselves (RFC 3261 section 11).
static bool asks_us(const struct core *core)
{
	const struct message *message = &core->message;
	struct uri target;

	if (message->method != METHOD_OPTIONS
		|| !uri_parse(message->octets, message->target, &target)
		|| target.scheme == URI_OTHER)
		return false;
	return message->max_forwards == 0
		|| (!target.has_user && own_names_hold(&core->own, message->octets, &target));
}

// RFC 5923 section 5: who says `alias` takes requests for its sent-by by this connection.
static void alias_note(struct core *core, const struct hop *source)
{
	const struct via *via = &core->message.via;
	const uint8_t *begin = core->message.octets + via->value.offset;
	const uint8_t *semicolon = memchr(begin, ';', via->value.length);
	struct slice value;

	if (source->transport != TRANSPORT_TLS || semicolon == NULL)
		return;
	struct slice parameters = {(uint16_t)(semicolon - core->message.octets),
		(uint16_t)(via->value.length - (semicolon - begin))};
	if (parameter_find(core->message.octets, parameters, SPAN("alias"), &value))
		trunks_alias(core->trunks, source->connection,
			via->port != 0 ? via->port : destination_default_port(TRANSPORT_TLS));
}

static void request_handle(struct core *core, const struct hop *source)
{
	alias_note(core, source);
	if (core->message.method == METHOD_REGISTER) {
		register_answer(core, source);
		paths_follow(core);
	} else if (asks_us(core)) {
		answer(core, source, 200, SPAN("Accept: application/sdp\r\n"));
	} else {
		proxy_take(core->proxy, &core->message, source, clock_ms());
	}
}

// The message as the plan says. False: it cannot be written so.
static bool message_edit(struct core *core)
{
	uint8_t *octets;
	size_t length;

	return edit_apply(&core->plan, core->in, sizeof(core->in),
		       core->in + (core->message.octets - core->in), core->message.length, &octets,
		       &length)
		&& message_parse(&core->message, octets, length) == MESSAGE_OK;
}

// RFC 3261 section 16.4: what a strict router has moved goes back to its place, and our own maddr goes. False: it cannot be read then.
static bool request_repair(struct core *core, const struct endpoint *listener, uint8_t transport)
{
	const struct message *message = &core->message;
	struct uri target;

	if (strict_repair(&core->own, message, &core->plan) && !message_edit(core))
		return false;
	return !uri_parse(message->octets, message->target, &target)
		|| !maddr_strip(
			&core->own, message->octets, &target, listener, transport, &core->plan)
		|| message_edit(core);
}

static void response_handle(struct core *core, const struct hop *source)
{
	struct span sent_by = message_span(&core->message, core->message.via.sent_by);

	if (target_set_hear(core->targets, &core->message))
		return;
	// RFC 3261 section 18.1.2: a response whose top Via is not ours is discarded.
	if (own_names_sent(&core->own, sent_by))
		proxy_take(core->proxy, &core->message, source, clock_ms());
	else
		core->counters.dropped++;
}

static unsigned fault_status(enum message_fault fault)
{
	return fault == MESSAGE_VERSION ? 505 : 400;
}

void core_handle(
	struct core *core, const struct endpoint *listener, const struct hop *source, size_t length)
{
	enum message_fault fault = length > UINT16_MAX
		? MESSAGE_START_LINE
		: message_parse(&core->message, core->in, length);

	if (fault == MESSAGE_KEEPALIVE || fault == MESSAGE_STUN)
		return;
	if (fault != MESSAGE_OK) {
		core->counters.dropped++;
		if (core->message.request && core->message.answerable)
			answer(core, source, fault_status(fault), span_of(NULL, 0));
		return;
	}
	if (!core->message.request)
		response_handle(core, source);
	else if (request_repair(core, listener, source->transport))
		request_handle(core, source);
	else
		core->counters.dropped++;
}

void core_refuse(struct core *core, const struct hop *source, unsigned status)
{
	core->counters.dropped++;
	answer(core, source, status, span_of(NULL, 0));
}
