// load.h: weir-load: messages at a rate, counted and checked where they come out.
//
// Four programs in one, each in the network namespace of its place: `send` makes messages of templates, `flood` the same under any
// number of addresses that are not its own, `sink` is all the phones,
// `relay` is the floor that any proxy on kernel sockets is measured against: it copies and does nothing else.
//
// A template file holds messages one after the other, each behind its length in decimal and a line feed. Every LOAD_MARK in a
// message becomes the number of the message, in ten digits: in the branch that makes it a transaction of its own, and in CSeq.

#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LOAD_MARK "##########"

enum {
	LOAD_BURST = 32,
	LOAD_DIGITS = sizeof(LOAD_MARK) - 1,
	LOAD_MARKS_MAX = 8,
	LOAD_MESSAGE_MAX = 65535,
	LOAD_NUMBERS_MAX = 1 << 28, // messages of one run: the sink remembers each of them
};

struct load_options {
	struct sockaddr_in from; // send: bound to; sink, relay: the first port that is listened on
	struct sockaddr_in to; // send, relay
	unsigned ports; // sink: so many from `from` on
	uint64_t rate; // send: messages a second; 0: as many as go
	double seconds; // send: how long; sink, relay: how long after the last message, once one has come
	const char *templates; // send, flood
	uint32_t sources; // flood: so many addresses from `from` on, all with its port
};

struct load_template {
	uint8_t *octets;
	size_t length;
	unsigned mark_count;
	size_t marks[LOAD_MARKS_MAX]; // offsets
};

struct load_templates {
	struct load_template *items;
	size_t count;
};

// 0 or a negative errno, and why was written to standard error.
[[nodiscard]] int load_templates_read(const char *path, struct load_templates *templates);
void load_templates_free(struct load_templates *templates);
void load_number_write(struct load_template *template, uint64_t number);
// The number in the branch `z9hG4bKload-` of a message. False: it has none.
[[nodiscard]] bool load_number_read(const uint8_t *octets, size_t length, uint64_t *number);

// The port of the request-URI (sip:user@host:port): the phone's own in every template, so that a message for another phone is known for
// what it is. 0: none.
[[nodiscard]] unsigned load_port_read(const uint8_t *octets, size_t length);

// What they did goes to standard output as one JSON object. 0 or a negative errno.
[[nodiscard]] int load_send(const struct load_options *options);
[[nodiscard]] int load_flood(const struct load_options *options);
[[nodiscard]] int load_sink(const struct load_options *options);
[[nodiscard]] int load_relay(const struct load_options *options);

// A bound UDP socket with large buffers, or a negative errno.
[[nodiscard]] int load_socket_open(const struct sockaddr_in *address);
[[nodiscard]] uint64_t load_clock_ns(clockid_t clock);
