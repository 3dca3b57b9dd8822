#include "registrar_private.h"

// RFC 5626 sections 4.4.1 and 6: to whom we are the first hop we also say how often it must show that it is there.
static void outbound_write(
	const struct registrar *registrar, const struct asked *asked, struct text *headers)
{
	text_add(headers, SPAN("Supported: path, outbound\r\nRequire: outbound\r\n"));
	if (asked->flow.connection != 0 && registrar->options.flow_timer_s > 0)
		text_format(headers, "Flow-Timer: %u\r\n", registrar->options.flow_timer_s);
}

// Path as it came, for who understands it; and that a reg-id counted (RFC 5626 section 6).
static void extensions_write(struct registrar *registrar, const struct message *request,
	const struct asked *asked, struct text *headers)
{
	if (asked->path_length > 0 && message_has_token(request, HEADER_SUPPORTED, SPAN("path"))) {
		text_add(headers, SPAN("Path: "));
		text_add(headers, span_of(asked->path, asked->path_length));
		text_add(headers, SPAN("\r\n"));
	}
	if (asked->outbound && message_has_token(request, HEADER_SUPPORTED, SPAN("outbound")))
		outbound_write(registrar, asked, headers);
	if (registrar->options.service_route.length > 0) {
		text_add(headers, SPAN("Service-Route: "));
		text_add(headers, registrar->options.service_route);
		text_add(headers, SPAN("\r\n"));
	}
}

void registrar_write_bindings(struct registrar *registrar, const struct message *request,
	uint64_t now_s, const struct asked *asked, struct text *headers)
{
	const struct binding *binding = location_find(registrar->location, asked->aor, now_s);
	bool gruu = registrar->gruu_key != NULL
		&& message_has_token(request, HEADER_SUPPORTED, SPAN("gruu"));

	for (; binding != NULL; binding = binding->next) {
		text_add(headers, SPAN("Contact: <"));
		text_add(headers, binding->contact);
		text_add(headers, SPAN(">"));
		text_add(headers, binding->parameters);
		if (gruu)
			gruu_add(registrar->gruu_key, headers, request->octets, &asked->to,
				binding->instance, binding->call_id);
		text_format(headers, ";expires=%u\r\n", (unsigned)(binding->expires_at_s - now_s));
	}
	extensions_write(registrar, request, asked, headers);
}
