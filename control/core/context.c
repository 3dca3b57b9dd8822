#include "proxy_private.h"
#include "reply.h"

#include <weir/identity.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void server_ended(void *owner, struct transaction *transaction)
{
	struct context *context = owner;

	context->server = NULL;
	context_release(context);
}

// Nobody acknowledged our failure, or the caller is unreachable: nothing to be done about it.
static const struct transaction_user SERVER_USER = {.ended = server_ended};

// RFC 4320 section 4.1: a request other than INVITE that takes long is answered 100.
static void trying_due(void *owner, uint64_t now_ms)
{
	struct context *context = owner;

	if (!context->final)
		context_answer(context, 100, span_of(NULL, 0), now_ms);
}

// Nobody is between us and who sent it, and there is a connection.
static bool comes_from_flow(const struct message *request, const struct hop *source)
{
	struct value_cursor cursor;

	value_begin(&cursor, request, HEADER_VIA);
	return source->connection != 0 && value_next(&cursor) && !value_next(&cursor);
}

static struct context *context_make(struct proxy *proxy, const struct message *request,
	const struct hop *source, uint64_t now_ms)
{
	struct context *context = calloc(1, sizeof(*context) + request->length);

	if (context == NULL)
		return NULL;
	if (timer_open(proxy->timers, &context->timer, trying_due, context) != 0) {
		free(context);
		return NULL;
	}
	context->proxy = proxy;
	context->source = *source;
	context->back = reply_hop(request, source);
	context->from_flow = comes_from_flow(request, source);
	context->method = request->method;
	context->in_dialog = request->to_tag.length > 0;
	context->began_ms = now_ms;
	context->length = request->length;
	memcpy(context->request, request->octets, request->length);
	TAILQ_INIT(&context->branches);
	TAILQ_INSERT_TAIL(&proxy->contexts, context, entry);
	proxy->context_count++;
	return context;
}

struct context *context_new(struct proxy *proxy, const struct message *request,
	const struct hop *source, uint64_t now_ms)
{
	struct context *context = context_make(proxy, request, source, now_ms);

	if (context == NULL)
		return NULL;
	context->server = transaction_open_server(
		proxy->transactions, request, &context->back, &SERVER_USER, context);
	if (context->server == NULL) {
		context_free(context);
		return NULL;
	}
	context->transactions = 1;
	proxy->counters.contexts++;
	return context;
}

void context_free(struct context *context)
{
	struct proxy *proxy = context->proxy;
	struct branch *branch;

	while ((branch = TAILQ_FIRST(&context->branches)) != NULL)
		branch_free(branch);
	timer_close(proxy->timers, &context->timer);
	TAILQ_REMOVE(&proxy->contexts, context, entry);
	proxy->context_count--;
	best_free(&context->best);
	flow_set_free(&context->flows);
	free(context);
}

void context_release(struct context *context)
{
	if (--context->transactions == 0)
		context_free(context);
}

bool context_read(struct context *context)
{
	return message_parse(&context->proxy->message, context->request, context->length)
		== MESSAGE_OK;
}

static void respond(struct context *context, unsigned status, struct span octets, uint64_t now_ms)
{
	struct proxy *proxy = context->proxy;

	context->final |= status >= 200;
	if (context->final)
		timer_unset(proxy->timers, &context->timer);
	if (context->server != NULL)
		transaction_respond(context->server, status, octets, now_ms);
	else if (context->method == METHOD_INVITE && status / 100 == 2)
		// Of a branch that outlives timer L (RFC 6026 section 7.1).
		proxy->options.send(proxy->options.context, &context->back, octets);
}

void context_answer(struct context *context, unsigned status, struct span headers, uint64_t now_ms)
{
	struct proxy *proxy = context->proxy;
	struct text out = text_begin(proxy->out, sizeof(proxy->out));
	char tag[17];

	if (!context_read(context))
		return;
	snprintf(tag, sizeof(tag), "%016" PRIx64,
		identity_hash_tag(proxy->options.hashes, &proxy->message, (uint16_t)status));
	// RFC 3261 section 8.2.6.2: a 100 brings no tag of its own.
	reply_write(&out, &proxy->message, &context->source.peer, status,
		span_of(tag, status == 100 ? 0 : 16), headers);
	proxy->counters.refused += status >= 300;
	respond(context, status, text_span(&out), now_ms);
}

// The request is no longer worth an answer: over UDP nobody would hear a 408 in time (RFC 4320 section 4.2).
static void context_drop(struct context *context)
{
	context->final = true;
	timer_unset(context->proxy->timers, &context->timer);
	if (context->server != NULL)
		transaction_drop(context->server);
}

// Replaces "408 Whatever" of the start line.
static void plan_status(const struct message *response, unsigned status, struct edit_plan *plan)
{
	const uint16_t begin = sizeof("SIP/2.0 ") - 1;
	const uint8_t *end = memchr(response->octets, '\r', response->length);
	const char *reason = reply_reason(status);

	if (status == response->status || end == NULL)
		return;
	edit_open(plan, begin, (uint16_t)(end - response->octets - begin));
	edit_add_number(plan, status);
	edit_add(plan, SPAN(" "));
	edit_add(plan, span_of(reason, strlen(reason)));
	edit_close(plan);
}

// A response of a branch on its way upstream: our Via goes.
static void pass_as(struct context *context, const struct message *response, unsigned status,
	struct span challenges, uint64_t now_ms)
{
	struct proxy *proxy = context->proxy;
	struct edit_plan *plan = &proxy->plan;
	uint8_t *octets;
	size_t length;

	memcpy(proxy->out + PROXY_HEAD_ROOM, response->octets, response->length);
	if (!forward_plan_response(response, plan)) {
		proxy->counters.dropped++;
		return;
	}
	plan_status(response, status, plan);
	if (challenges.length > 0)
		edit_insert(plan, message_line(response, HEADER_VIA)->offset, challenges);
	if (plan->overflow
		|| !edit_apply(plan, proxy->out, sizeof(proxy->out), proxy->out + PROXY_HEAD_ROOM,
			response->length, &octets, &length)) {
		proxy->counters.dropped++;
		return;
	}
	respond(context, status, span_of(octets, length), now_ms);
}

void context_pass(struct context *context, const struct message *response, uint64_t now_ms)
{
	pass_as(context, response, response->status, span_of(NULL, 0), now_ms);
}

// RFC 3261 section 16.7 steps 6 and 7: one answer from all that came; challenges of others are added to a challenge.
static void context_answer_best(struct context *context, uint64_t now_ms)
{
	const struct best *best = &context->best;
	// In a dialog 480 would end it (RFC 5057 section 5.1), and 430 ends this request alone.
	bool soften = context->registered && !context->in_dialog;
	unsigned status = best_upstream_status(best, soften);
	struct span challenges = span_of(best->challenges, best->challenges_length);

	if (status == 0)
		status = 500; // a 2xx came that could not be passed on
	if (context->cancelled && status == 408)
		status = 487;
	if (status == 408 && context->method != METHOD_INVITE) {
		context_drop(context);
	} else if (best->length == 0) {
		context_answer(context, status, span_of(NULL, 0), now_ms);
	} else if (message_parse(&context->proxy->message, best->octets, best->length)
		== MESSAGE_OK) {
		if (status != 401 && status != 407)
			challenges.length = 0;
		pass_as(context, &context->proxy->message, status, challenges, now_ms);
	}
}

void context_close_branch(
	struct context *context, unsigned status, const struct message *response, uint64_t now_ms)
{
	if (status >= 300)
		best_consider(&context->best, status, response);
	context->open--;
	if (context->open == 0 && !context->final)
		context_answer_best(context, now_ms);
}

void context_start(struct context *context, uint64_t now_ms)
{
	struct proxy *proxy = context->proxy;
	unsigned count = context->flows.instance_count;
	struct branch *branch;
	struct branch *next;

	if (count > proxy->options.forks_max)
		count = proxy->options.forks_max;
	if (context->breadth < count) {
		context_answer(context, 440, span_of(NULL, 0), now_ms);
		return;
	}
	// Section 16.2: no 100 only where an answer is sure within 200 ms.
	if (context->method == METHOD_INVITE)
		context_answer(context, 100, span_of(NULL, 0), now_ms);
	else
		timer_set(proxy->timers, &context->timer, now_ms + PROXY_TRYING_MS);
	for (unsigned i = 0; i < count; i++) {
		if (branch_new(context, &context->flows.instances[i],
			    breadth_share(context->breadth, i, count))
			!= NULL)
			context->open++;
	}
	proxy->counters.forked += context->open > 1;
	if (context->open == 0)
		context_answer(context, 500, span_of(NULL, 0), now_ms);
	for (branch = TAILQ_FIRST(&context->branches); branch != NULL; branch = next) {
		next = TAILQ_NEXT(branch, entry);
		branch_start(branch, now_ms);
	}
}

void context_decide(struct context *context, const struct branch *winner, uint64_t now_ms)
{
	struct branch *branch;

	context->decided = true;
	TAILQ_FOREACH(branch, &context->branches, entry)
	{
		if (branch != winner)
			branch_cancel(branch, now_ms);
	}
}

void context_cancel(struct context *context, uint64_t now_ms)
{
	if (context->final)
		return;
	context->cancelled = true;
	context_decide(context, NULL, now_ms);
}
