// link_setup.h: one connection of weir-control, from its HELLO to LINK_UP, packet by packet.
//
// The other side is hostile until proved otherwise: each packet must be the one that may come now, its fields in range, its
// descriptors bound UDP sockets. What control is told when something does not fit is in link_failed.

#pragma once

#include <weir/link.h>
#include <weir/setup.h>

#include <stdbool.h>

enum {
	// In link_failed: not about a listener, not about a device.
	LINK_SETUP_NO_LISTENER = 0xff,
	LINK_SETUP_NO_DEVICE = 0xff,
};

enum link_phase {
	LINK_SETUP_IDLE, // nobody is connected
	LINK_SETUP_HELLO, // control says HELLO next
	LINK_SETUP_CONFIG, // CONFIG next
	LINK_SETUP_LISTENERS, // DEVICE before the first LISTENER, LISTENER or START
	LINK_SETUP_START, // START next: workers run already
	LINK_SETUP_UP, // nothing comes any more
	LINK_SETUP_FAILED, // it was told so; its end is waited for
};

// A listener and its sockets, one a worker. Kept for as long as the process lives: they are handed to the next control.
struct link_setup_listener {
	struct link_listener listener;
	int sockets[LINK_WORKERS_MAX];
};

struct link_setup {
	enum link_phase phase;
	bool running; // workers run: configuration and listeners stand
	uint64_t incarnation; // of this process
	struct link_config config;
	unsigned device_count;
	struct link_device devices[LINK_DEVICES_MAX];
	unsigned listener_count;
	struct link_setup_listener listeners[LISTENERS_MAX];
};

// What the server does next.
enum link_step {
	LINK_STEP_WAIT, // for the next packet
	LINK_STEP_BEGIN, // START came: start workers if none run, then say LINK_UP
	LINK_STEP_REFUSE, // *failed is to be sent, then the connection ends
	LINK_STEP_CLOSE, // the connection ends: nobody to tell, or nothing to say
};

void link_setup_init(struct link_setup *setup, uint64_t incarnation);
// Control has connected.
void link_setup_begin(struct link_setup *setup);
// The connection has ended. What a control that got no further than this has brought is closed.
void link_setup_end(struct link_setup *setup);
// Take one packet; answers are sent on socket. Descriptors that are kept are marked so in the packet.
[[nodiscard]] enum link_step link_setup_take(struct link_setup *setup, int socket,
	struct setup_packet *packet, struct link_failed *failed);
// Workers run from now on.
void link_setup_mark_running(struct link_setup *setup);
// Fill in why. listener LINK_SETUP_NO_LISTENER: not about one.
__attribute__((format(printf, 4, 5))) enum link_step link_setup_refuse(
	struct link_failed *failed, int error, uint8_t listener, const char *format, ...);
// The same about a device.
__attribute__((format(printf, 4, 5))) enum link_step link_setup_refuse_device(
	struct link_failed *failed, int error, uint8_t device, const char *format, ...);
