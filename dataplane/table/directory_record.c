#include "directory_record.h"

// An endpoint that can be sent to, in its one spelling: the tables compare octets.
static bool endpoint_is_valid(const struct endpoint *endpoint)
{
	static const uint8_t ZERO[12];

	if (endpoint->port == 0 || endpoint->reserved != 0)
		return false;
	if (endpoint->family == ENDPOINT_V4)
		return memcmp(endpoint->address + 4, ZERO, sizeof(ZERO)) == 0;
	return endpoint->family == ENDPOINT_V6;
}

static bool transport_is_valid(uint8_t transport)
{
	return transport >= TRANSPORT_UDP && transport <= TRANSPORT_WSS;
}

// Letters, digits and what else stands in names and literals. They are written into messages: an end of line among them would
// be a header of somebody else's making.
static bool host_octet_is_valid(uint8_t octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-'
		|| octet == '.' || octet == '_' || octet == ':';
}

static bool host_is_valid(struct span host)
{
	if (host.length == 0 || host.length > LINK_NAME_MAX)
		return false;
	for (size_t i = 0; i < host.length; i++)
		if (!host_octet_is_valid(host.octets[i]))
			return false;
	return true;
}

static bool settings_are_valid(const union directory_record *record)
{
	const struct link_settings *settings = &record->settings;

	return settings->edge != 0 && settings->require_path <= 1 && settings->downgrade <= 1
		&& settings->draining <= 1;
}

static bool name_is_valid(const union directory_record *record)
{
	const struct link_name *name = &record->name;

	return name->port != 0 && host_is_valid(span_of(name->host, name->host_length));
}

static bool listener_is_valid(const struct link_listener *listener)
{
	return listener->id < LISTENERS_MAX && listener->side >= SIDE_ACCESS
		&& listener->side <= SIDE_PEER && transport_is_valid(listener->transport)
		&& listener->driver <= LINK_DRIVER_DPDK && endpoint_is_valid(&listener->address);
}

static bool own_listener_is_valid(const union directory_record *record)
{
	const struct link_directory_listener *listener = &record->listener;
	struct span host;
	uint16_t port;

	return listener_is_valid(&listener->listener)
		&& directory_record_split(
			span_of(listener->written, listener->written_length), &host, &port)
		&& directory_record_split(
			span_of(listener->sent_by, listener->sent_by_length), &host, &port);
}

static bool peer_is_valid(const union directory_record *record)
{
	const struct link_peer *peer = &record->peer;

	return peer->edge != 0 && peer->secure <= 1 && endpoint_is_valid(&peer->relay)
		&& host_is_valid(span_of(peer->name, peer->name_length));
}

static bool peer_listener_is_valid(const union directory_record *record)
{
	const struct link_peer_listener *listener = &record->peer_listener;

	return listener->edge != 0 && listener_is_valid(&listener->listener);
}

// A connection is a flow of ours; datagrams need none.
static bool target_way_is_valid(const struct link_target *target)
{
	bool open = target->generation != 0;

	if (target->transport == TRANSPORT_UDP)
		return !open && target->slot == 0 && target->alias == 0;
	return (target->transport == TRANSPORT_TCP || target->transport == TRANSPORT_TLS)
		&& open == (target->slot != 0) && target->healthy <= open
		&& target->alias <= (target->transport == TRANSPORT_TLS);
}

static bool target_is_valid(const union directory_record *record)
{
	const struct link_target *target = &record->target;

	return endpoint_is_valid(&target->endpoint) && target_way_is_valid(target)
		&& target->healthy <= 1 && target->balanced <= 1
		&& host_is_valid(span_of(target->host, target->host_length));
}

static bool prefix_is_valid(const union directory_record *record)
{
	const struct link_prefix *prefix = &record->prefix;
	unsigned bits = prefix->prefix.family == ENDPOINT_V4 ? 32 : 128;

	return prefix->list < LINK_PREFIX_LISTS && prefix->listener < LISTENERS_MAX
		&& (prefix->prefix.family == ENDPOINT_V4 || prefix->prefix.family == ENDPOINT_V6)
		&& prefix->prefix.length <= bits;
}

static size_t octet_find(struct span text, uint8_t octet)
{
	size_t at = 0;

	while (at < text.length && text.octets[at] != octet)
		at++;
	return at;
}

// ":" and 1 to 65535, or nothing, which is 0.
static bool port_read(struct span text, uint16_t *port)
{
	uint32_t number = 0;

	if (text.length == 0) {
		*port = 0;
		return true;
	}
	if (text.octets[0] != ':' || text.length == 1 || text.length > 6)
		return false;
	for (size_t i = 1; i < text.length; i++) {
		if (text.octets[i] < '0' || text.octets[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(text.octets[i] - '0');
	}
	if (number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool directory_record_split(struct span written, struct span *host, uint16_t *port)
{
	bool reference = written.length > 0 && written.octets[0] == '[';
	size_t begin = reference ? 1 : 0;
	size_t end = octet_find(written, reference ? ']' : ':');
	size_t rest = reference && end < written.length ? end + 1 : end;
	struct span name = span_of(written.octets + begin, end < begin ? 0 : end - begin);

	if ((reference && end == written.length) || !host_is_valid(name)
		|| !port_read(span_of(written.octets + rest, written.length - rest), port))
		return false;
	*host = name;
	return true;
}

static const struct kind {
	size_t length;
	bool (*is_valid)(const union directory_record *record);
} KINDS[] = {
	[LINK_SETTINGS] = {sizeof(struct link_settings), settings_are_valid},
	[LINK_NAME] = {sizeof(struct link_name), name_is_valid},
	[LINK_PEER] = {sizeof(struct link_peer), peer_is_valid},
	[LINK_PEER_LISTENER] = {sizeof(struct link_peer_listener), peer_listener_is_valid},
	[LINK_TARGET] = {sizeof(struct link_target), target_is_valid},
	[LINK_PREFIX] = {sizeof(struct link_prefix), prefix_is_valid},
	[LINK_DIRECTORY_LISTENER] = {sizeof(struct link_directory_listener), own_listener_is_valid},
};

bool directory_record_read(uint16_t type, struct span octets, union directory_record *record)
{
	union directory_record read = {0};

	if (type >= sizeof(KINDS) / sizeof(*KINDS) || KINDS[type].is_valid == NULL
		|| octets.length != KINDS[type].length)
		return false;
	memcpy(&read, octets.octets, octets.length);
	if (!KINDS[type].is_valid(&read))
		return false;
	*record = read;
	return true;
}
