#include "../tls/tls_names.h"
#include "trunks_private.h"

#include <openssl/err.h>

#include <stdlib.h>
#include <strings.h>

enum {
	OCTETS_A_MS = 1, // the slowest sender of a message that is served
};

void trunk_free(struct trunk *trunk)
{
	struct trunks *trunks = trunk->trunks;

	if (trunk->is_dying)
		LIST_REMOVE(trunk, dying);
	if (trunk->reach.family != ENDPOINT_NONE)
		LIST_REMOVE(trunk, by_reach);
	LIST_REMOVE(trunk, by_id);
	LIST_REMOVE(trunk, all);
	// Goodbye, where the other side can still hear it.
	if (trunk->ssl != NULL && trunk->connected && trunk->end != TRUNK_END_BROKEN) {
		ERR_clear_error();
		(void)SSL_shutdown(trunk->ssl);
	}
	bufferevent_free(trunk->carrier);
	tls_set_release(trunk->tls);
	admission_release(
		trunk->party.opened ? &trunks->reached : &trunks->admission, &trunk->party.peer);
	trunks->counts.open--;
	free(trunk);
}

void trunk_close(struct trunk *trunk, enum trunk_end end)
{
	const struct trunks_options *options = &trunk->trunks->options;
	struct trunk_party party = trunk->party;

	trunk->end = (uint8_t)end;
	trunk->trunks->counts.ended[end]++;
	// First it is gone, then it is told: nobody sends by it any more.
	trunk_free(trunk);
	options->closed(options->context, &party, end);
}

void trunk_die(struct trunk *trunk, enum trunk_end end)
{
	if (trunk->is_dying)
		return;
	trunk->is_dying = true;
	trunk->end = (uint8_t)end;
	bufferevent_disable(trunk->carrier, EV_READ | EV_WRITE);
	LIST_INSERT_HEAD(&trunk->trunks->dying, trunk, dying);
	event_active(trunk->trunks->reaper, EV_TIMEOUT, 0);
}

bool trunk_send(struct trunk *trunk, struct span octets)
{
	size_t waiting = evbuffer_get_length(bufferevent_get_output(trunk->carrier));

	if (trunk->is_dying || trunk->ending)
		return false;
	if (waiting + octets.length > trunk->trunks->options.limits.write_octets)
		trunk_die(trunk, TRUNK_END_STALLED);
	else if (bufferevent_write(trunk->carrier, octets.octets, octets.length) != 0)
		trunk_die(trunk, TRUNK_END_BROKEN);
	return true;
}

// --- What comes ---

// It ends when the answer is out, and reads nothing more.
static void end_when_written(struct trunk *trunk)
{
	if (trunk->is_dying)
		return;
	if (evbuffer_get_length(bufferevent_get_output(trunk->carrier)) == 0) {
		trunk_die(trunk, TRUNK_END_UNREADABLE);
		return;
	}
	trunk->ending = true;
	trunk->end = TRUNK_END_UNREADABLE;
	bufferevent_disable(trunk->carrier, EV_READ);
}

static void fault_take(struct trunk *trunk, const struct frame *frame)
{
	const struct trunks_options *options = &trunk->trunks->options;
	const struct message *message = &trunk->trunks->message;

	if (frame->kind == FRAME_UNENDED && message->request)
		options->refuse(options->context, &trunk->party, message, 400);
	else if (frame->kind == FRAME_TOO_LARGE && frame->length > 0 && message->request)
		options->refuse(options->context, &trunk->party, message, 513);
	end_when_written(trunk);
}

// False: no more of it now.
static bool frame_take(struct trunk *trunk, const struct frame *frame, struct span octets)
{
	struct trunks *trunks = trunk->trunks;

	switch (frame->kind) {
	case FRAME_MESSAGE:
		trunk->heard = true;
		trunks->counts.messages++;
		trunks->options.message(trunks->options.context, &trunk->party,
			span_of(octets.octets, frame->length));
		break;
	case FRAME_PING: // RFC 5626 section 4.4.1
		trunk->pinged = true;
		trunks->counts.pings++;
		(void)!trunk_send(trunk, SPAN("\r\n"));
		break;
	case FRAME_PONG:
		break;
	case FRAME_MORE:
		return false;
	default:
		fault_take(trunk, frame);
		return false;
	}
	trunk->message_ms = 0;
	return !trunk->is_dying && !trunk->ending;
}

// Returns how many octets are done with.
static size_t frames_take(struct trunk *trunk, struct span octets)
{
	size_t used = 0;
	bool more = true;

	while (more && used < octets.length) {
		struct span rest = span_of(octets.octets + used, octets.length - used);
		struct frame frame = framer_next(&trunk->framer, rest, &trunk->trunks->message);

		more = frame_take(trunk, &frame, rest);
		if (frame.kind == FRAME_MESSAGE || frame.kind == FRAME_PING
			|| frame.kind == FRAME_PONG)
			used += frame.length;
	}
	return used;
}

void trunk_read_ready(struct bufferevent *carrier, void *argument)
{
	struct trunk *trunk = argument;
	struct evbuffer *input = bufferevent_get_input(carrier);
	size_t length = evbuffer_get_length(input);

	if (trunk->is_dying || trunk->ending)
		return;
	trunk->heard_ms = clock_ms();
	const uint8_t *octets = evbuffer_pullup(input, -1);
	if (octets == NULL) {
		trunk_die(trunk, TRUNK_END_BROKEN);
		return;
	}
	size_t used = frames_take(trunk, span_of(octets, length));
	bool begun = used < length && octets[used] != '\r';
	if (!begun)
		trunk->message_ms = 0;
	else if (trunk->message_ms == 0)
		trunk->message_ms = trunk->heard_ms;
	evbuffer_drain(input, used);
}

// --- Its life ---

void trunk_written(struct bufferevent *carrier, void *argument)
{
	struct trunk *trunk = argument;

	if (trunk->ending && evbuffer_get_length(bufferevent_get_output(carrier)) == 0)
		trunk_close(trunk, trunk->end);
}

bool trunk_is_for(const struct trunk *trunk, struct span name)
{
	if (trunk->ssl == NULL)
		return true;
	if (trunk->connected)
		return tls_peer_is(trunk->ssl, name);
	return span_equal_nocase(span_of(trunk->name, strlen(trunk->name)), name);
}

static void connected(struct trunk *trunk)
{
	trunk->connected = true;
	trunk->heard_ms = clock_ms();
	bufferevent_enable(trunk->carrier, EV_READ | EV_WRITE);
}

void trunk_event(struct bufferevent *carrier, short what, void *argument)
{
	struct trunk *trunk = argument;

	if (trunk->is_dying)
		return;
	if (what & BEV_EVENT_CONNECTED)
		connected(trunk);
	else if (!trunk->connected && trunk->party.opened)
		trunk_close(trunk, trunk->stranger ? TRUNK_END_STRANGER : TRUNK_END_REFUSED);
	else if (what & BEV_EVENT_EOF)
		trunk_close(trunk, TRUNK_END_PEER);
	else if (what & BEV_EVENT_TIMEOUT)
		trunk_close(trunk, TRUNK_END_STALLED);
	else
		trunk_close(trunk, TRUNK_END_BROKEN);
}

static bool message_is_late(const struct trunk *trunk, uint64_t now_ms)
{
	return trunk->message_ms != 0
		&& now_ms - trunk->message_ms
		> trunk->trunks->options.limits.header_ms + trunk->framer.whole / OCTETS_A_MS;
}

void trunk_check(struct trunk *trunk, uint64_t now_ms)
{
	const struct trunk_limits *limits = &trunk->trunks->options.limits;
	uint64_t age_ms = now_ms - trunk->opened_ms;
	uint64_t silent_ms = now_ms - trunk->heard_ms;

	if (trunk->party.opened && !trunk->connected && age_ms > limits->connect_ms)
		trunk_close(trunk, TRUNK_END_REFUSED);
	else if (message_is_late(trunk, now_ms)
		|| (!trunk->party.opened && !trunk->heard && age_ms > limits->first_ms))
		trunk_close(trunk, TRUNK_END_SLOW);
	else if (silent_ms > (trunk->pinged ? limits->keepalive_ms : limits->idle_ms))
		trunk_close(trunk, TRUNK_END_SILENT);
}
