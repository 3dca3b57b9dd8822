// via.h: one Via value (RFC 3261 section 20.42, RFC 3581).

#pragma once

#include <weir/span.h>

#include <stdbool.h>

// Slices are relative to the base the value was parsed against.
struct via {
	struct slice value; // the whole value, without the white space around it
	// "SIP/2.0/UDP" as it stands, white space around the slashes included.
	struct slice protocol;
	struct slice transport_name; // the "UDP" of it as it stands, for transports we do not know
	uint8_t transport; // enum transport; TRANSPORT_NONE for one we do not know
	bool has_rport; // with or without a value
	bool has_port;
	uint16_t port; // of sent-by; 0 if absent
	uint16_t rport; // 0 if absent or empty
	struct slice sent_by; // host and port as they stand
	struct slice host; // IPv6 references with their brackets
	struct slice branch; // value; length 0 if absent or empty
	struct slice received; // value; length 0 if absent
	struct slice maddr;
	struct slice proof; // value of our own `w` parameter; length 0 if absent
	// From its ';' to its end, so that it can be cut out; length 0 if absent.
	struct slice received_parameter;
	struct slice rport_parameter; // likewise
	struct slice keep_offer; // `keep` without a value (RFC 6223), likewise
};

// Parse one value (one element of the comma list) of a Via line. False: no SIP Via; *via is then unspecified.
[[nodiscard]] bool via_parse(const uint8_t *base, struct slice value, struct via *via);
