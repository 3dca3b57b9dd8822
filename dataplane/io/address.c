// address.c: endpoints as the kernel spells them.

#include "address.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void read_v4(const uint8_t *octets, uint16_t port, struct endpoint *endpoint)
{
	*endpoint = (struct endpoint){.family = ENDPOINT_V4, .port = port};
	memcpy(endpoint->address, octets, 4);
}

static void read_v6(const struct sockaddr_in6 *address, struct endpoint *endpoint)
{
	const uint8_t *octets = address->sin6_addr.s6_addr;
	uint16_t port = ntohs(address->sin6_port);

	if (memcmp(octets, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		read_v4(octets + sizeof(mapped_prefix), port, endpoint);
		return;
	}
	*endpoint = (struct endpoint){.family = ENDPOINT_V6, .port = port};
	memcpy(endpoint->address, octets, 16);
}

bool address_read(const union address *address, struct endpoint *endpoint)
{
	switch (address->any.sa_family) {
	case AF_INET:
		read_v4((const uint8_t *)&address->v4.sin_addr, ntohs(address->v4.sin_port),
			endpoint);
		return true;
	case AF_INET6:
		read_v6(&address->v6, endpoint);
		return true;
	default:
		return false;
	}
}

static socklen_t write_v4(const struct endpoint *endpoint, union address *address)
{
	address->v4 = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(endpoint->port),
	};
	memcpy(&address->v4.sin_addr, endpoint->address, 4);
	return sizeof(address->v4);
}

static socklen_t write_v6(const struct endpoint *endpoint, union address *address)
{
	uint8_t *octets = address->v6.sin6_addr.s6_addr;

	address->v6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(endpoint->port),
	};
	if (endpoint->family == ENDPOINT_V6) {
		memcpy(octets, endpoint->address, 16);
	} else {
		memcpy(octets, mapped_prefix, sizeof(mapped_prefix));
		memcpy(octets + sizeof(mapped_prefix), endpoint->address, 4);
	}
	return sizeof(address->v6);
}

socklen_t address_write(const struct endpoint *endpoint, int family, union address *address)
{
	if (endpoint->family == ENDPOINT_V4 && family == AF_INET)
		return write_v4(endpoint, address);
	if (endpoint->family != ENDPOINT_NONE && family == AF_INET6)
		return write_v6(endpoint, address);
	return 0;
}
