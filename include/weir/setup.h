// setup.h: packets of the link's SOCK_SEQPACKET unix socket, with the descriptors that ride on them.
//
// A packet is a struct record_header and one LINK_ struct, and has the length and the number of descriptors that its type asks
// for. Whatever else arrives is refused, and its descriptors are closed: the other side can neither fill our descriptor table
// nor make us read what it did not send.

#pragma once

#include <weir/link.h>

enum {
	SETUP_PAYLOAD_MAX = sizeof(struct link_config),
	// LINK_UP: the memfd, one eventfd a lane, the keeper's and one a worker
	SETUP_DESCRIPTORS_MAX = LINK_WORKERS_MAX + LINK_LANES_MAX + 2,
};

struct setup_packet {
	uint16_t type; // LINK_HELLO to LINK_FAILED
	uint16_t length; // of payload: the size of the type's struct, 0 for LINK_START and LINK_UP
	uint32_t descriptor_count;
	int descriptors[SETUP_DESCRIPTORS_MAX]; // the receiver's to close
	_Alignas(8) uint8_t payload[SETUP_PAYLOAD_MAX];
};

// The descriptors stay open here. 0, -EINVAL (not what the type asks for), -EAGAIN, -EPIPE or another errno of the system.
[[nodiscard]] int setup_send(
	int socket, uint16_t type, struct span payload, const int *descriptors, uint32_t count);
// 1: *packet is written; 0: the other side is gone; -EAGAIN: nothing there yet; -EBADMSG: refused; or an errno of the system.
[[nodiscard]] int setup_receive(int socket, struct setup_packet *packet);
// Closes the descriptors that the receiver has not taken (it puts -1 in place of those it keeps).
void setup_close(struct setup_packet *packet);
