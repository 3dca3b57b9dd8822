#include "aim.h"

#include "guard.h"
#include "maddr.h"
#include "own.h"

static bool host_is_forbidden(
	const struct request *request, struct slice host, uint16_t port, bool chosen)
{
	const struct directory *directory = request->world->directory;
	struct endpoint endpoint;

	// A name is the core's to resolve.
	if (!endpoint_parse_address(request_span(request, host), &endpoint))
		return false;
	endpoint.port = port;
	endpoint_fold_mapped(&endpoint);
	if (!guard_is_unicast(&endpoint)
		|| (guard_is_loopback(&endpoint)
			&& !guard_is_loopback(&request->in->listener.address)))
		return true;
	return chosen && directory_prefix_listed(directory, LINK_PREFIX_INSIDE, 0, &endpoint)
		&& !directory_is_target(directory, &endpoint);
}

// No Route of ours has one: who adds it wants the request somewhere else.
static bool own_route_has_maddr(const struct request *request)
{
	struct slice maddr;

	for (unsigned i = 0; i < request->decision->popped; i++)
		if (parameter_find(request->message->octets, request->routes->hop[i].uri.parameters,
			    SPAN("maddr"), &maddr))
			return true;
	return false;
}

bool aim_is_forbidden(const struct request *request)
{
	const struct routes *routes = request->routes;
	const struct message *message = request->message;
	const struct uri *aim = routes->has_next ? &routes->next_uri : &request->target;
	// Inside, a Route is one that the core has told the phone: a Service-Route, or a Record-Route.
	bool chosen = !routes->has_next && !request_has_to_tag(request);
	struct slice maddr;

	if (own_route_has_maddr(request))
		return true;
	if (aim->scheme == URI_OTHER)
		return false;
	if (!own_names(request->world->directory, message, aim)
		&& host_is_forbidden(request, aim->host, uri_port(aim), chosen))
		return true;
	return aim->parameters.length != 0
		&& parameter_find(message->octets, aim->parameters, SPAN("maddr"), &maddr)
		&& host_is_forbidden(request, maddr, uri_port(aim), chosen)
		&& !maddr_is_own(request);
}
