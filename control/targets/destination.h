// destination.h: what a SIP URI says about where to send (RFC 3263 section 4).

#pragma once

#include <weir/side.h>
#include <weir/uri.h>

struct destination {
	struct span host; // a name or an address; IPv6 with or without brackets
	uint16_t port; // 0: none given
	uint8_t transport; // enum transport; TRANSPORT_NONE: none given, DNS says
	bool secure; // of a sips URI: TLS and nothing else
};

// Sets of transports: those that the asker can send by.
static inline unsigned transport_bit(uint8_t transport)
{
	return 1u << transport;
}

// Of a sip or sips URI; the host is that of maddr if there is one (RFC 3263 section 4: TARGET).
// The same question: hosts without case.
[[nodiscard]] bool destination_equal(const struct destination *a, const struct destination *b);
struct destination destination_of_uri(const uint8_t *base, const struct uri *uri);
// The port without one given, and without SRV: 5061 for TLS, else 5060 (RFC 3261 section 19.1.2).
uint16_t destination_default_port(uint8_t transport);
// The transport by which an address is sent to, or a name with a port, when DNS is not asked (RFC 3263 section 4.1): the one given,
// else TLS for sips, else UDP; of sips over TCP it is TLS. TRANSPORT_NONE: what was given contradicts itself.
uint8_t destination_transport(const struct destination *destination);
