#include "explain.h"

#include "filter.h"
#include "rule.h"

static struct link_flow_id link_flow_id_of(struct flow_id id)
{
	return (struct link_flow_id){.slot = id.slot, .generation = id.generation, .edge = id.edge};
}

static uint8_t owner_state(const struct world *world, uint8_t edge)
{
	return edge == world_edge(world) ? PEER_UP
					 : (uint8_t)peer_liveness_read(world->peers, edge);
}

static void target_fill(const struct world *world, const struct token *token,
	const struct rule_result *result, struct link_explained *explained)
{
	const struct directory_peer *peer;

	if (result->flow != NULL) {
		explained->target = link_flow_id_of(result->flow->id);
		explained->target_peer = result->flow->peer;
		return;
	}
	if (result->edge == 0)
		return;
	explained->target = link_flow_id_of(result->verdict == VERDICT_R2_OWNER
			? token->flow
			: (struct flow_id){result->edge, 0, 0});
	peer = directory_peer(world->directory, result->edge);
	if (peer != NULL)
		explained->target_peer = peer->relay;
}

static void token_fill(
	const struct world *world, const struct token *token, struct link_explained *explained)
{
	explained->kind = token->kind;
	explained->role = token->role;
	explained->listener = token->listener;
	explained->flow = link_flow_id_of(token->flow);
	explained->peer = token->peer;
	explained->uak = token->uak;
	explained->owner_state = owner_state(world, token->flow.edge);
}

void explain_token(const struct world *world, struct span text, struct link_explained *explained)
{
	uint64_t request = explained->request;
	struct rule_result result;
	struct token token;

	*explained = (struct link_explained){.request = request};
	explained->rule = VERDICT_NOT_READY;
	explained->token_verdict = TOKEN_MALFORMED;
	if (!world_is_known(world))
		return;
	explained->token_verdict = (uint8_t)token_redeem(world->keys, text, &token);
	if (explained->token_verdict != TOKEN_OK) {
		explained->rule = explained->token_verdict == TOKEN_RETIRED ? VERDICT_TOKEN_RETIRED
			: explained->token_verdict == TOKEN_FORGED          ? VERDICT_TOKEN_FORGED
								   : VERDICT_TOKEN_MALFORMED;
		return;
	}
	token_fill(world, &token, explained);
	if (token.kind == TOKEN_RELAY) {
		explained->rule = VERDICT_TOKEN_MISPLACED;
		return;
	}
	rule_find(world,
		&(struct rule_query){
			.flow = token.flow,
			.listener = token.listener,
			.uak = token.uak,
			.transport = (uint8_t)filter_token_transport(world->directory, &token),
			.secure_flow = directory_settings(world->directory)->downgrade == 0
				&& filter_token_is_secure(world->directory, &token),
			.parkable = true,
		},
		&result);
	explained->rule = (uint8_t)result.verdict;
	target_fill(world, &token, &result, explained);
}
