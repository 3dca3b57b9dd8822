// packet.h: one datagram on its way through a worker.
//
// The octets stand inside a buffer with room before and behind them, so that a message can grow in place. The buffer belongs to
// the backend that received it (io.h): whoever takes a packet out of it sends it or releases it, once.

#pragma once

#include <weir/endpoint.h>

#include <stdint.h>

enum {
	PACKET_HEAD_ROOM = 256, // octets that our own buffers leave free before a datagram
	// At least so many are free in every backend: DPDK fixes what a card leaves, and the frame's headers take their part. A message
	// that grows by more moves its tail, which costs a copy and nothing else (edit.h).
	PACKET_HEAD_ROOM_MIN = 96,
	BURST_MAX = 32,
};

struct packet {
	uint8_t *octets; // the first octet of the message; in [buffer, buffer + capacity)
	uint32_t length;
	uint32_t capacity; // of buffer
	uint8_t *buffer; // the backend's
	struct endpoint peer; // where it came from; before sending: where it goes
	uint8_t listener; // it came by; before sending: it leaves by
	uint8_t pool; // the backend's: which size class the buffer is of
	uint8_t part; // the backend's, when it is one of two: which
	uint8_t reserved;
	void *owner; // the backend's
};
