#include "own.h"

#include "stage.h"

struct span own_host_text(struct span host, uint8_t *buffer)
{
	struct endpoint endpoint;

	if (host.length == 0 || host.octets[0] != '[' || !endpoint_parse_address(host, &endpoint))
		return host;
	return span_of(buffer, endpoint_format_host(&endpoint, buffer));
}

bool own_names(
	const struct directory *directory, const struct message *message, const struct uri *uri)
{
	uint8_t buffer[ENDPOINT_TEXT_MAX];

	return directory_is_own(directory, own_host_text(message_span(message, uri->host), buffer),
		uri->port, uri_port(uri));
}
