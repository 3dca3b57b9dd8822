#include "scene.h"

#include <stdio.h>

enum {
	// Of the token in bye[]: behind "Route: <sip:".
	TOKEN_OFFSET = 44 + 63 + 18 + 12,
	PHONE_PORT = 5060,
};

static const char status_line[] = "SIP/2.0 200 OK\r\n";

static uint8_t *packet_receive(struct scene *scene, unsigned index, uint8_t listener,
	struct endpoint source, struct span text)
{
	struct packet *packet = &scene->packet[index];

	*packet = (struct packet){.octets = scene->buffer[index] + PACKET_HEAD_ROOM,
		.length = (uint32_t)text.length,
		.capacity = SCENE_BUFFER,
		.buffer = scene->buffer[index],
		.peer = source,
		.listener = listener};
	memcpy(packet->octets, text.octets, text.length);
	scene->burst->packet[index] = packet;
	scene->burst->origin[index] = ORIGIN_WIRE;
	return packet->octets;
}

static struct endpoint core_endpoint(void)
{
	return (struct endpoint){
		.address = {10, 0, 9, 1}, .port = PHONE_PORT, .family = ENDPOINT_V4};
}

void scene_receive_byes(struct scene *scene)
{
	const struct endpoint core = core_endpoint();

	scene->burst->count = BURST;
	for (unsigned i = 0; i < BURST; i++) {
		uint8_t *octets =
			packet_receive(scene, i, SCENE_CORE, core, span_of(bye, BYE_OCTETS));

		memcpy(octets + TOKEN_OFFSET, scene->token[scene->at].text, TOKEN_LENGTH_V4);
		scene->at = (scene->at + 1) & (scene->call_count - 1);
	}
}

void scene_write_requests(struct scene *scene)
{
	for (unsigned i = 0; i < BURST; i++)
		scene->request_length[i] = (uint16_t)snprintf((char *)scene->request[i],
			SCENE_MESSAGE_MAX,
			"OPTIONS sip:bob@example.com SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 100.64.0.%u:5060;branch=z9hG4bK8f2c41d7a0b3;rport\r\n"
			"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"
			"To: <sip:bob@example.com>\r\n"
			"Call-ID: a84b4c76e66710@pc33.example.com\r\n"
			"CSeq: %u OPTIONS\r\n"
			"User-Agent: ExamplePhone/1.0.3 (7.12)\r\n"
			"Content-Length: 0\r\n\r\n",
			i + 1, i + 1);
}

void scene_receive_requests(struct scene *scene)
{
	scene->burst->count = BURST;
	for (unsigned i = 0; i < BURST; i++)
		packet_receive(scene, i, SCENE_ACCESS,
			(struct endpoint){.address = {100, 64, 0, (uint8_t)(i + 1)},
				.port = PHONE_PORT,
				.family = ENDPOINT_V4},
			span_of(scene->request[i], scene->request_length[i]));
}

// A status line, and all that stands behind the request line, our Via on top.
bool scene_keep_responses(struct scene *scene)
{
	const size_t head = sizeof(status_line) - 1;

	for (unsigned i = 0; i < BURST; i++) {
		const struct packet *packet = scene->burst->packet[i];
		const uint8_t *end = memchr(packet->octets, '\n', packet->length);

		if (scene->burst->verdict[i] != VERDICT_UPSTREAM || end == NULL
			|| packet->length + head > SCENE_MESSAGE_MAX)
			return false;
		size_t rest = packet->length - (size_t)(end + 1 - packet->octets);

		memcpy(scene->response[i], status_line, head);
		memcpy(scene->response[i] + head, end + 1, rest);
		scene->response_length[i] = (uint16_t)(head + rest);
	}
	return true;
}

void scene_receive_responses(struct scene *scene)
{
	const struct endpoint core = core_endpoint();

	scene->burst->count = BURST;
	for (unsigned i = 0; i < BURST; i++)
		packet_receive(scene, i, SCENE_CORE, core,
			span_of(scene->response[i], scene->response_length[i]));
}
