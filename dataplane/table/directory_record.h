// directory_record.h: the records a directory is built from. They come from another process: nothing in them is believed.

#pragma once

#include <weir/link.h>

union directory_record {
	struct link_settings settings;
	struct link_name name;
	struct link_peer peer;
	struct link_peer_listener peer_listener;
	struct link_target target;
	struct link_prefix prefix;
	struct link_directory_listener listener;
};

// The record of one type (enum link_type), copied to where its members are aligned. False: not a directory record, of another
// length, or a field is out of range; nothing is written then.
[[nodiscard]] bool directory_record_read(
	uint16_t type, struct span octets, union directory_record *record);
// "host", "host:port", "[literal]" or "[literal]:port", as a listener writes itself: the host without brackets, the port 0 if
// there is none. False if it is something else; nothing is written then.
[[nodiscard]] bool directory_record_split(struct span written, struct span *host, uint16_t *port);
