#include "walk.h"

// Of this request's dialog, in both readings.
struct binds {
	uint32_t from;
	uint32_t to;
	bool has_to;
	bool known; // computed at the first token that needs them
};

static void binds_compute(const struct request *request, struct binds *binds)
{
	const struct message *message = request->message;
	struct span call_id = request_span(request, message->call_id);

	if (binds->known)
		return;
	binds->known = true;
	binds->has_to = request_has_to_tag(request);
	binds->from = identity_hash_bind(
		request->world->hashes, call_id, request_span(request, message->from_tag));
	if (binds->has_to)
		binds->to = identity_hash_bind(
			request->world->hashes, call_id, request_span(request, message->to_tag));
}

static bool source_is_owner(const struct request *request, const struct token *token)
{
	if (request->source == NULL)
		return false;
	return flow_id_equal(request->source->id, token->flow)
		|| (token->uak != 0
			&& flow_holds_uak(request->source, token->uak, request->world->now_s));
}

// ROUTING section 3, "Direction": whose tag reproduces the bind says who sent the request that was record-routed, and the role
// says whether that one owns the flow. No address is compared, so a phone that has moved is not sent its own BYE.
static enum verdict route_token_judge(const struct request *request, const struct token *token,
	struct binds *binds, bool *outgoing)
{
	bool by_from;
	bool by_to;

	if (!request_has_to_tag(request) && !request_is(request, METHOD_CANCEL))
		return VERDICT_TOKEN_BIND;
	binds_compute(request, binds);
	by_from = binds->from == token->bind;
	by_to = binds->has_to && binds->to == token->bind;
	if (!by_from && !by_to)
		return VERDICT_TOKEN_BIND;
	if (by_from && by_to)
		*outgoing = request->side == SIDE_ACCESS && source_is_owner(request, token);
	else
		*outgoing = by_from == (token->role == TOKEN_SENDER);
	return VERDICT_NONE;
}

static enum verdict token_judge(
	const struct request *request, const struct hop *hop, struct binds *binds, bool *outgoing)
{
	*outgoing = false;
	switch ((enum token_verdict)hop->verdict) {
	case TOKEN_OK:
		break;
	case TOKEN_MALFORMED:
		return VERDICT_TOKEN_MALFORMED;
	case TOKEN_RETIRED:
		return VERDICT_TOKEN_RETIRED;
	case TOKEN_FORGED:
		return VERDICT_TOKEN_FORGED;
	}
	if (hop->token.kind == TOKEN_ROUTE)
		return route_token_judge(request, &hop->token, binds, outgoing);
	// A path token is the core's to use; a relay token below the top was replayed.
	if (hop->token.kind == TOKEN_PATH && request->side != SIDE_ACCESS)
		return VERDICT_NONE;
	return VERDICT_TOKEN_MISPLACED;
}

static void outgoing_note(struct request *request, const struct hop *hop, unsigned index)
{
	request->is_outgoing |= UINT32_C(1) << index;
	request->outgoing = true;
	if (request->side == SIDE_ACCESS && !source_is_owner(request, &hop->token))
		request->moved = true;
}

enum verdict walk_routes(struct request *request)
{
	const struct routes *routes = request->routes;
	struct binds binds = {.known = false};
	unsigned i = request->relay != NULL ? 1 : 0;

	request->decision->popped = (uint8_t)i;
	for (; i < routes->count && request->incoming == NULL; i++) {
		const struct hop *hop = &routes->hop[i];
		bool outgoing = false;
		enum verdict verdict = VERDICT_NONE;

		if (hop->has_token)
			verdict = token_judge(request, hop, &binds, &outgoing);
		if (verdict != VERDICT_NONE)
			return verdict;
		if (outgoing)
			outgoing_note(request, hop, i);
		else if (hop->has_token)
			request->incoming = hop;
		request->decision->popped = (uint8_t)(i + 1);
	}
	return VERDICT_NONE;
}
