#include "breadth.h"

#include "header_lines.h"

#include <weir/base64url.h>
#include <weir/uri.h>

enum {
	LOOP_OCTETS = 8,
};

bool breadth_read(const struct message *request, uint32_t *breadth)
{
	struct header_text line;
	uint64_t number = BREADTH_DEFAULT;

	if (header_line_find(request, SPAN("Max-Breadth"), 0, &line)
		&& !number_parse(message_span(request, line.value), UINT32_MAX, &number))
		return false;
	// A proxy may spend less than it was given.
	*breadth = number > BREADTH_DEFAULT ? BREADTH_DEFAULT : (uint32_t)number;
	return true;
}

uint32_t breadth_share(uint32_t breadth, unsigned index, unsigned count)
{
	return breadth / count + (index < breadth % count ? 1 : 0);
}

static void fields_of(struct keyhash *hash, const struct message *request, enum header header)
{
	struct value_cursor cursor;
	unsigned count = 0;

	value_begin(&cursor, request, header);
	for (; value_next(&cursor); count++)
		keyhash_field(hash, message_span(request, cursor.value));
	keyhash_field_number(
		hash, count, sizeof(count)); // so that lists cannot run into each other
}

// Not the top Via: it differs each time round.
void loop_write(
	const struct hash_keys *hashes, const struct message *request, uint8_t out[LOOP_TEXT])
{
	uint8_t octets[LOOP_OCTETS];
	struct keyhash hash;

	keyhash_begin(&hash, hashes, HASH_BIND);
	keyhash_field(&hash, message_span(request, request->target));
	fields_of(&hash, request, HEADER_ROUTE);
	fields_of(&hash, request, HEADER_PROXY_REQUIRE);
	fields_of(&hash, request, HEADER_PROXY_AUTHORIZATION);
	keyhash_field(&hash, message_span(request, request->from_tag));
	keyhash_field(&hash, message_span(request, request->to_tag));
	keyhash_field(&hash, message_span(request, request->call_id));
	keyhash_field_number(&hash, request->cseq, sizeof(request->cseq));
	keyhash_field(&hash, message_span(request, request->method_name));
	uint64_t value = keyhash_end(&hash);
	memcpy(octets, &value, sizeof(octets));
	base64url_encode(out, octets, sizeof(octets));
}

bool loop_is_closed(
	const struct message *request, const struct own_names *own, const uint8_t text[LOOP_TEXT])
{
	struct value_cursor cursor;
	struct via via;

	value_begin(&cursor, request, HEADER_VIA);
	while (value_next(&cursor)) {
		if (!via_parse(request->octets, cursor.value, &via)
			|| !own_names_sent(own, message_span(request, via.sent_by))
			|| via.branch.length < LOOP_TEXT)
			continue;
		struct span branch = message_span(request, via.branch);
		if (memcmp(branch.octets + branch.length - LOOP_TEXT, text, LOOP_TEXT) == 0)
			return true;
	}
	return false;
}
