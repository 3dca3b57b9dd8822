#include "host.h"

size_t host_normalize(struct span host, uint8_t out[LINK_NAME_MAX])
{
	struct endpoint literal = {0};
	uint8_t text[ENDPOINT_TEXT_MAX];

	if (endpoint_parse_address(host, &literal)) {
		size_t length = endpoint_format_host(&literal, text);
		bool bracketed = text[0] == '[';
		memcpy(out, text + bracketed, length - 2u * bracketed);
		return length - 2u * bracketed;
	}
	size_t length = host.length < LINK_NAME_MAX ? host.length : LINK_NAME_MAX;
	for (size_t i = 0; i < length; i++)
		out[i] = octet_lower(host.octets[i]);
	return length;
}
