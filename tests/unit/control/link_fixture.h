// link_fixture.h: a link client with two listeners, the dataplane that the test plays, and what the client told its owner.

#pragma once

#include "fake_dataplane.h"
#include "link/link_client.h"

enum {
	LISTENERS = 2,
	DEVICES = 2,
};

struct heard {
	unsigned ups;
	unsigned downs;
	unsigned messages;
	unsigned events;
	unsigned worker;
	struct link_up_message head;
	uint16_t event_type;
	struct link_fault fault; // the last
	uint8_t octets[256];
	size_t length;
	char said[8192];
};

extern struct event_base *base;
extern char link_path[64];
extern struct link_listener listeners[LISTENERS];
extern struct link_device devices[DEVICES];
extern unsigned device_count; // of those, that the client is given: 0
extern bool link_takeover; // before the client opens
extern struct link_client *client;
extern struct fake_dataplane plane;
extern struct heard heard;

// A folder for the socket, and addresses for the listeners; nobody is there yet.
void link_setup_path(void);
void link_open(void);
// A client that tries to connect to a dataplane that listens.
void link_setup(void);
// As that, with a session.
void link_setup_up(void);
void link_teardown(void);

bool link_was_said(const char *words);
// On loopback; a port of 0 is chosen and written.
[[nodiscard]] int link_socket_bind(uint16_t *port);
