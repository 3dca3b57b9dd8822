#include "own_names.h"

#include <stdio.h>

const struct own_name *own_names_by(const struct own_names *own, uint8_t *transport)
{
	static const uint8_t OTHERS[] = {TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS};

	for (unsigned i = 0; own->by[*transport].sent_by.length == 0 && i < sizeof(OTHERS); i++)
		*transport = OTHERS[i];
	return &own->by[*transport];
}

bool own_names_sent(const struct own_names *own, struct span sent_by)
{
	for (unsigned i = 0; i <= TRANSPORT_TLS; i++)
		if (own->by[i].sent_by.length > 0 && span_equal_nocase(own->by[i].sent_by, sent_by))
			return true;
	return false;
}

static bool is_written(const struct own_names *own, struct span name)
{
	for (unsigned i = 0; i <= TRANSPORT_TLS; i++)
		if (own->by[i].written.length > 0 && span_equal_nocase(own->by[i].written, name))
			return true;
	return false;
}

bool own_names_have_domain(const struct own_names *own, struct span host)
{
	for (unsigned i = 0; i < own->domain_count; i++)
		if (span_equal_nocase(own->domains[i], host))
			return true;
	return false;
}

static bool is_listener(const struct own_names *own, struct span host, uint16_t port)
{
	struct endpoint endpoint = {0};

	if (!endpoint_parse_address(host, &endpoint))
		return false;
	endpoint.port = port;
	for (unsigned i = 0; i < own->listener_count; i++)
		if (endpoint_equal(&endpoint, &own->listeners[i]))
			return true;
	return false;
}

bool own_names_have_host(const struct own_names *own, struct span host, uint16_t port)
{
	return is_listener(own, host, port) || own_names_have_domain(own, host);
}

bool own_names_hold(const struct own_names *own, const uint8_t *base, const struct uri *uri)
{
	struct span host = slice_span(base, uri->host);
	struct span host_port = host; // with the port where it is written

	if (uri->scheme == URI_OTHER)
		return false;
	if (is_listener(own, host, uri_port(uri)))
		return true;
	if (uri->has_port)
		host_port.length =
			(size_t)uri->host.length + 1 + (size_t)snprintf(NULL, 0, "%u", uri->port);
	if (is_written(own, host_port))
		return true;
	return !uri->has_port && own_names_have_domain(own, host);
}
