#include "maddr.h"

#include "own.h"

// RFC 3261 section 19.1.2.
static enum transport transport_of(const struct uri *uri)
{
	if (uri->transport != TRANSPORT_NONE)
		return (enum transport)uri->transport;
	return uri->scheme == URI_SIPS ? TRANSPORT_TLS : TRANSPORT_UDP;
}

bool maddr_is_own(const struct request *request)
{
	const struct link_listener *in = &request->in->listener;
	struct uri named = request->target;

	if (named.parameters.length == 0
		|| !parameter_find(
			request->message->octets, named.parameters, SPAN("maddr"), &named.host))
		return false;
	return uri_port(&named) == in->address.port && transport_of(&named) == in->transport
		&& own_names(request->world->directory, request->message, &named);
}

// From its ';' to its end: no white space stands inside a URI.
static void parameter_cut(struct edit_plan *plan, const struct message *message,
	const struct uri *uri, struct span name)
{
	uint16_t before = (uint16_t)(name.length + 2);
	struct slice value;

	if (parameter_find(message->octets, uri->parameters, name, &value) && value.length != 0)
		edit_cut(plan,
			(struct slice){(uint16_t)(value.offset - before),
				(uint16_t)(value.length + before)});
}

void maddr_cut(struct edit_plan *plan, const struct message *message)
{
	struct uri uri;
	uint16_t host_end;

	if (!uri_parse(message->octets, message->target, &uri))
		return;
	host_end = (uint16_t)(uri.host.offset + uri.host.length);
	if (uri.has_port)
		edit_cut(plan,
			(struct slice){host_end, (uint16_t)(uri.parameters.offset - host_end)});
	parameter_cut(plan, message, &uri, SPAN("maddr"));
	parameter_cut(plan, message, &uri, SPAN("transport"));
}
