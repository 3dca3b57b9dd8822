#include "answer.h"

#include <weir/base64url.h>

enum {
	TAG_OCTETS = 8,
	TAG_LENGTH = 11, // of base64url
};

struct phrase {
	uint16_t status;
	struct span text;
};

#define PHRASE(status, text) \
	{ \
		status, \
		{ \
			(const uint8_t *)(text), sizeof(text) - 1 \
		} \
	}

// What we answer with, and what control may refuse a REGISTER with.
static const struct phrase phrases[] = {
	PHRASE(200, "OK"),
	PHRASE(400, "Bad Request"),
	PHRASE(403, "Forbidden"),
	PHRASE(404, "Not Found"),
	PHRASE(416, "Unsupported URI Scheme"),
	PHRASE(420, "Bad Extension"),
	PHRASE(421, "Extension Required"),
	PHRASE(430, "Flow Failed"),
	PHRASE(483, "Too Many Hops"),
	PHRASE(500, "Server Internal Error"),
	PHRASE(503, "Service Unavailable"),
	PHRASE(505, "Version Not Supported"),
	PHRASE(513, "Message Too Large"),
};

static struct span phrase_find(uint16_t status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return SPAN("Refused");
}

uint16_t answer_status(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_OPTIONS:
		return 200;
	case VERDICT_BAD_REQUEST:
		return 400;
	case VERDICT_TOKEN_MALFORMED:
	case VERDICT_TOKEN_FORGED:
	case VERDICT_TOKEN_MISPLACED:
	case VERDICT_TOKEN_BIND:
	case VERDICT_AIM_FORBIDDEN:
		return 403;
	case VERDICT_NOT_FOUND:
		return 404;
	case VERDICT_BAD_SCHEME:
	case VERDICT_SIPS_IN_CLEAR:
		return 416;
	case VERDICT_BAD_EXTENSION:
		return 420;
	case VERDICT_PATH_REQUIRED:
		return 421;
	case VERDICT_TOKEN_RETIRED:
	case VERDICT_R9_GONE:
		return 430;
	case VERDICT_TOO_MANY_HOPS:
		return 483;
	case VERDICT_OVERLOAD:
	case VERDICT_NO_UPSTREAM:
	case VERDICT_MOVED_LIMIT:
	case VERDICT_LIMITED:
	case VERDICT_NOT_READY_STREAM:
		return 503;
	case VERDICT_BAD_VERSION:
		return 505;
	case VERDICT_TOO_LARGE:
		return 513;
	default:
		return 0;
	}
}

static void tag_write(
	const struct world *world, const struct message *message, uint16_t status, uint8_t *text)
{
	uint64_t tag = identity_hash_tag(world->hashes, message, status);
	uint8_t octets[TAG_OCTETS];

	for (unsigned i = 0; i < TAG_OCTETS; i++)
		octets[i] = (uint8_t)(tag >> (56 - 8 * i));
	base64url_encode(text, octets, sizeof(octets));
}

bool answer_is_acknowledged(const struct world *world, const struct message *message)
{
	uint8_t tag[TAG_LENGTH];

	if (message->to_tag.length != TAG_LENGTH)
		return false;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		tag_write(world, message, phrases[i].status, tag);
		if (span_equal(message_span(message, message->to_tag), span_of(tag, TAG_LENGTH)))
			return true;
	}
	return false;
}

// What a response copies from its request (RFC 3261 section 8.2.6.2), and Proxy-Require, which comes back as Unsupported.
static bool line_is_kept(const struct message *message, unsigned index, uint16_t status)
{
	switch (message->lines[index].header) {
	case HEADER_VIA:
		return true;
	case HEADER_FROM:
	case HEADER_TO:
	case HEADER_CALL_ID:
	case HEADER_CSEQ:
		return message->first[message->lines[index].header] == index;
	case HEADER_PROXY_REQUIRE:
		return status == 420;
	default:
		return false;
	}
}

static void line_edit(const struct world *world, struct edit_plan *plan,
	const struct message *message, const struct header_line *line, uint16_t status)
{
	uint8_t tag[TAG_LENGTH];

	if (line->header == HEADER_PROXY_REQUIRE)
		edit_replace(plan,
			(struct slice){line->offset, (uint16_t)(line->value_offset - line->offset)},
			SPAN("Unsupported: "));
	// A To that does not parse is copied as it is: a tag would not be read either.
	if (line->header != HEADER_TO || message->to_tag.length != 0 || message->to_uri.length == 0)
		return;
	tag_write(world, message, status, tag);
	edit_open(plan, (uint16_t)(line->value_offset + line->value_length), 0);
	edit_add(plan, SPAN(";tag="));
	edit_add(plan, span_of(tag, TAG_LENGTH));
	edit_close(plan);
}

static void status_line_write(struct edit_plan *plan, uint16_t cut, uint16_t status)
{
	edit_open(plan, 0, cut);
	edit_add(plan, SPAN("SIP/2.0 "));
	edit_add_number(plan, status);
	edit_add(plan, SPAN(" "));
	edit_add(plan, phrase_find(status));
	edit_add(plan, SPAN("\r\n"));
	edit_close(plan);
}

static void end_write(struct edit_plan *plan, const struct message *message, uint16_t from,
	uint16_t status, uint16_t retry_after_s)
{
	edit_open(plan, from, (uint16_t)(message->length - from));
	if (status == 421)
		edit_add(plan, SPAN("Require: path\r\n"));
	if (retry_after_s != 0) {
		edit_add(plan, SPAN("Retry-After: "));
		edit_add_number(plan, retry_after_s == RETRY_AFTER_NOW ? 0 : retry_after_s);
		edit_add(plan, SPAN("\r\n"));
	}
	edit_add(plan, SPAN("Content-Length: 0\r\n\r\n"));
	edit_close(plan);
}

void answer_write(const struct world *world, struct edit_plan *plan, const struct message *message,
	uint16_t status, uint16_t retry_after_s)
{
	uint16_t end = 0; // of what has been kept so far

	for (unsigned i = 0; i < message->line_count; i++) {
		const struct header_line *line = &message->lines[i];

		if (!line_is_kept(message, i, status))
			continue;
		if (end == 0)
			status_line_write(plan, line->offset, status);
		else if (line->offset > end)
			edit_cut(plan, (struct slice){end, (uint16_t)(line->offset - end)});
		line_edit(world, plan, message, line, status);
		end = (uint16_t)(line->offset + line->length);
	}
	end_write(plan, message, end, status, retry_after_s);
}
