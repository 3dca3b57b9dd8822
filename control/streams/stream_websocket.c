// stream_websocket.c: a connection that speaks WebSocket (RFC 7118): one of its messages is one SIP message.

#include "stream_private.h"

#include <errno.h>

static void frames_write(void *context, struct span octets)
{
	stream_write_octets(context, octets);
}

int stream_open_websocket(struct stream *connection)
{
	const struct websocket_options options = {
		.message_max = stream_thread_limits(connection->thread)->message_octets,
		.origins = connection->thread->streams->options.origins,
		.write = frames_write,
		.context = connection,
	};
	uint8_t transport = connection->listener->transport;

	if (transport != TRANSPORT_WS && transport != TRANSPORT_WSS)
		return 0;
	connection->websocket = websocket_new(&options);
	return connection->websocket == NULL ? -ENOMEM : 0;
}

// RFC 7118 section 6 lets a client use CRLFs besides the pings of WebSocket, which are answered where they are read.
static bool message_is_blank(struct span message)
{
	for (size_t i = 0; i < message.length; i++)
		if (message.octets[i] != '\r' && message.octets[i] != '\n')
			return false;
	return true;
}

// False: it waits, or the connection ends.
static bool message_take(struct stream *connection, struct span message)
{
	if (message_is_blank(message)) {
		if (message.length == 4)
			stream_answer_ping(connection);
		return connection->wait == WAIT_NOTHING;
	}
	(void)message_parse(&connection->thread->message, message.octets, message.length);
	return stream_take_message(connection, message);
}

// As of other streams: each message has its time, with all its frames, and so has each control frame.
static void message_time(struct stream *connection)
{
	struct websocket_pace pace = websocket_read_pace(connection->websocket);

	if (!pace.amid)
		connection->message_ms = 0;
	else if (connection->message_ms == 0 || connection->whole != pace.whole)
		connection->message_ms = connection->thread->now_ms;
	connection->whole = pace.whole;
	connection->framer.whole = (uint32_t)pace.octets;
}

static void messages_take(struct stream *connection)
{
	struct span message;

	while (connection->wait == WAIT_NOTHING && websocket_take(connection->websocket, &message))
		if (!message_take(connection, message) && connection->wait != WAIT_END)
			(void)stream_keep_input(connection, message);
	if (websocket_read_state(connection->websocket) == WEBSOCKET_CLOSING)
		stream_end_later(connection, STREAM_END_PEER);
	else
		message_time(connection);
}

void stream_take_websocket(struct stream *connection, struct span octets)
{
	(void)websocket_feed(connection->websocket, octets);
	messages_take(connection);
}

void stream_resume_websocket(struct stream *connection)
{
	struct span waiting = span_of(connection->input, connection->input_length);

	if (waiting.length > 0) {
		if (!message_take(connection, waiting))
			return;
		stream_consume_input(connection, waiting.length);
	}
	messages_take(connection);
}
