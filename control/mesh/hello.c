#include "hello.h"

#include "pack.h"

static void endpoint_encode(struct packer *packer, const struct endpoint *endpoint)
{
	pack_number(packer, endpoint->family, 1);
	pack_number(packer, endpoint->port, 2);
	pack_octets(packer, endpoint->address, sizeof(endpoint->address));
}

static bool endpoint_decode(struct unpacker *unpacker, struct endpoint *endpoint)
{
	static const uint8_t ZERO[16];

	endpoint->family = (uint8_t)unpack_number(unpacker, 1);
	endpoint->port = (uint16_t)unpack_number(unpacker, 2);
	struct span address = unpack_octets(unpacker, sizeof(endpoint->address));
	if (unpacker->short_)
		return false;
	memcpy(endpoint->address, address.octets, address.length);
	// One endpoint has one spelling: they are compared as octets.
	return endpoint->family == ENDPOINT_V6
		|| (endpoint->family == ENDPOINT_V4
			&& memcmp(endpoint->address + 4, ZERO, 12) == 0);
}

static void listener_encode(struct packer *packer, const struct link_listener *listener)
{
	pack_number(packer, listener->id, 1);
	pack_number(packer, listener->side, 1);
	pack_number(packer, listener->transport, 1);
	endpoint_encode(packer, &listener->address);
}

static bool listener_decode(struct unpacker *unpacker, struct link_listener *listener)
{
	listener->id = (uint8_t)unpack_number(unpacker, 1);
	listener->side = (uint8_t)unpack_number(unpacker, 1);
	listener->transport = (uint8_t)unpack_number(unpacker, 1);
	return endpoint_decode(unpacker, &listener->address) && listener->id <= LISTENERS_MAX
		&& listener->side >= SIDE_ACCESS && listener->side <= SIDE_PEER
		&& listener->transport >= TRANSPORT_UDP && listener->transport <= TRANSPORT_WSS;
}

static bool name_decode(struct unpacker *unpacker, uint8_t edge, struct link_name *name)
{
	name->edge = edge;
	name->port = (uint16_t)unpack_number(unpacker, 2);
	struct span host = unpack_text(unpacker);
	if (unpacker->short_ || host.length == 0)
		return false;
	name->host_length = (uint8_t)host.length;
	memcpy(name->host, host.octets, host.length);
	return true;
}

static void secrets_encode(struct packer *packer, const struct secret_check *secrets)
{
	pack_number(packer, secrets->held, 1);
	pack_number(packer, secrets->minting, 1);
	for (unsigned i = 0; i < KEYRING_SECRETS; i++)
		pack_number(packer, secrets->token[i], 8);
	pack_number(packer, secrets->index, 8);
}

static void secrets_decode(struct unpacker *unpacker, struct secret_check *secrets)
{
	secrets->held = (uint8_t)unpack_number(unpacker, 1);
	secrets->minting = (uint8_t)unpack_number(unpacker, 1);
	for (unsigned i = 0; i < KEYRING_SECRETS; i++)
		secrets->token[i] = unpack_number(unpacker, 8);
	secrets->index = unpack_number(unpacker, 8);
}

size_t hello_encode(const struct mesh_hello *mesh_hello, uint8_t *out)
{
	const struct sync_hello *hello = &mesh_hello->hello;
	struct packer packer = {.octets = out, .capacity = HELLO_OCTETS_MAX};

	pack_number(&packer, MESH_VERSION, 2);
	pack_number(&packer, hello->edge, 1);
	pack_number(&packer, hello->secure, 1);
	pack_number(&packer, hello->incarnation, 8);
	pack_number(&packer, hello->epoch, 8);
	secrets_encode(&packer, &hello->secrets);
	pack_number(&packer, mesh_hello->newest_generation, 4);
	pack_text(&packer, span_of(mesh_hello->cluster, mesh_hello->cluster_length));
	pack_text(&packer, span_of(hello->name, hello->name_length));
	endpoint_encode(&packer, &hello->relay);
	pack_number(&packer, hello->name_count, 1);
	for (unsigned i = 0; i < hello->name_count; i++) {
		pack_number(&packer, hello->names[i].port, 2);
		pack_text(&packer, span_of(hello->names[i].host, hello->names[i].host_length));
	}
	pack_number(&packer, hello->listener_count, 1);
	for (unsigned i = 0; i < hello->listener_count; i++)
		listener_encode(&packer, &hello->listeners[i]);
	return packer.overflow ? 0 : packer.length;
}

static void text_take(struct span text, uint8_t *out, uint8_t *length)
{
	*length = (uint8_t)text.length;
	if (text.length > 0)
		memcpy(out, text.octets, text.length);
}

static bool head_decode(struct unpacker *unpacker, struct mesh_hello *mesh_hello)
{
	struct sync_hello *hello = &mesh_hello->hello;

	hello->edge = (uint8_t)unpack_number(unpacker, 1);
	hello->secure = unpack_number(unpacker, 1) == 1;
	hello->incarnation = unpack_number(unpacker, 8);
	hello->epoch = unpack_number(unpacker, 8);
	secrets_decode(unpacker, &hello->secrets);
	mesh_hello->newest_generation = (uint32_t)unpack_number(unpacker, 4);
	text_take(unpack_text(unpacker), mesh_hello->cluster, &mesh_hello->cluster_length);
	text_take(unpack_text(unpacker), hello->name, &hello->name_length);
	return endpoint_decode(unpacker, &hello->relay) && hello->edge != 0;
}

bool hello_decode(struct span octets, struct mesh_hello *mesh_hello, unsigned *version)
{
	struct unpacker unpacker = {.rest = octets};
	struct sync_hello *hello = &mesh_hello->hello;

	*mesh_hello = (struct mesh_hello){0};
	*version = (unsigned)unpack_number(&unpacker, 2);
	if (unpacker.short_ || *version != MESH_VERSION || !head_decode(&unpacker, mesh_hello))
		return false;
	hello->name_count = (uint8_t)unpack_number(&unpacker, 1);
	if (hello->name_count > SYNC_NAMES_MAX)
		return false;
	for (unsigned i = 0; i < hello->name_count; i++)
		if (!name_decode(&unpacker, hello->edge, &hello->names[i]))
			return false;
	hello->listener_count = (uint8_t)unpack_number(&unpacker, 1);
	if (hello->listener_count > LISTENERS_MAX)
		return false;
	for (unsigned i = 0; i < hello->listener_count; i++)
		if (!listener_decode(&unpacker, &hello->listeners[i]))
			return false;
	return !unpacker.short_ && unpacker.rest.length == 0;
}
