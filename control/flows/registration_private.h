// registration_private.h: what the two ways of a REGISTER share, up with the request and down with its answer.

#pragma once

#include "pendings.h"
#include "registration.h"

struct registration {
	struct registration_options options;
	struct registration_counts counts;
	struct pendings pendings;
	struct message message; // being read
	struct register_request request;
};

// A message that came up, on its way through.
struct passage {
	struct registration *registration;
	unsigned worker;
	const struct link_up_message *head;
	struct span octets;
	struct flow_time time;
};

// Send a message down to the worker that the passage came from; its listener, peer and length are filled in here.
void registration_send(
	const struct passage *passage, struct link_down_message *down, bool after_changes);
// Parses what a worker has parsed before; still, it is the other process' word. False: it is no REGISTER request, or no
// answer to one, and was counted.
[[nodiscard]] bool registration_read(const struct passage *passage, bool request);
