#include "edge_private.h"
#include "readiness.h"

enum {
	// A core that is away must not take its edges with it: from then on they serve what they can.
	CORE_WAIT_MS = 3000,
};

static bool core_is_reachable(const struct edge *edge)
{
	struct link_target targets[UPSTREAM_TARGETS_MAX];
	unsigned count = upstream_list(edge->control->upstream, targets);

	for (unsigned i = 0; i < count; i++)
		if (targets[i].transport == TRANSPORT_UDP || targets[i].generation != 0)
			return true;
	return false;
}

static bool core_is_awaited(const struct edge *edge)
{
	return edge->control->upstream != NULL
		&& clock_ms() - edge->control->started_ms < CORE_WAIT_MS
		&& !core_is_reachable(edge);
}

static bool edge_is_replaced(const struct edge *edge)
{
	for (unsigned id = 1; id < 256; id++)
		if (edge->peers[id].replaced)
			return true;
	return false;
}

void edge_ready_judge(struct edge *edge)
{
	struct flow_time now = edge_now();
	const struct readiness readiness = {
		.linked = edge->linked,
		.keyed = edge->keys_sent_s != 0,
		.epoch_is_foreign = edge->epoch_standing == LINK_EPOCH_MINORITY,
		.secret_is_foreign = edge->secret_standing == SECRET_MINORITY,
		.replaced = edge_is_replaced(edge),
		.coreless = core_is_awaited(edge),
		.behind_s = flow_book_behind_s(edge->book, now),
	};
	// What a millisecond clock leaves of this second; at most one look too early.
	struct timeval rest = {.tv_usec = (suseconds_t)(1000 - now.wall_ms % 1000) * 1000 - 1};

	control_set_ready(edge->control, readiness_judge(&readiness));
	// The tick comes when it comes; phones need not wait for it.
	if (readiness.behind_s == 1)
		evtimer_add(edge->ready_timer, &rest);
}

void edge_ready_fired(evutil_socket_t socket, short what, void *context)
{
	edge_ready_judge(context);
}
