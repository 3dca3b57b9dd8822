#include "proxy_private.h"

#include <stdlib.h>

enum {
	RETRY_AFTER_S = 5,
};

struct proxy *proxy_new(const struct proxy_options *options)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));

	if (proxy == NULL)
		return NULL;
	proxy->options = *options;
	TAILQ_INIT(&proxy->contexts);
	TAILQ_INIT(&proxy->unheard);
	proxy->timers = timers_new();
	if (proxy->timers == NULL)
		goto free_proxy;
	const struct transactions_options transactions = {
		.hashes = options->hashes,
		.timers = proxy->timers,
		.maximum = options->transactions_max,
		.send = options->send,
		.context = options->context,
	};
	proxy->transactions = transactions_new(&transactions);
	if (proxy->transactions == NULL)
		goto free_proxy;
	return proxy;

free_proxy:
	proxy_free(proxy);
	return NULL;
}

void proxy_free(struct proxy *proxy)
{
	struct context *context;

	if (proxy == NULL)
		return;
	while ((context = TAILQ_FIRST(&proxy->contexts)) != NULL)
		context_free(context);
	transactions_free(proxy->transactions);
	timers_free(proxy->timers);
	free(proxy);
}

static bool is_dialog_forming(uint8_t method)
{
	return method != METHOD_REGISTER && method != METHOD_BYE && method != METHOD_PRACK;
}

static void add_unsupported(const struct message *request, struct text *headers)
{
	struct value_cursor cursor;

	value_begin(&cursor, request, HEADER_PROXY_REQUIRE);
	while (value_next(&cursor)) {
		text_add(headers, SPAN("Unsupported: "));
		text_add(headers, message_span(request, cursor.value));
		text_add(headers, SPAN("\r\n"));
	}
}

// RFC 3261 section 16.3, RFC 5393 sections 4.2 and 5.3. 0, or the status to refuse with.
static unsigned request_check(
	struct context *context, const struct message *request, struct text *headers)
{
	struct proxy *proxy = context->proxy;

	if (request->max_forwards == 0)
		return 483;
	if (message_line(request, HEADER_PROXY_REQUIRE) != NULL) {
		add_unsupported(request, headers);
		return 420;
	}
	loop_write(proxy->options.hashes, request, context->loop);
	if (loop_is_closed(request, &proxy->options.own, context->loop)) {
		proxy->counters.loops++;
		return 482;
	}
	if (!breadth_read(request, &context->breadth))
		return 400;
	return context->breadth == 0 ? 440 : 0;
}

static void request_begin(struct proxy *proxy, const struct message *request,
	const struct hop *source, uint64_t now_ms)
{
	struct context *context = context_new(proxy, request, source, now_ms);
	uint8_t octets[PROXY_URI_MAX];
	struct text headers = text_begin(octets, sizeof(octets));

	if (context == NULL) {
		text_format(&headers, "Retry-After: %u\r\n", RETRY_AFTER_S);
		proxy->counters.overloaded++;
		proxy_refuse(proxy, request, source, text_span(&headers));
		return;
	}
	context->forms_dialog = is_dialog_forming(request->method);
	unsigned status = request_check(context, request, &headers);
	if (status == 0)
		status = proxy_route(context, request, now_ms);
	if (status == 0)
		context_start(context, now_ms);
	else
		context_answer(context, status,
			headers.overflow ? span_of(NULL, 0) : text_span(&headers), now_ms);
}

// RFC 3261 section 16.10.
static void cancel_take(struct proxy *proxy, const struct message *cancel, const struct hop *source,
	uint64_t now_ms)
{
	struct transaction *invite = transaction_find_cancelled(proxy->transactions, cancel);

	if (invite == NULL) {
		proxy->counters.strays++;
		proxy_pass_request(proxy, cancel, source);
		return;
	}
	struct context *context = transaction_owner(invite);
	struct context *own = context_new(proxy, cancel, source, now_ms);
	if (own != NULL)
		context_answer(own, 200, span_of(NULL, 0), now_ms);
	context_cancel(context, now_ms);
}

void proxy_take(struct proxy *proxy, const struct message *message, const struct hop *source,
	uint64_t now_ms)
{
	if (transactions_take(proxy->transactions, message, now_ms)) {
		// It is done.
	} else if (!message->request) {
		proxy_pass_response(proxy, message);
	} else if (message->method == METHOD_ACK) {
		proxy_pass_request(proxy, message, source);
	} else if (message->method == METHOD_CANCEL) {
		cancel_take(proxy, message, source, now_ms);
	} else {
		request_begin(proxy, message, source, now_ms);
	}
	transactions_settle(proxy->transactions);
}

void proxy_run(struct proxy *proxy, uint64_t now_ms)
{
	timers_run(proxy->timers, now_ms);
	transactions_settle(proxy->transactions);
}

uint64_t proxy_due(const struct proxy *proxy)
{
	return timers_due(proxy->timers);
}

void proxy_fail(struct proxy *proxy, const struct hop *gone, uint64_t now_ms)
{
	transactions_fail(proxy->transactions, gone, now_ms);
	transactions_settle(proxy->transactions);
}

void proxy_look_again(struct proxy *proxy, uint64_t now_ms)
{
	struct branch *branch = TAILQ_FIRST(&proxy->unheard);
	struct branch *last = TAILQ_LAST(&proxy->unheard, branch_list);

	// Who is tried anew goes behind the last one; nobody is freed before transactions_settle().
	while (branch != NULL) {
		struct branch *next = branch == last ? NULL : TAILQ_NEXT(branch, unheard);
		branch_look_again(branch, now_ms);
		branch = next;
	}
	transactions_settle(proxy->transactions);
}

const struct proxy_counters *proxy_count(const struct proxy *proxy)
{
	return &proxy->counters;
}

const struct transactions_counters *proxy_count_transactions(const struct proxy *proxy)
{
	return transactions_counters(proxy->transactions);
}

void proxy_measure(const struct proxy *proxy, uint32_t *transactions, uint32_t *contexts)
{
	*transactions = transactions_count(proxy->transactions);
	*contexts = proxy->context_count;
}
