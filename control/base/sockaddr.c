#include "sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

socklen_t sockaddr_write(const struct endpoint *endpoint, struct sockaddr_storage *address)
{
	*address = (struct sockaddr_storage){0};
	if (endpoint->family == ENDPOINT_V4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)address;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->address, 4);
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	memcpy(&v6->sin6_addr, endpoint->address, 16);
	return sizeof(*v6);
}

struct endpoint sockaddr_read(const struct sockaddr_storage *address)
{
	struct endpoint endpoint = {0};

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		endpoint.family = ENDPOINT_V4;
		endpoint.port = ntohs(v4->sin_port);
		memcpy(endpoint.address, &v4->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		endpoint.family = ENDPOINT_V6;
		endpoint.port = ntohs(v6->sin6_port);
		memcpy(endpoint.address, &v6->sin6_addr, 16);
	}
	return endpoint;
}
