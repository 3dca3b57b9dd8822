#include "forward.h"

#include "adoption.h"
#include "contact.h"
#include "filter.h"
#include "records.h"
#include "rule.h"

static bool may_downgrade(const struct request *request)
{
	return directory_settings(request->world->directory)->downgrade != 0;
}

// RFC 3261 section 26.2.2: every hop of a sips request is a secure one.
static bool wants_secure_link(const struct request *request)
{
	bool sips = request->target.scheme == URI_SIPS;

	for (unsigned i = 0; i < request->decision->popped; i++)
		sips = sips || request->routes->hop[i].uri.scheme == URI_SIPS;
	return sips && !may_downgrade(request);
}

// A phone that has chosen TLS is reached by TLS, even where its URIs do not ask for it; between edges its requests are as they are
// between edge and core.
static bool wants_secure_flow(const struct request *request)
{
	const struct hop *incoming = request->incoming;

	return wants_secure_link(request)
		|| (incoming != NULL && !may_downgrade(request)
			&& filter_token_is_secure(request->world->directory, &incoming->token));
}

void forward_decide_next(struct request *request)
{
	request->decision->strict_next = request->routes->next_is_strict
		&& request->decision->popped == request->routes->count;
}

static enum verdict forward_to_flow(
	struct request *request, const struct flow *flow, uint64_t uak, enum verdict verdict)
{
	struct decision *decision = request->decision;

	decision->out = adoption_listener(request->world, flow);
	if (decision->out == NULL)
		return VERDICT_EGRESS_GUARD;
	decision->kind = DECISION_FORWARD;
	decision->destination = flow->peer;
	decision->carrier = flow->id;
	forward_decide_next(request);
	records_decide(request, &(struct delivery){.flow = flow, .uak = uak});
	return verdict;
}

// The incoming Route stays, exactly as received, for the edge that delivers (ROUTING section 7).
static enum verdict forward_to_peer(struct request *request, const struct flow_id *aim,
	enum token_role role, uint64_t uak, enum verdict verdict)
{
	const struct directory *directory = request->world->directory;
	const struct directory_peer *peer = directory_peer(directory, aim->edge);
	struct decision *decision = request->decision;
	struct token relay = {
		.flow = *aim,
		.kind = TOKEN_RELAY,
		.role = (uint8_t)role,
		// The side it came in by, whichever edge that was.
		.listener = request->relay != NULL ? request->relay->listener : request->side,
		.peer = {.family = ENDPOINT_V4},
		.uak = uak,
	};

	if (peer == NULL)
		return VERDICT_EGRESS_GUARD;
	if (request->incoming != NULL)
		decision->popped--;
	decision->kind = DECISION_FORWARD;
	decision->destination = peer->relay;
	decision->out =
		directory_side_listener(directory, SIDE_PEER, TRANSPORT_UDP, peer->relay.family);
	decision->relay_mint = mint_add(request->burst, &relay);
	records_decide(request, &(struct delivery){.flow = NULL});
	return verdict;
}

static uint64_t target_contact(const struct request *request)
{
	return identity_hash_contact(
		request->world->hashes, request->message->octets, &request->target);
}

static enum relay_budget budget_of(const struct request *request)
{
	if (request->relay == NULL)
		return RELAY_ANY;
	return request->relay->role == TOKEN_SENDER ? RELAY_ONCE : RELAY_NEVER;
}

// Only among several flows of one user agent does the contact choose: where R1 applies, which is nearly always, it is not hashed.
static uint64_t rule_contact(const struct request *request, const struct token *token)
{
	const struct flow_table *flows = request->world->flows;

	if (token->kind != TOKEN_RELAY && token->flow.edge == world_edge(request->world)
		&& flow_check(flows, token->flow) == FLOW_LIVE)
		return 0;
	return target_contact(request);
}

// Whoever waits repeats what waits: the phone itself over UDP, control for what it holds.
static bool is_repeated(const struct request *request)
{
	return !listener_is_stream(request->in) || request->burst->grant[request->index].tag != 0;
}

static enum verdict forward_by_rule(struct request *request, const struct token *token)
{
	struct rule_query query = {
		.uak = token->uak,
		.contact = rule_contact(request, token),
		.budget = (uint8_t)budget_of(request),
		.secure_flow = wants_secure_flow(request),
		.secure_link = wants_secure_link(request),
		.parkable = request_has_to_tag(request) && !request_is(request, METHOD_ACK)
			&& is_repeated(request),
	};
	struct rule_result result;
	struct flow_id aim = {0, 0, 0};

	// A relay token names no flow of its own: it was R6 that found the user agent.
	if (token->kind != TOKEN_RELAY) {
		query.flow = token->flow;
		query.listener = token->listener;
		query.transport = (uint8_t)filter_token_transport(request->world->directory, token);
	}
	rule_find(request->world, &query, &result);
	if (result.flow != NULL)
		return forward_to_flow(request, result.flow, token->uak, result.verdict);
	if (result.edge == 0)
		return result.verdict;
	aim.edge = result.edge;
	if (result.verdict == VERDICT_R2_OWNER)
		aim = token->flow;
	return forward_to_peer(request, &aim,
		result.verdict == VERDICT_R2_OWNER ? TOKEN_SENDER : TOKEN_RECEIVER, token->uak,
		result.verdict);
}

static bool source_is_registered(const struct request *request)
{
	const struct world *world = request->world;

	return request->source != NULL && flow_state_of(world->flows, request->source) == FLOW_LIVE
		&& flow_is_registered(request->source, world->now_s);
}

// ROUTING section 5, step 3, and R6 in section 6. While a Route of somebody else is left, that is where the request goes: a
// request-URI counts only when the route set is used up (RFC 3261 section 16.5).
static bool contact_applies(const struct request *request)
{
	if (request->relay != NULL || request->decision->popped == 0 || request->routes->has_next
		|| (!request_has_to_tag(request) && !request_is(request, METHOD_CANCEL)))
		return false;
	return request->side != SIDE_ACCESS
		|| (!request_is(request, METHOD_ACK) && source_is_registered(request));
}

static bool contact_query_fill(const struct request *request, struct contact_query *query)
{
	struct uri to;

	*query = (struct contact_query){
		.contact = target_contact(request),
		.aor_required = request->side == SIDE_ACCESS,
		.secure_flow = wants_secure_flow(request),
		.secure_link = wants_secure_link(request),
	};
	if (!uri_parse(request->message->octets, request->message->to_uri, &to))
		return !query->aor_required;
	query->aor = identity_hash_aor(request->world->hashes, request->message->octets, &to);
	return true;
}

// VERDICT_NONE: no user agent, or several.
static enum verdict forward_by_contact(struct request *request)
{
	struct contact_query query;
	struct contact_result result;

	if (!contact_query_fill(request, &query) || !contact_find(request->world, &query, &result))
		return VERDICT_NONE;
	if (result.flow != NULL)
		return forward_to_flow(request, result.flow, result.uak, VERDICT_R6_CONTACT);
	return forward_to_peer(request, &(struct flow_id){result.edge, 0, 0}, TOKEN_RECEIVER,
		result.uak, VERDICT_R6_CONTACT);
}

enum verdict forward_request(struct request *request)
{
	bool by_contact;
	enum verdict verdict = VERDICT_NONE;

	if (request->incoming != NULL)
		return forward_by_rule(request, &request->incoming->token);
	if (request->relay != NULL)
		return forward_by_rule(request, request->relay);
	by_contact = contact_applies(request);
	if (by_contact)
		verdict = forward_by_contact(request);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (request->side == SIDE_ACCESS)
		return forward_upstream(request);
	if (by_contact && rule_tables_are_partial(request->world))
		return VERDICT_NOT_READY;
	return request_has_to_tag(request) ? VERDICT_R9_GONE : VERDICT_NOT_FOUND;
}
