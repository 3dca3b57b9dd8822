#include "maddr.h"

#include <weir/side.h>

bool maddr_find(const uint8_t *base, const struct uri *uri, struct span *value)
{
	struct slice found;

	if (uri->scheme == URI_OTHER
		|| !parameter_find(base, uri->parameters, SPAN("maddr"), &found)
		|| found.length == 0)
		return false;
	*value = slice_span(base, found);
	return true;
}

struct span maddr_host(const uint8_t *base, const struct uri *uri)
{
	struct span value;

	return maddr_find(base, uri, &value) ? value : slice_span(base, uri->host);
}

static uint8_t transport_of(const struct uri *uri)
{
	if (uri->transport != TRANSPORT_NONE)
		return uri->transport;
	return uri->scheme == URI_SIPS ? TRANSPORT_TLS : TRANSPORT_UDP;
}

static void cut_parameter(
	const uint8_t *base, const struct uri *uri, struct span name, struct edit_plan *plan)
{
	struct slice value;

	if (!parameter_find(base, uri->parameters, name, &value) || value.length == 0)
		return;
	uint16_t before = (uint16_t)(name.length + 2); // ";name="
	edit_cut(plan,
		(struct slice){
			(uint16_t)(value.offset - before), (uint16_t)(value.length + before)});
}

// From the colon to what follows the port.
static void cut_port(const struct uri *uri, struct edit_plan *plan)
{
	uint16_t begin = (uint16_t)(uri->host.offset + uri->host.length);
	uint16_t end = (uint16_t)(uri->text.offset + uri->text.length);

	if (uri->headers.length > 0)
		end = (uint16_t)(uri->headers.offset - 1);
	if (uri->parameters.length > 0)
		end = uri->parameters.offset;
	edit_cut(plan, (struct slice){begin, (uint16_t)(end - begin)});
}

bool maddr_strip(const struct own_names *own, const uint8_t *base, const struct uri *uri,
	const struct endpoint *local, uint8_t transport, struct edit_plan *plan)
{
	struct span value;

	if (!maddr_find(base, uri, &value) || uri_port(uri) != local->port
		|| transport_of(uri) != transport
		|| !own_names_have_host(own, value, uri_port(uri)))
		return false;
	edit_begin(plan);
	cut_parameter(base, uri, SPAN("maddr"), plan);
	cut_parameter(base, uri, SPAN("transport"), plan);
	if (uri->has_port)
		cut_port(uri, plan);
	return !plan->overflow;
}
