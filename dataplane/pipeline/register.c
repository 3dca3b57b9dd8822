#include "register.h"

#include "forward.h"
#include "records.h"

// RFC 5626 section 5.1: only the first hop may promise `ob`, and its Path carries the flow.
static void path_decide(struct request *request)
{
	const struct grant *grant = &request->burst->grant[request->index];
	struct token token = {
		.flow = world_flow(request->world, grant->slot, grant->generation),
		.kind = TOKEN_PATH,
		.listener = request->packet->listener,
		.peer = request->packet->peer,
		.uak = grant->uak,
	};

	// A query, or a removal from no flow, needs no way back.
	if (grant->generation == 0)
		return;
	request->decision->source = token.flow;
	request->decision->outbound = request->first_hop;
	request->decision->path_mint = mint_add(request->burst, &token);
}

static bool path_is_missing(const struct request *request)
{
	return directory_settings(request->world->directory)->require_path != 0
		&& !message_has_token(request->message, HEADER_SUPPORTED, SPAN("path"));
}

enum verdict register_decide(struct request *request)
{
	enum verdict verdict;

	// No dialog, so no token of one.
	if (request->incoming != NULL || request->outgoing)
		return VERDICT_TOKEN_MISPLACED;
	if (path_is_missing(request))
		return VERDICT_PATH_REQUIRED;
	if (request->burst->origin[request->index] != ORIGIN_GRANT) {
		request->burst->up_kind[request->index] = LINK_UP_REGISTER;
		request->burst->flow[request->index] =
			stage_carrier(request->world, request->burst, request->index);
		return VERDICT_REGISTER;
	}
	verdict = forward_upstream(request);
	if (verdict == VERDICT_UPSTREAM)
		path_decide(request);
	return verdict;
}
