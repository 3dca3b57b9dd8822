// What browsers send: a handshake and frames, in pieces; whatever comes is a message within its limit, an answer, or the end.

#include "fuzz.h"
#include "websocket/websocket.h"

enum {
	MESSAGE_MAX = 512,
	PIECE = 61, // fed at once, so that frames are cut in many places
};

static const char opening[] =
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Protocol: sip\r\n\r\n";

static void octets_write(void *context, struct span octets)
{
	size_t *written = context;

	CHECK(octets.length > 0 && octets.octets != NULL);
	*written += octets.length;
}

static void messages_take(struct websocket *websocket)
{
	struct span message;

	while (websocket_take(websocket, &message)) {
		CHECK(message.length > 0 && message.length <= MESSAGE_MAX);
		(void)!websocket_send(websocket, message);
	}
}

static void conversation_run(struct span octets, bool opened)
{
	size_t written = 0;
	struct websocket *websocket = websocket_new(&(struct websocket_options){
		.message_max = MESSAGE_MAX, .write = octets_write, .context = &written});

	CHECK(websocket != NULL);
	if (opened)
		CHECK(websocket_feed(websocket, span_of(opening, sizeof(opening) - 1))
			== WEBSOCKET_OPEN);
	for (size_t at = 0; at < octets.length; at += PIECE) {
		size_t length = octets.length - at < PIECE ? octets.length - at : PIECE;

		(void)websocket_feed(websocket, span_of(octets.octets + at, length));
		messages_take(websocket);
		CHECK(websocket_read_pace(websocket).octets <= UINT32_MAX
			|| websocket_read_state(websocket) == WEBSOCKET_CLOSING);
	}
	// Whoever was let in or turned away has been told so.
	CHECK(websocket_read_state(websocket) == WEBSOCKET_OPENING || written > 0);
	websocket_close(websocket, 1001);
	CHECK(websocket_read_state(websocket) == WEBSOCKET_CLOSING);
	websocket_free(websocket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	conversation_run(span_of(data, size), false);
	conversation_run(span_of(data, size), true);
	return 0;
}
