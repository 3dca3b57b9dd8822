// The values that name a place: a host, a URI, a network card, processors.

#include "arena.h"
#include "cpus.h"
#include "device.h"
#include "scalar_private.h"

#include <weir/uri.h>

enum {
	HOST_OCTETS_MAX = 255,
	URI_OCTETS_MAX = 512,
};

// The URI of which the text is what follows "sip:"; the whole stays in the arena, so that slices of it can be kept.
static bool host_parse(struct span text, struct arena *arena, struct uri *uri, struct span *base)
{
	char *whole = arena_format(arena, "sip:%s", (const char *)text.octets);

	if (whole == NULL || text.length > HOST_OCTETS_MAX)
		return false;
	*base = span_of(whole, text.length + 4);
	return uri_parse(base->octets, (struct slice){0, (uint16_t)base->length}, uri)
		&& !uri->has_user && uri->parameters.length == 0 && uri->headers.length == 0;
}

// A part of a URI as a text of its own, ending in a NUL.
static bool part_keep(const uint8_t *base, struct slice part, struct arena *arena, struct span *out,
	struct scalar_fault *fault)
{
	return scalar_text_keep(slice_span(base, part), arena, out, fault);
}

bool scalar_read_host(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct span base;
	struct uri uri;

	if (!host_parse(text, arena, &uri, &base) || uri.has_port)
		return scalar_refuse(
			fault, "this is no host", "write a name or an address, without a port");
	return scalar_text_keep(text, arena, out, fault);
}

bool scalar_read_host_port(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct config_host host = {0};
	struct span base;
	struct uri uri;

	if (!host_parse(text, arena, &uri, &base))
		return scalar_refuse(fault, "this is no host",
			"write a name or an address, with or without a port");
	host.port = uri.port;
	if (!scalar_text_keep(text, arena, &host.text, fault)
		|| !part_keep(base.octets, uri.host, arena, &host.host, fault))
		return false;
	memcpy(out, &host, sizeof(host));
	return true;
}

// Transports that the parser does not know count as none, so the parameter itself is looked for. False: not one that a core is sent to by.
static bool uri_transport(const uint8_t *base, const struct uri *uri, uint8_t *transport)
{
	struct slice value;

	*transport = uri->transport;
	if (uri->transport == TRANSPORT_NONE)
		return !parameter_find(base, uri->parameters, SPAN("transport"), &value);
	return uri->transport == TRANSPORT_TCP || uri->transport == TRANSPORT_TLS
		|| (uri->transport == TRANSPORT_UDP && uri->scheme != URI_SIPS);
}

bool scalar_read_uri(const struct schema_row *row, struct span text, struct arena *arena, void *out,
	struct scalar_fault *fault)
{
	static const char hint[] = "write for example sip:core.example.net, "
				   "sip:10.0.0.9:5060;transport=tcp or sips:core.example.net";
	struct config_uri target = {0};
	struct uri uri;

	if (text.length > URI_OCTETS_MAX
		|| !uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri))
		return scalar_refuse(fault, "this is no SIP URI", hint);
	if (uri.scheme == URI_OTHER || uri.has_user || uri.headers.length > 0)
		return scalar_refuse(fault, "this is no SIP URI of a host", hint);
	if (!uri_transport(text.octets, &uri, &target.transport))
		return scalar_refuse(fault, "the core is sent to by udp, tcp or tls", hint);
	target.secure = uri.scheme == URI_SIPS;
	// RFC 3261 section 19.1.1: sips over TCP is TLS.
	if (target.secure)
		target.transport = TRANSPORT_TLS;
	target.port = uri.port;
	if (!scalar_text_keep(text, arena, &target.text, fault)
		|| !part_keep(text.octets, uri.host, arena, &target.host, fault))
		return false;
	memcpy(out, &target, sizeof(target));
	return true;
}

// A card has one spelling from here on: lower case, with its domain.
static const char *device_write(struct span text, struct arena *arena)
{
	struct span base = device_name_base(text);
	bool short_form = base.length < sizeof("0000:00:00.0") - 1;
	char *name = arena_format(arena, "%s%.*s", device_is_pci(text) && short_form ? "0000:" : "",
		(int)text.length, (const char *)text.octets);

	for (char *at = name; device_is_pci(text) && at != NULL && *at != '\0' && *at != ','; at++)
		*at = (char)octet_lower((uint8_t)*at);
	return name;
}

bool scalar_read_device(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct span name;
	const char *why;

	if (!device_name_check(text, &why))
		return scalar_refuse(fault, why,
			"write for example 0000:3b:00.0, \"net_af_xdp0,iface=eth0\" or "
			"\"net_af_packet0,iface=eth0\"");
	name.octets = (const uint8_t *)device_write(text, arena);
	if (name.octets == NULL)
		return scalar_refuse_memory(fault);
	name.length = strlen((const char *)name.octets);
	memcpy(out, &name, sizeof(name));
	return true;
}

bool scalar_read_cpus(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct cpus cpus = {0};

	if (!span_equal(text, SPAN("auto")) && !cpus_read(text, &cpus))
		return scalar_refuse(fault, "these are no processors",
			"write 'auto', or numbers as '2-5' or '2,4,8-11', rising");
	memcpy(out, &cpus, sizeof(cpus));
	return true;
}
