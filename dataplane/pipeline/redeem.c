// redeem.c: the second stage: the user parts of all own Routes of all messages, redeemed together.

#include "own.h"
#include "stage.h"

// The tokens of a burst, gathered for one call.
struct gathered {
	unsigned count;
	struct span text[TOKEN_BURST];
	struct hop *hop[TOKEN_BURST];
};

static void gathered_redeem(const struct world *world, struct gathered *gathered)
{
	struct token token[TOKEN_BURST];
	enum token_verdict verdict[TOKEN_BURST];

	if (gathered->count == 0)
		return;
	token_redeem_burst(world->keys, gathered->text, gathered->count, token, verdict);
	for (unsigned i = 0; i < gathered->count; i++) {
		gathered->hop[i]->verdict = (uint8_t)verdict[i];
		if (verdict[i] == TOKEN_OK)
			gathered->hop[i]->token = token[i];
	}
	gathered->count = 0;
}

static void gathered_add(const struct world *world, struct gathered *gathered,
	const struct message *message, struct hop *hop)
{
	hop->has_token = hop->uri.has_user;
	hop->verdict = TOKEN_MALFORMED;
	if (hop->uri.user.length != TOKEN_LENGTH_V4 && hop->uri.user.length != TOKEN_LENGTH_V6)
		return;
	// A password, even an empty one, would give one token a second text.
	if (hop->uri.user.offset + hop->uri.user.length + 1 != hop->uri.host.offset)
		return;
	gathered->text[gathered->count] = message_span(message, hop->uri.user);
	gathered->hop[gathered->count++] = hop;
	if (gathered->count == TOKEN_BURST)
		gathered_redeem(world, gathered);
}

static bool hop_read(struct hop *hop, const struct message *message, struct slice value)
{
	struct name_address address;

	hop->value = value;
	if (!name_address_parse(message->octets, value, &address)
		|| !uri_parse(message->octets, address.uri, &hop->uri))
		return false;
	hop->text = address.uri;
	return hop->uri.scheme != URI_OTHER;
}

// `hop` was read as a SIP URI, or not.
static void next_note(
	const struct message *message, struct routes *routes, const struct hop *hop, bool read)
{
	struct slice lr;

	routes->has_next = true;
	routes->next = hop->value;
	routes->next_uri = read ? hop->uri : (struct uri){.scheme = URI_OTHER};
	routes->next_is_secure = read && hop->uri.scheme == URI_SIPS;
	routes->next_is_strict =
		read && !parameter_find(message->octets, hop->uri.parameters, SPAN("lr"), &lr);
}

// From another edge the top Route is the relay's: its host is a word for people, its token is what counts.
static void routes_collect(
	const struct world *world, struct burst *burst, unsigned i, struct gathered *gathered)
{
	const struct message *message = &burst->message[i];
	struct routes *routes = &burst->routes[i];
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_ROUTE);
	while (value_next(&cursor)) {
		struct hop *hop = &routes->hop[routes->count];
		struct hop spare;
		bool relay = routes->count == 0 && burst->side[i] == SIDE_PEER;

		if (routes->count == ROUTES_MAX)
			hop = &spare;
		bool read = hop_read(hop, message, cursor.value);

		if (!read || (!relay && !own_names(world->directory, message, &hop->uri))) {
			next_note(message, routes, hop, read);
			return;
		}
		if (routes->count == ROUTES_MAX) {
			routes->crowded = true;
			return;
		}
		gathered_add(world, gathered, message, hop);
		routes->count++;
	}
}

void redeem_burst(const struct world *world, struct burst *burst)
{
	struct gathered gathered;

	gathered.count = 0;
	for (unsigned i = 0; i < burst->count; i++) {
		struct routes *routes = &burst->routes[i];

		routes->count = 0;
		routes->crowded = false;
		routes->has_next = false;
		routes->next_is_strict = false;
		routes->next_is_secure = false;
		if (!world_is_known(world) || burst->beat[i] || burst->origin[i] == ORIGIN_CONTROL
			|| burst->fault[i] != MESSAGE_OK || !burst->message[i].request)
			continue;
		routes_collect(world, burst, i, &gathered);
	}
	if (world_is_known(world))
		gathered_redeem(world, &gathered);
}
