// channel.h: a ring between two threads of the dataplane: the same ring.h as between the processes, in private memory.

#pragma once

#include <weir/endpoint.h>
#include <weir/ring.h>

enum {
	CHANNEL_OCTETS = 1 << 16,
	CHANNEL_TEXT_MAX = 96, // longer than any beat
};

struct channel {
	void *memory;
	struct ring writer;
	struct ring reader;
};

// What threads tell each other.
enum channel_type {
	// Worker to keeper: a datagram that looks like a beat; keeper to worker: send this one.
	CHANNEL_BEAT = 1,
	CHANNEL_UNREACHABLE, // worker to keeper: ICMP about `peer`, without text
};

struct channel_record {
	struct endpoint peer;
	uint8_t listener;
	uint8_t length; // of text
	uint8_t text[CHANNEL_TEXT_MAX];
};

// 0 or -ENOMEM.
[[nodiscard]] int channel_init(struct channel *channel);
void channel_fini(struct channel *channel);
// False: full, or the text is too long.
[[nodiscard]] bool channel_write(struct channel *channel, enum channel_type type,
	const struct endpoint *peer, uint8_t listener, struct span text);
// False: empty.
[[nodiscard]] bool channel_read(
	struct channel *channel, enum channel_type *type, struct channel_record *record);
