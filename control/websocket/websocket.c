#include "websocket.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistr.h>
#include <wslay/wslay.h>

enum {
	// Of one message: each is an allocation of its own until the message is whole, however little it carries. Browsers send few or none.
	FRAGMENTS_MAX = 256,
	// RFC 6455 section 5.2: a client's frame has two octets, its mask, and its length if that is not in the second octet.
	HEAD_OCTETS = 2 + 4,
	LENGTH_16 = 126,
	LENGTH_64 = 65536,
};

struct waiting {
	STAILQ_ENTRY(waiting) next;
	size_t length;
	uint8_t octets[];
};

struct websocket {
	struct websocket_options options;
	enum websocket_state state;
	wslay_event_context_ptr frames;
	struct span input; // what frames has not read yet
	uint8_t *request; // of the handshake, as far as it has come; NULL when it is over
	size_t request_length;
	unsigned fragments; // of the message that is not whole yet
	uint64_t fed; // octets of frames that have come
	uint64_t framed; // where the last frame ends whose head has come
	uint64_t begun; // where the message began that is not whole yet
	bool in_message;
	uint32_t whole;
	STAILQ_HEAD(, waiting) messages;
	struct waiting *taken; // the message that was given out last
};

static ssize_t frames_receive(
	wslay_event_context_ptr frames, uint8_t *out, size_t capacity, int flags, void *context)
{
	struct websocket *websocket = context;
	size_t length = websocket->input.length < capacity ? websocket->input.length : capacity;

	if (length == 0) {
		wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(out, websocket->input.octets, length);
	websocket->input =
		span_of(websocket->input.octets + length, websocket->input.length - length);
	return (ssize_t)length;
}

static ssize_t frames_send(wslay_event_context_ptr frames, const uint8_t *octets, size_t length,
	int flags, void *context)
{
	struct websocket *websocket = context;

	websocket->options.write(websocket->options.context, span_of(octets, length));
	return (ssize_t)length;
}

static void frames_message(wslay_event_context_ptr frames,
	const struct wslay_event_on_msg_recv_arg *message, void *context)
{
	struct websocket *websocket = context;

	if (!wslay_is_ctrl_frame(message->opcode))
		websocket->in_message = false;
	websocket->whole += !websocket->in_message;
	// An empty message is nothing; kept, each would cost more than it took to send.
	if (wslay_is_ctrl_frame(message->opcode) || message->msg_length == 0)
		return;
	struct waiting *waiting = malloc(sizeof(*waiting) + message->msg_length);

	if (waiting == NULL) {
		wslay_event_set_error(frames, WSLAY_ERR_NOMEM);
		return;
	}
	waiting->length = message->msg_length;
	memcpy(waiting->octets, message->msg, message->msg_length);
	STAILQ_INSERT_TAIL(&websocket->messages, waiting, next);
}

static void frames_start(wslay_event_context_ptr frames,
	const struct wslay_event_on_frame_recv_start_arg *frame, void *context)
{
	struct websocket *websocket = context;
	uint64_t began = websocket->framed;

	websocket->framed += HEAD_OCTETS + frame->payload_length
		+ (frame->payload_length < LENGTH_16                ? 0
				: frame->payload_length < LENGTH_64 ? 2
								    : 8);
	if (wslay_is_ctrl_frame(frame->opcode))
		return;
	if (!websocket->in_message)
		websocket->begun = began;
	websocket->in_message = true;
	websocket->fragments = frame->fin ? 0 : websocket->fragments + 1;
	if (websocket->fragments <= FRAGMENTS_MAX)
		return;
	(void)wslay_event_queue_close(frames, WSLAY_CODE_POLICY_VIOLATION, NULL, 0);
	wslay_event_shutdown_read(frames);
}

struct websocket *websocket_new(const struct websocket_options *options)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = frames_receive,
		.send_callback = frames_send,
		.on_frame_recv_start_callback = frames_start,
		.on_msg_recv_callback = frames_message,
	};
	struct websocket *websocket = calloc(1, sizeof(*websocket));

	if (websocket == NULL)
		return NULL;
	websocket->options = *options;
	STAILQ_INIT(&websocket->messages);
	websocket->request = malloc(HANDSHAKE_REQUEST_MAX);
	if (websocket->request == NULL
		|| wslay_event_context_server_init(&websocket->frames, &callbacks, websocket)
			!= 0) {
		websocket_free(websocket);
		return NULL;
	}
	wslay_event_config_set_max_recv_msg_length(websocket->frames, options->message_max);
	return websocket;
}

void websocket_free(struct websocket *websocket)
{
	struct waiting *waiting;

	if (websocket == NULL)
		return;
	while ((waiting = STAILQ_FIRST(&websocket->messages)) != NULL) {
		STAILQ_REMOVE_HEAD(&websocket->messages, next);
		free(waiting);
	}
	if (websocket->frames != NULL)
		wslay_event_context_free(websocket->frames);
	free(websocket->taken);
	free(websocket->request);
	free(websocket);
}

// What is to be sent goes out at once; after a close nothing more is read.
static void frames_flush(struct websocket *websocket)
{
	if (wslay_event_send(websocket->frames) != 0
		|| wslay_event_get_close_sent(websocket->frames))
		websocket->state = WEBSOCKET_CLOSING;
}

static void frames_feed(struct websocket *websocket, struct span octets)
{
	websocket->input = octets;
	websocket->fed += octets.length;
	if (wslay_event_recv(websocket->frames) != 0)
		websocket->state = WEBSOCKET_CLOSING;
	websocket->input = span_of(NULL, 0);
	frames_flush(websocket);
}

// The request grows until it is whole; what follows it are the first frames.
static void handshake_feed(struct websocket *websocket, struct span octets)
{
	size_t room = HANDSHAKE_REQUEST_MAX - websocket->request_length;
	size_t length = octets.length < room ? octets.length : room;
	size_t before = websocket->request_length;
	struct handshake handshake;

	memcpy(websocket->request + before, octets.octets, length);
	websocket->request_length += length;
	enum handshake_result result =
		handshake_read(span_of(websocket->request, websocket->request_length),
			&websocket->options.origins, &handshake);

	if (result == HANDSHAKE_MORE)
		return;
	websocket->options.write(
		websocket->options.context, span_of(handshake.answer, handshake.answer_length));
	free(websocket->request);
	websocket->request = NULL;
	websocket->state = result == HANDSHAKE_ACCEPTED ? WEBSOCKET_OPEN : WEBSOCKET_CLOSING;
	size_t used = handshake.length - before;

	if (websocket->state == WEBSOCKET_OPEN && used < octets.length)
		frames_feed(websocket, span_of(octets.octets + used, octets.length - used));
}

enum websocket_state websocket_feed(struct websocket *websocket, struct span octets)
{
	if (octets.length > 0 && websocket->state == WEBSOCKET_OPENING)
		handshake_feed(websocket, octets);
	else if (octets.length > 0 && websocket->state == WEBSOCKET_OPEN)
		frames_feed(websocket, octets);
	return websocket->state;
}

bool websocket_take(struct websocket *websocket, struct span *message)
{
	free(websocket->taken);
	websocket->taken = STAILQ_FIRST(&websocket->messages);
	if (websocket->taken == NULL)
		return false;
	STAILQ_REMOVE_HEAD(&websocket->messages, next);
	*message = span_of(websocket->taken->octets, websocket->taken->length);
	return true;
}

bool websocket_send(struct websocket *websocket, struct span message)
{
	bool text = message.length == 0 || u8_check(message.octets, message.length) == NULL;
	const struct wslay_event_msg frame = {
		.opcode = text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
		.msg = message.octets,
		.msg_length = message.length,
	};

	if (websocket->state != WEBSOCKET_OPEN
		|| wslay_event_queue_msg(websocket->frames, &frame) != 0)
		return false;
	frames_flush(websocket);
	return websocket->state == WEBSOCKET_OPEN;
}

void websocket_close(struct websocket *websocket, uint16_t code)
{
	if (websocket->state == WEBSOCKET_OPEN
		&& wslay_event_queue_close(websocket->frames, code, NULL, 0) == 0)
		frames_flush(websocket);
	websocket->state = WEBSOCKET_CLOSING;
}

enum websocket_state websocket_read_state(const struct websocket *websocket)
{
	return websocket->state;
}

struct websocket_pace websocket_read_pace(const struct websocket *websocket)
{
	bool opening = websocket->state == WEBSOCKET_OPENING;
	// Behind the last frame is the head of the next; before its end, its payload.
	bool amid = opening ? websocket->request_length > 0
			    : websocket->in_message || websocket->framed != websocket->fed;

	return (struct websocket_pace){.amid = amid,
		.octets = websocket->in_message ? websocket->framed - websocket->begun : 0,
		.whole = websocket->whole};
}
