#include "destination.h"

enum {
	PORT = 5060,
	PORT_TLS = 5061,
};

bool destination_equal(const struct destination *a, const struct destination *b)
{
	return a->port == b->port && a->transport == b->transport && a->secure == b->secure
		&& span_equal_nocase(a->host, b->host);
}

struct destination destination_of_uri(const uint8_t *base, const struct uri *uri)
{
	struct slice host = uri->host, maddr;

	if (parameter_find(base, uri->parameters, SPAN("maddr"), &maddr) && maddr.length > 0)
		host = maddr;
	return (struct destination){
		.host = slice_span(base, host),
		.port = uri->port,
		.transport = uri->transport,
		.secure = uri->scheme == URI_SIPS,
	};
}

uint16_t destination_default_port(uint8_t transport)
{
	return transport == TRANSPORT_TLS ? PORT_TLS : PORT;
}

uint8_t destination_transport(const struct destination *destination)
{
	uint8_t given = destination->transport;

	if (!destination->secure)
		return given == TRANSPORT_NONE ? TRANSPORT_UDP : given;
	// RFC 3261 section 19.1: sips with transport=tcp is TLS over TCP.
	bool fits = given == TRANSPORT_NONE || given == TRANSPORT_TCP || given == TRANSPORT_TLS;
	return fits ? TRANSPORT_TLS : TRANSPORT_NONE;
}
