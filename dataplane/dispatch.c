// dispatch.c: packets leave the worker: to the network, up to control, to the keeper, or back to their pool.

#include "dispatch.h"

#include "counters.h"
#include "plane.h"

#include <sys/eventfd.h>

enum {
	// Of 256: a REGISTER that is turned away is repeated, so those go first, while there is still room for what is not.
	DISPATCH_REGISTER_ROOM = 128,
};

// Packets that leave one way, and which of the burst each is.
struct batch {
	unsigned count;
	struct packet *packet[BURST_MAX];
	uint8_t index[BURST_MAX];
};

static void batch_add(struct batch *batch, const struct burst *burst, unsigned index)
{
	batch->packet[batch->count] = burst->packet[index];
	batch->index[batch->count++] = (uint8_t)index;
}

static struct link_up_message up_message(const struct burst *burst, unsigned index)
{
	const struct packet *packet = burst->packet[index];
	bool stream = burst->origin[index] == ORIGIN_STREAM;

	return (struct link_up_message){
		.kind = burst->up_kind[index],
		.listener = packet->listener,
		.side = burst->side[index],
		.transport = burst->listener[index]->listener.transport,
		.length = (uint16_t)packet->length,
		.source = packet->peer,
		.slot = burst->flow[index].slot,
		.generation = burst->flow[index].generation,
		.tag = stream ? burst->grant[index].tag : 0,
	};
}

// False: no room for a message of this kind, or nobody who would take it.
static bool send_up(struct worker *worker, struct session *session, unsigned index)
{
	const struct packet *packet = worker->burst->packet[index];

	if (session == NULL || worker->burst->listener[index] == NULL)
		return false;
	struct ring *ring = &session->up[0][worker->index];
	struct link_up_message head = up_message(worker->burst, index);

	if (head.kind == LINK_UP_REGISTER && ring_free_share(ring) < DISPATCH_REGISTER_ROOM)
		return false;
	return ring_write(ring, LINK_UP_MESSAGE, 0, span_of(&head, sizeof(head)),
		       span_of(packet->octets, packet->length))
		== 0;
}

// The lane of the stream thread that carries a flow; 0: none.
static uint32_t lane_find(
	const struct world *world, const struct session *session, struct flow_id id)
{
	const struct flow *flow = flow_find(world->flows, id);

	if (session == NULL || flow == NULL || flow->transport == TRANSPORT_UDP
		|| flow->thread >= session->region.streams)
		return 0;
	return 1 + flow->thread;
}

// To the thread that has the connection, which writes the octets there.
static void send_stream(
	struct worker *worker, const struct world *world, struct session *session, unsigned index)
{
	struct burst *burst = worker->burst;
	const struct packet *packet = burst->packet[index];
	struct flow_id carrier = burst->decision[index].carrier;
	uint32_t lane = lane_find(world, session, carrier);
	const struct link_up_message head = {
		.kind = LINK_UP_STREAM,
		.listener = packet->listener,
		.length = (uint16_t)packet->length,
		.source = packet->peer,
		.slot = carrier.slot,
		.generation = carrier.generation,
	};

	if (lane == 0)
		burst->verdict[index] = VERDICT_STREAM_GONE;
	else if (ring_write(&session->up[lane][worker->index], LINK_UP_MESSAGE, 0,
			 span_of(&head, sizeof(head)), span_of(packet->octets, packet->length))
		!= 0)
		burst->verdict[index] = VERDICT_RING_FULL;
	else
		counter_add(&worker->counters.sent, 1);
}

// A request that came by a stream and left by UDP, or waits: nobody would repeat it but control.
static bool is_held(const struct burst *burst, unsigned index)
{
	if (burst->grant[index].tag == 0
		|| (burst->origin[index] != ORIGIN_STREAM && burst->origin[index] != ORIGIN_GRANT))
		return false;
	return burst->verdict[index] == VERDICT_R8_PARKED
		|| burst->verdict[index] == VERDICT_NOT_READY
		|| (burst->action[index] == ACTION_SEND
			&& burst->decision[index].kind == DECISION_FORWARD
			&& burst->decision[index].out->listener.transport == TRANSPORT_UDP);
}

// Without room it is lost, and the phone's own patience ends the transaction.
static void send_held(
	struct worker *worker, const struct world *world, struct session *session, unsigned index)
{
	const struct grant *grant = &worker->burst->grant[index];
	const struct link_up_message head = {
		.kind = LINK_UP_HELD,
		.slot = grant->slot,
		.generation = grant->generation,
		.tag = grant->tag,
	};

	if (world->directory == NULL)
		return;
	uint32_t lane = lane_find(world, session,
		(struct flow_id){directory_settings(world->directory)->edge, grant->slot,
			grant->generation});

	if (lane != 0)
		(void)ring_write(&session->up[lane][worker->index], LINK_UP_MESSAGE, 0,
			span_of(&head, sizeof(head)), span_of(NULL, 0));
}

static void send_beat(struct worker *worker, unsigned index)
{
	const struct packet *packet = worker->burst->packet[index];

	// A beat that finds no room is a beat lost: there are more.
	(void)channel_write(&worker->to_keeper, CHANNEL_BEAT, &packet->peer, packet->listener,
		span_of(packet->octets, packet->length));
}

static void send_out(struct worker *worker, struct batch *batch)
{
	uint32_t refused = worker->port->ops->send(worker->port, batch->packet, batch->count);

	for (unsigned i = 0; i < batch->count; i++)
		if (refused & UINT32_C(1) << i)
			worker->burst->verdict[batch->index[i]] = VERDICT_SEND_FAILED;
	counter_add(&worker->counters.sent, batch->count - (unsigned)__builtin_popcount(refused));
}

static void count_burst(struct link_counters *counters, const struct burst *burst)
{
	counter_add(&counters->received, burst->count);
	for (unsigned i = 0; i < burst->count; i++) {
		counter_add(&counters->verdicts[burst->verdict[i]], 1);
		if (burst->note[i] == NOTE_FOREIGN_FROM)
			counter_add(&counters->foreign_from, 1);
		else if (burst->note[i] == NOTE_UNREGISTERED)
			counter_add(&counters->unregistered, 1);
	}
}

// Of the kinds of action; a message that control cannot take becomes one of the others.
static void sort_message(struct worker *worker, const struct world *world, struct session *session,
	unsigned index, struct batch *out, struct batch *back)
{
	struct burst *burst = worker->burst;

	if (burst->action[index] == ACTION_CONTROL && !send_up(worker, session, index))
		burst_refuse(world, burst, index);
	if (burst->action[index] == ACTION_KEEPER)
		send_beat(worker, index);
	if (is_held(burst, index))
		send_held(worker, world, session, index);
	bool wire = burst->action[index] == ACTION_SEND
		&& burst->decision[index].out->listener.transport == TRANSPORT_UDP;

	if (burst->action[index] == ACTION_SEND && !wire)
		send_stream(worker, world, session, index);
	batch_add(wire ? out : back, burst, index);
}

static void lanes_signal(struct worker *worker, struct session *session)
{
	for (uint32_t lane = 0; lane < session_lanes(session); lane++)
		session_signal(session, lane, &session->up[lane][worker->index]);
}

void dispatch_burst(struct worker *worker, const struct world *world, struct session *session)
{
	struct burst *burst = worker->burst;
	struct batch out = {.count = 0};
	struct batch back = {.count = 0};

	for (unsigned i = 0; i < burst->count; i++)
		sort_message(worker, world, session, i, &out, &back);
	if (out.count > 0)
		send_out(worker, &out);
	worker->port->ops->release(worker->port, back.packet, back.count);
	count_burst(&worker->counters, burst);
	burst->count = 0;
	if (session != NULL)
		lanes_signal(worker, session);
	if (ring_needs_signal(&worker->to_keeper.writer))
		keeper_wake(&worker->plane->keeper);
}
