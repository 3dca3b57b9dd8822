#include "hello.h"

#include "pack.h"

#include <weir/side.h>

static void listener_encode(struct packer *packer, const struct link_listener *listener)
{
	pack_number(packer, listener->id, 1);
	pack_number(packer, listener->side, 1);
	pack_number(packer, listener->transport, 1);
	pack_number(packer, listener->address.family, 1);
	pack_number(packer, listener->address.port, 2);
	pack_octets(packer, listener->address.address, sizeof(listener->address.address));
}

static bool listener_decode(struct unpacker *unpacker, struct link_listener *listener)
{
	listener->id = (uint8_t)unpack_number(unpacker, 1);
	listener->side = (uint8_t)unpack_number(unpacker, 1);
	listener->transport = (uint8_t)unpack_number(unpacker, 1);
	listener->address.family = (uint8_t)unpack_number(unpacker, 1);
	listener->address.port = (uint16_t)unpack_number(unpacker, 2);
	struct span address = unpack_octets(unpacker, sizeof(listener->address.address));
	if (unpacker->short_)
		return false;
	memcpy(listener->address.address, address.octets, address.length);
	return listener->id < LISTENERS_MAX && listener->side >= SIDE_ACCESS
		&& listener->side <= SIDE_PEER && listener->transport >= TRANSPORT_UDP
		&& listener->transport <= TRANSPORT_WSS
		&& (listener->address.family == ENDPOINT_V4
			|| listener->address.family == ENDPOINT_V6);
}

static bool name_decode(struct unpacker *unpacker, struct hello_name *name)
{
	name->port = (uint16_t)unpack_number(unpacker, 2);
	struct span host = unpack_text(unpacker);
	if (unpacker->short_ || host.length == 0)
		return false;
	name->host_length = (uint8_t)host.length;
	memcpy(name->host, host.octets, host.length);
	return true;
}

size_t hello_encode(const struct mesh_hello *hello, uint8_t *out)
{
	struct packer packer = {.octets = out, .capacity = HELLO_OCTETS_MAX};

	pack_number(&packer, MESH_VERSION, 2);
	pack_number(&packer, hello->edge, 1);
	pack_number(&packer, hello->incarnation, 8);
	pack_number(&packer, hello->epoch, 8);
	pack_text(&packer, span_of(hello->cluster, hello->cluster_length));
	pack_number(&packer, hello->name_count, 1);
	for (unsigned i = 0; i < hello->name_count; i++) {
		pack_number(&packer, hello->names[i].port, 2);
		pack_text(&packer, span_of(hello->names[i].host, hello->names[i].host_length));
	}
	pack_number(&packer, hello->listener_count, 1);
	for (unsigned i = 0; i < hello->listener_count; i++)
		listener_encode(&packer, &hello->listeners[i]);
	return packer.length;
}

bool hello_decode(struct span octets, struct mesh_hello *hello, unsigned *version)
{
	struct unpacker unpacker = {.rest = octets};

	*hello = (struct mesh_hello){0};
	*version = (unsigned)unpack_number(&unpacker, 2);
	if (unpacker.short_ || *version != MESH_VERSION)
		return false;
	hello->edge = (uint8_t)unpack_number(&unpacker, 1);
	hello->incarnation = unpack_number(&unpacker, 8);
	hello->epoch = unpack_number(&unpacker, 8);
	struct span cluster = unpack_text(&unpacker);
	hello->name_count = (uint8_t)unpack_number(&unpacker, 1);
	if (unpacker.short_ || hello->edge == 0 || hello->name_count > HELLO_NAMES_MAX)
		return false;
	hello->cluster_length = (uint8_t)cluster.length;
	memcpy(hello->cluster, cluster.octets, cluster.length);
	for (unsigned i = 0; i < hello->name_count; i++)
		if (!name_decode(&unpacker, &hello->names[i]))
			return false;
	hello->listener_count = (uint8_t)unpack_number(&unpacker, 1);
	if (hello->listener_count > LISTENERS_MAX)
		return false;
	for (unsigned i = 0; i < hello->listener_count; i++)
		if (!listener_decode(&unpacker, &hello->listeners[i]))
			return false;
	return !unpacker.short_ && unpacker.rest.length == 0;
}
