// fuzz_setup.c: what must hold of the dataplane's side of a set-up, whatever packets control sends.
//
// Octets are packets one after the other: one octet of type, one of descriptors, then the payload that the type has; what is missing
// is zero.

#include "fuzz.h"
#include "link_setup.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t payload_length(uint16_t type)
{
	switch (type) {
	case LINK_HELLO:
		return sizeof(struct link_hello);
	case LINK_CONFIG:
		return sizeof(struct link_config);
	case LINK_DEVICE:
		return sizeof(struct link_device);
	case LINK_LISTENER:
		return sizeof(struct link_listener);
	default:
		return 0;
	}
}

// Returns the octets that it took.
static size_t packet_make(struct span octets, struct setup_packet *packet)
{
	uint16_t type = (uint16_t)(LINK_HELLO + octets.octets[0] % (LINK_FAILED + 1));
	size_t length = payload_length(type);
	size_t head = octets.length > 1 ? 2 : 1;
	size_t rest = octets.length - head < length ? octets.length - head : length;

	*packet = (struct setup_packet){.type = type, .length = (uint16_t)length};
	if (rest > 0)
		memcpy(packet->payload, octets.octets + head, rest);
	// The ABI and the first field of an enum are the fuzzer's to guess; most tries shall come past HELLO.
	if (type == LINK_HELLO && head == 2 && octets.octets[1] != 0xff)
		((struct link_hello *)packet->payload)->abi = LINK_ABI;
	else if (type == LINK_LISTENER && head == 2)
		packet->descriptor_count = octets.octets[1] % (LINK_WORKERS_MAX + 1);
	for (uint32_t i = 0; i < packet->descriptor_count; i++)
		packet->descriptors[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return head + rest;
}

static void text_check(const char *text, size_t capacity)
{
	CHECK(memchr(text, 0, capacity) != NULL);
	for (; *text != 0; text++)
		CHECK(*text > ' ' && *text <= '~');
}

static void words_check(const struct link_config *config)
{
	const char *word = config->words;

	CHECK(config->word_count <= LINK_WORDS_MAX);
	for (unsigned i = 0; i < config->word_count; i++) {
		CHECK(word < config->words + sizeof(config->words) && *word != 0);
		text_check(word, (size_t)(config->words + sizeof(config->words) - word));
		word += strlen(word) + 1;
	}
}

static void devices_check(const struct link_setup *setup)
{
	CHECK(setup->device_count <= LINK_DEVICES_MAX);
	for (unsigned i = 0; i < setup->device_count; i++) {
		const struct link_device *device = &setup->devices[i];

		CHECK(device->index == i && device->name[0] != 0);
		text_check(device->name, sizeof(device->name));
		text_check(device->tap, sizeof(device->tap));
		CHECK((device->exception == LINK_EXCEPTION_TAP) == (device->tap[0] != 0));
		for (unsigned j = 0; j < i; j++)
			CHECK(strcmp(setup->devices[j].name, device->name) != 0);
	}
}

// What workers are started with.
static void setup_check(const struct link_setup *setup)
{
	const struct link_config *config = &setup->config;

	CHECK(config->workers >= 1 && config->workers <= LINK_WORKERS_MAX && config->edge != 0);
	CHECK(config->idle <= LINK_IDLE_POLL && config->memory <= LINK_MEMORY_ORDINARY);
	words_check(config);
	devices_check(setup);
	CHECK(setup->listener_count >= 1 && setup->listener_count <= LISTENERS_MAX);
	for (unsigned i = 0; i < setup->listener_count; i++) {
		const struct link_listener *listener = &setup->listeners[i].listener;

		CHECK(listener->id <= LISTENERS_MAX);
		CHECK(listener->driver == LINK_DRIVER_SOCKET
				? listener->device == 0
				: listener->device < setup->device_count);
		for (uint32_t n = 0; n < config->workers; n++)
			CHECK(setup->listeners[i].sockets[n] >= 0);
	}
}

static void failed_check(const struct link_failed *failed)
{
	CHECK(failed->error > 0);
	CHECK(memchr(failed->what, 0, sizeof(failed->what)) != NULL && failed->what[0] != 0);
}

static void packets_feed(struct link_setup *setup, int socket, struct span octets)
{
	enum link_step step = LINK_STEP_WAIT;

	while (step == LINK_STEP_WAIT && octets.length > 0) {
		struct link_failed failed = {0};
		struct setup_packet packet;
		size_t taken = packet_make(octets, &packet);

		octets = span_of(octets.octets + taken, octets.length - taken);
		step = link_setup_take(setup, socket, &packet, &failed);
		setup_close(&packet);
		if (step == LINK_STEP_REFUSE)
			failed_check(&failed);
		if (step == LINK_STEP_BEGIN)
			setup_check(setup);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct link_setup setup;
	int ends[2];

	if (length == 0
		|| socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return 0;
	int before = dup(0);

	close(before);
	link_setup_init(&setup, 1);
	link_setup_begin(&setup);
	packets_feed(&setup, ends[0], span_of(octets, length));
	link_setup_end(&setup);
	CHECK(setup.listener_count == 0 && setup.device_count == 0);
	int after = dup(0);

	close(after);
	CHECK(after == before);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
