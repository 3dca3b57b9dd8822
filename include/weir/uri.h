// uri.h: SIP URIs and the name-addr forms that carry them (RFC 3261 sections 19.1, 20.10 and 25.1).
//
// Parsed in place; slices are relative to the base the text was parsed against. Nothing is unescaped here: what is compared
// or hashed is canonicalized by whoever does it (identity.h).

#pragma once

#include <weir/span.h>

#include <stdbool.h>

enum uri_scheme {
	URI_OTHER, // tel: and the like: only `text` and `scheme_name` are set
	URI_SIP,
	URI_SIPS,
};

struct uri {
	struct slice text; // the whole URI
	struct slice scheme_name;
	uint8_t scheme; // enum uri_scheme
	bool has_user; // "sip:@host" does not parse; "sip:host" has no user
	bool has_port;
	uint8_t transport; // enum transport, of the transport parameter; TRANSPORT_NONE if absent or unknown
	uint16_t port; // 0 if absent
	struct slice user; // without password, escapes as they stand
	struct slice password; // length 0 if absent
	struct slice host; // IPv6 references with their brackets
	// From the first ';' to '?' or the end, with the ';'; length 0 if none.
	struct slice parameters;
	struct slice headers; // after '?', length 0 if none
};

// False: not a URI (RFC 3261 section 25.1), or one that two parsers could read differently: control octets, bad %-escapes, an
// empty port or port 0, host labels that are none, more than 255 octets of host, a name that ends in a number (inet_aton()
// takes "127.1" and "2130706433" for addresses), a parameter twice, more than 32 of them.
[[nodiscard]] bool uri_parse(const uint8_t *base, struct slice text, struct uri *uri);

// The port that a URI names without saying so: 5061 for sips and TLS, else 5060 (RFC 3261 section 19.1.2).
uint16_t uri_port(const struct uri *uri);

// One element of From, To, Contact, Route, Record-Route or Path: display name, URI, parameters.
struct name_address {
	struct slice value; // the whole element
	struct slice display; // with its quotes; length 0 if none
	// Between the brackets, or the bare addr-spec without the parameters, which are then the header's.
	struct slice uri;
	struct slice parameters; // after the URI, from the first ';'; length 0 if none
	bool bracketed;
};
[[nodiscard]] bool name_address_parse(
	const uint8_t *base, struct slice value, struct name_address *address);

// Find ";name" or ";name=value" in parameters (of a URI, a name-addr or a Via), names without case, quoted strings skipped.
// *value has length 0 for a parameter without value; a quoted value keeps its quotes. False: absent.
[[nodiscard]] bool parameter_find(
	const uint8_t *base, struct slice parameters, struct span name, struct slice *value);
// How often the parameter stands there.
unsigned parameter_count(const uint8_t *base, struct slice parameters, struct span name);

// A URI equals another as RFC 3261 section 19.1.4 says.
[[nodiscard]] bool uri_equal(
	const uint8_t *base_a, const struct uri *a, const uint8_t *base_b, const struct uri *b);

// Decimal digits only, no sign, no space, at most limit. False: anything else.
[[nodiscard]] bool number_parse(struct span text, uint64_t limit, uint64_t *number);
