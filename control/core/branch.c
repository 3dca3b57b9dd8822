#include "proxy_private.h"

#include <stdlib.h>

static void branch_fail(
	struct branch *branch, unsigned status, const struct message *response, uint64_t now_ms);

static void unheard_leave(struct branch *branch)
{
	if (branch->state == BRANCH_RESOLVING || branch->state == BRANCH_ASKING)
		TAILQ_REMOVE(&branch->context->proxy->unheard, branch, unheard);
}

void branch_enter(struct branch *branch, enum branch_state state)
{
	struct proxy *proxy = branch->context->proxy;

	unheard_leave(branch);
	branch->state = (uint8_t)state;
	if (state == BRANCH_RESOLVING || state == BRANCH_ASKING)
		TAILQ_INSERT_TAIL(&proxy->unheard, branch, unheard);
	if (state == BRANCH_OVER)
		timer_unset(proxy->timers, &branch->timer);
}

static void branch_end(
	struct branch *branch, unsigned status, const struct message *response, uint64_t now_ms)
{
	branch_enter(branch, BRANCH_OVER);
	context_close_branch(branch->context, status, response, now_ms);
}

// --- What its client transaction tells ---

void branch_timer_restart(struct branch *branch, uint64_t now_ms)
{
	struct proxy *proxy = branch->context->proxy;

	if (branch->context->method == METHOD_INVITE)
		timer_set(proxy->timers, &branch->timer, now_ms + proxy->options.timer_c_ms);
	else
		timer_unset(proxy->timers, &branch->timer);
}

static void heard_provisional(
	struct branch *branch, const struct message *response, uint64_t now_ms)
{
	struct context *context = branch->context;

	branch_enter(branch, BRANCH_HEARD);
	if (response->status == 100)
		return;
	branch_timer_restart(branch, now_ms); // RFC 3261 section 16.7 step 2
	// RFC 4320 section 4.1: to other requests there are no provisional responses but 100.
	if (context->method == METHOD_INVITE && !context->final)
		context_pass(context, response, now_ms);
}

// Section 16.7 step 5: every 2xx to an INVITE goes upstream, also behind another one; to other requests the first final answer.
static void heard_success(struct branch *branch, const struct message *response, uint64_t now_ms)
{
	struct context *context = branch->context;

	if (context->method == METHOD_INVITE || !context->final)
		context_pass(context, response, now_ms);
	if (branch->state == BRANCH_OVER)
		return; // once more
	if (!context->decided)
		context_decide(context, branch, now_ms);
	branch_end(branch, response->status, response, now_ms);
}

static void heard_failure(struct branch *branch, const struct message *response, uint64_t now_ms)
{
	struct context *context = branch->context;

	if (response->status >= 600 && !context->decided)
		context_decide(context, branch, now_ms);
	if (response->status == 408 || response->status == 430 || response->status == 503)
		branch_fail(branch, response->status, response, now_ms);
	else
		branch_end(branch, response->status, response, now_ms);
}

static void client_response(
	void *owner, struct transaction *client, const struct message *response, uint64_t now_ms)
{
	struct branch *branch = owner;

	if (client != branch->client)
		return; // of an attempt that was given up
	if (response->status < 200)
		heard_provisional(branch, response, now_ms);
	else if (response->status < 300)
		heard_success(branch, response, now_ms);
	else if (branch->state != BRANCH_OVER)
		heard_failure(branch, response, now_ms);
}

static void client_failed(
	void *owner, struct transaction *client, enum transaction_failure failure, uint64_t now_ms)
{
	struct branch *branch = owner;

	if (client != branch->client || branch->state == BRANCH_OVER)
		return;
	if (failure == TRANSACTION_NOT_DELIVERED && branch_send_small(branch, now_ms))
		return;
	// RFC 3261 sections 16.8 and 16.9: as if a 408 or a 503 had come.
	branch_fail(branch, failure == TRANSACTION_NOT_ANSWERED ? 408 : 503, NULL, now_ms);
}

static void client_ended(void *owner, struct transaction *client)
{
	struct branch *branch = owner;

	if (client == branch->client)
		branch->client = NULL;
	context_release(branch->context);
}

const struct transaction_user BRANCH_USER = {client_response, client_failed, client_ended};

// --- From one attempt to the next ---

// False once an answer is found, or the caller waits no longer.
static bool branch_may_go_on(const struct branch *branch, uint64_t now_ms)
{
	const struct context *context = branch->context;
	uint64_t patience_ms = context->method == METHOD_INVITE ? context->proxy->options.timer_c_ms
								: TRANSACTION_LIFE_MS;

	return !branch->cancelled && !context->decided && !context->final
		&& now_ms - context->began_ms < patience_ms;
}

// RFC 5626 section 7: by 430, or by an error of the transport to a phone without an edge, the flow is known to be dead. Of one that is
// a connection its end has been told already.
static void flow_fail(struct branch *branch, unsigned status, const struct message *response)
{
	struct context *context = branch->context;
	const struct flow *flow = &context->flows.flows[branch->flow];
	bool unreachable = status == 503 && response == NULL && flow->path.length == 0
		&& flow->connection.connection == 0;

	if (context->registered && (status == 430 || unreachable))
		context->proxy->counters.flows_failed += location_fail_flow(
			context->proxy->options.location, flow->path, flow->contact);
}

// The attempt failed by 408 or 430, by silence or error, or by a 503, which is the next hop's (RFC 3263 section 4.3). Then the next
// address, the next flow of the instance (RFC 5626 section 7), and in the end the answer of the branch.
static void branch_fail(
	struct branch *branch, unsigned status, const struct message *response, uint64_t now_ms)
{
	struct context *context = branch->context;
	bool hop_failed = response == NULL || status == 503;
	bool instance_answered = response != NULL && status == 503;

	flow_fail(branch, status, response);
	branch->client = NULL;
	if (branch_may_go_on(branch, now_ms) && hop_failed && branch_try(branch, now_ms))
		return;
	while (branch_may_go_on(branch, now_ms) && !instance_answered
		&& branch->flow + 1 < branch->flow_end) {
		branch->flow++;
		branch->tried_count = 0;
		context->proxy->counters.next_flows++;
		if (branch_try(branch, now_ms))
			return;
	}
	branch_end(branch, status, response, now_ms);
}

static void timer_due(void *owner, uint64_t now_ms)
{
	struct branch *branch = owner;

	if (branch->state == BRANCH_RESOLVING) {
		branch->tried_count = PROXY_TRIED_MAX; // its name leads nowhere
		branch_fail(branch, 503, NULL, now_ms);
		return;
	}
	branch->context->proxy->counters.timer_c++;
	branch_cancel(branch, now_ms);
	// Section 16.8: without a provisional response it is as if a 408 had come.
	if (branch->state == BRANCH_ASKING && branch->client != NULL) {
		transaction_drop(branch->client);
		branch_fail(branch, 408, NULL, now_ms);
	}
}

struct branch *branch_new(
	struct context *context, const struct instance *instance, uint32_t breadth)
{
	struct branch *branch = calloc(1, sizeof(*branch));

	if (branch == NULL)
		return NULL;
	if (timer_open(context->proxy->timers, &branch->timer, timer_due, branch) != 0) {
		free(branch);
		return NULL;
	}
	branch->context = context;
	branch->state = BRANCH_OVER; // until it starts
	branch->flow = instance->first;
	branch->flow_end = (uint8_t)(instance->first + instance->count);
	branch->breadth = breadth;
	TAILQ_INSERT_TAIL(&context->branches, branch, entry);
	return branch;
}

void branch_start(struct branch *branch, uint64_t now_ms)
{
	if (!branch_try(branch, now_ms)) {
		branch->tried_count = PROXY_TRIED_MAX;
		branch_fail(branch, 503, NULL, now_ms);
	}
}

void branch_cancel(struct branch *branch, uint64_t now_ms)
{
	branch->cancelled = true;
	if (branch->state == BRANCH_RESOLVING)
		branch_end(branch, 487, NULL, now_ms);
	else if (branch->state != BRANCH_OVER && branch->client != NULL)
		transaction_cancel(branch->client, now_ms);
}

void branch_look_again(struct branch *branch, uint64_t now_ms)
{
	const struct proxy_options *options = &branch->context->proxy->options;

	if (branch->state == BRANCH_RESOLVING) {
		if (!branch_try(branch, now_ms))
			branch_fail(branch, 503, NULL, now_ms);
	} else if (branch->state == BRANCH_ASKING && branch->client != NULL
		&& options->is_dead(options->context, &branch->hop)) {
		transaction_drop(branch->client);
		branch_fail(branch, 503, NULL, now_ms);
	}
}

void branch_free(struct branch *branch)
{
	unheard_leave(branch);
	timer_close(branch->context->proxy->timers, &branch->timer);
	TAILQ_REMOVE(&branch->context->branches, branch, entry);
	free(branch);
}
