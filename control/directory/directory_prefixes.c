#include "directory_private.h"

#include <weir/side.h>

enum {
	PREFIX_V4_SUBNET = 24, // what "its own subnet" means when the kernel is not asked
	PREFIX_V6_SUBNET = 64,
};

static void prefix_write(struct writer *writer, enum link_prefix_list list, uint8_t listener,
	const struct prefix *prefix)
{
	const struct link_prefix record = {
		.list = (uint8_t)list, .listener = listener, .prefix = *prefix};

	record_put(writer, LINK_PREFIX, &record, sizeof(record));
}

static struct prefix prefix_of(const struct endpoint *endpoint, uint8_t length)
{
	struct prefix prefix = {.family = endpoint->family, .length = length};

	memcpy(prefix.address, endpoint->address, sizeof(prefix.address));
	return prefix;
}

static struct prefix subnet_of(const struct endpoint *address)
{
	return prefix_of(
		address, address->family == ENDPOINT_V4 ? PREFIX_V4_SUBNET : PREFIX_V6_SUBNET);
}

static bool is_loopback(const struct endpoint *address)
{
	static const uint8_t V6[16] = {[15] = 1};

	return address->family == ENDPOINT_V4 ? address->address[0] == 127
					      : memcmp(address->address, V6, sizeof(V6)) == 0;
}

// What is no public unicast (RFC 6890, RFC 5771).
static const char *const SPECIAL[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
	"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "224.0.0.0/3"};

enum part {
	PART_PUBLIC,
	PART_SPECIAL,
	PART_MIXED,
};

static enum part prefix_judge(const struct prefix *prefix)
{
	const struct endpoint first = {.address = {prefix->address[0], prefix->address[1],
					       prefix->address[2], prefix->address[3]},
		.family = ENDPOINT_V4};
	enum part part = PART_PUBLIC;

	for (size_t i = 0; i < sizeof(SPECIAL) / sizeof(SPECIAL[0]); i++) {
		struct prefix special;
		struct endpoint inside = {.family = ENDPOINT_V4};
		if (!prefix_parse(span_of(SPECIAL[i], strlen(SPECIAL[i])), &special))
			continue;
		memcpy(inside.address, special.address, sizeof(inside.address));
		if (special.length <= prefix->length && prefix_contains(&special, &first))
			return PART_SPECIAL;
		if (special.length > prefix->length && prefix_contains(prefix, &inside))
			part = PART_MIXED;
	}
	return part;
}

// The public part of a prefix: halved until each part is one or the other. No deeper than the longest special prefix.
static void public_write(struct writer *writer, uint8_t listener, struct prefix prefix)
{
	enum part part = prefix_judge(&prefix);

	if (part == PART_PUBLIC)
		prefix_write(writer, LINK_PREFIX_ACCESS_NETWORKS, listener, &prefix);
	if (part != PART_MIXED)
		return;
	prefix.length++;
	public_write(writer, listener, prefix);
	prefix.address[(prefix.length - 1) / 8] |= (uint8_t)(0x80 >> (prefix.length - 1) % 8);
	public_write(writer, listener, prefix);
}

static void public_prefixes_write(struct writer *writer, uint8_t listener)
{
	const struct prefix all_v4 = {.family = ENDPOINT_V4};
	const struct prefix global_v6 = {.address = {0x20}, .family = ENDPOINT_V6, .length = 3};

	public_write(writer, listener, all_v4);
	prefix_write(writer, LINK_PREFIX_ACCESS_NETWORKS, listener, &global_v6);
}

static void access_networks_write(struct writer *writer, const struct config_listener *listener)
{
	struct prefix subnet = subnet_of(&listener->address);

	for (size_t i = 0; i < listener->access_networks.count; i++)
		prefix_write(writer, LINK_PREFIX_ACCESS_NETWORKS, listener->id,
			&listener->access_networks.items[i]);
	if (listener->access_networks.count > 0)
		return;
	if (is_loopback(&listener->address))
		subnet.length = listener->address.family == ENDPOINT_V4 ? 8 : 128;
	else
		public_prefixes_write(writer, listener->id);
	prefix_write(writer, LINK_PREFIX_ACCESS_NETWORKS, listener->id, &subnet);
}

static void host_prefix_write(
	struct writer *writer, uint8_t listener, const struct endpoint *endpoint)
{
	struct prefix host = prefix_of(endpoint, endpoint->family == ENDPOINT_V4 ? 32 : 128);

	if (endpoint->family != ENDPOINT_NONE)
		prefix_write(writer, LINK_PREFIX_ALLOW, listener, &host);
}

// Whom a core or peer listener hears: `allow`, else the targets, respectively the other edges.
static void allow_write(struct writer *writer, const struct config_listener *listener)
{
	const struct directory_input *input = writer->input;

	for (size_t i = 0; i < listener->allow.count; i++)
		prefix_write(writer, LINK_PREFIX_ALLOW, listener->id, &listener->allow.items[i]);
	if (listener->allow.count > 0)
		return;
	for (unsigned i = 0; listener->side == SIDE_CORE && i < input->target_count; i++)
		host_prefix_write(writer, listener->id, &input->targets[i].endpoint);
	for (unsigned edge = 1; listener->side == SIDE_PEER && edge < 256; edge++)
		if (input->hellos[edge] != NULL)
			host_prefix_write(writer, listener->id, &input->hellos[edge]->relay);
}

static bool is_access_subnet(const struct config *config, const struct prefix *subnet)
{
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		if (listener->side == SIDE_ACCESS && prefix_contains(subnet, &listener->address))
			return true;
	}
	return false;
}

// Default: the subnets of core and peer listeners less those of access listeners, never loopback.
static void inside_write(struct writer *writer)
{
	const struct config *config = writer->input->config;

	for (size_t i = 0; i < config->inside.count; i++)
		prefix_write(writer, LINK_PREFIX_INSIDE, 0, &config->inside.items[i]);
	for (size_t i = 0; config->inside.count == 0 && i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		struct prefix subnet = subnet_of(&listener->address);
		if (listener->side != SIDE_ACCESS && !is_loopback(&listener->address)
			&& !is_access_subnet(config, &subnet))
			prefix_write(writer, LINK_PREFIX_INSIDE, 0, &subnet);
	}
}

void prefixes_write(struct writer *writer)
{
	const struct config *config = writer->input->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		if (listener->side == SIDE_ACCESS)
			access_networks_write(writer, listener);
		else
			allow_write(writer, listener);
	}
	inside_write(writer);
	for (size_t i = 0; i < config->flows.force_token.count; i++)
		prefix_write(
			writer, LINK_PREFIX_FORCE_TOKEN, 0, &config->flows.force_token.items[i]);
	for (size_t i = 0; i < config->flows.shared_flows.count; i++)
		prefix_write(
			writer, LINK_PREFIX_SHARED_FLOWS, 0, &config->flows.shared_flows.items[i]);
}
