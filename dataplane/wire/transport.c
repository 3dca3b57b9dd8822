// transport.c: see transport.h.

#include "transport.h"

#include "poison.h"

enum transport transport_find(struct span name)
{
	if (span_equal_nocase(name, SPAN("UDP")))
		return TRANSPORT_UDP;
	if (span_equal_nocase(name, SPAN("TCP")))
		return TRANSPORT_TCP;
	if (span_equal_nocase(name, SPAN("TLS")))
		return TRANSPORT_TLS;
	if (span_equal_nocase(name, SPAN("WS")))
		return TRANSPORT_WS;
	if (span_equal_nocase(name, SPAN("WSS")))
		return TRANSPORT_WSS;
	return TRANSPORT_NONE;
}
