#include "link_private.h"

#include <weir/record.h>

#include <errno.h>
#include <unistd.h>

enum {
	FLUSH_EVERY_US = 2000,
	RECORDS_A_TURN = 4096, // from one ring, before others have their turn
};

static void signal_eventfd(int eventfd)
{
	uint64_t one = 1;

	// It can only fail when the counter is full: then it is readable anyway.
	if (write(eventfd, &one, sizeof(one)) != sizeof(one))
		return;
}

// --- Control to keeper ---

// Keys do not stay in the ring when they have been taken.
static uint16_t record_flags(uint16_t type)
{
	return type == LINK_KEYS || type == LINK_HASH_KEYS ? RING_SECRET : 0;
}

static void backlog_flush(struct link_client *client)
{
	struct record_header header;
	bool wrote = false;

	while (evbuffer_copyout(client->backlog, &header, sizeof(header)) == sizeof(header)) {
		const uint8_t *octets = evbuffer_pullup(
			client->backlog, (ev_ssize_t)(sizeof(header) + header.length));
		struct span payload = span_of(octets + sizeof(header), header.length);
		if (ring_write(&client->table, header.type, record_flags(header.type), payload,
			    span_of(NULL, 0))
			!= 0)
			break;
		evbuffer_drain(client->backlog, sizeof(header) + header.length);
		wrote = true;
	}
	if (wrote && ring_needs_signal(&client->table))
		signal_eventfd(client->keeper_eventfd);
}

static void flush_fired(evutil_socket_t socket, short what, void *argument)
{
	struct link_client *client = argument;
	struct timeval soon = {.tv_usec = FLUSH_EVERY_US};

	if (client->overflowed) {
		link_disconnect(client, "the keeper does not take its records");
		return;
	}
	backlog_flush(client);
	if (evbuffer_get_length(client->backlog) > 0)
		evtimer_add(client->flush_timer, &soon);
}

// A snapshot may be put in one go; what waits beyond it says that nobody reads.
static size_t backlog_max(const struct link_config *config)
{
	size_t flow =
		sizeof(struct record_header) + FLOW_RECORD_OCTETS_MAX - FLOW_ROWS_MAX * ROW_OCTETS;

	return BACKLOG_SPARE + ((size_t)config->flows_max + config->peer_flows_max) * flow
		+ (size_t)config->rows_max * ROW_OCTETS;
}

// A record is never left out between others: what cannot wait ends the session, and not before the caller has returned.
static void backlog_add(struct link_client *client, uint16_t type, struct span record)
{
	struct record_header header = {.length = (uint32_t)record.length, .type = type};
	struct timeval soon = {.tv_usec = FLUSH_EVERY_US};
	size_t waiting = evbuffer_get_length(client->backlog);

	client->overflowed = client->overflowed
		|| waiting + sizeof(header) + record.length > backlog_max(&client->options.config)
		|| evbuffer_add(client->backlog, &header, sizeof(header)) != 0
		|| evbuffer_add(client->backlog, record.octets, record.length) != 0;
	if (!evtimer_pending(client->flush_timer, NULL))
		evtimer_add(client->flush_timer, &soon);
}

uint64_t link_client_put(struct link_client *client, uint16_t type, struct span record)
{
	if (client->phase != LINK_PHASE_UP || client->overflowed)
		return 0;
	assert(record.length <= ring_payload_max(&client->table));
	client->sequence++;
	if (evbuffer_get_length(client->backlog) > 0
		|| ring_write(&client->table, type, record_flags(type), record, span_of(NULL, 0))
			!= 0)
		backlog_add(client, type, record);
	else if (ring_needs_signal(&client->table))
		signal_eventfd(client->keeper_eventfd);
	return client->overflowed ? 0 : client->sequence;
}

int link_client_send(struct link_client *client, unsigned worker,
	const struct link_down_message *head, struct span message)
{
	if (client->phase != LINK_PHASE_UP)
		return -ENOTCONN;
	if (worker >= client->region.workers)
		return -EINVAL;
	int status = ring_write(&client->downs[worker], LINK_DOWN_MESSAGE, 0,
		span_of(head, sizeof(*head)), message);
	if (status == 0 && ring_needs_signal(&client->downs[worker]))
		signal_eventfd(client->worker_eventfds[worker]);
	return status;
}

// --- Keeper and workers to control ---

static size_t event_size(uint16_t type)
{
	switch (type) {
	case LINK_EVENT_PEER:
		return sizeof(struct link_event_peer);
	case LINK_EVENT_EPOCH:
		return sizeof(struct link_event_epoch);
	case LINK_EVENT_EXPLAINED:
		return sizeof(struct link_explained);
	case LINK_EVENT_SUSPECT:
		return sizeof(struct link_event_flow);
	case LINK_EVENT_LIFE:
		return sizeof(struct link_event_life);
	case LINK_EVENT_DEVICE:
		return sizeof(struct link_event_device);
	case LINK_EVENT_ADDRESS:
		return sizeof(struct link_event_address);
	default:
		return SIZE_MAX;
	}
}

// False: the session is over.
static bool events_drain(struct link_client *client)
{
	struct record_header header;
	int64_t length;

	while ((length = ring_read(
			&client->events, &header, client->record, sizeof(client->record)))
		>= 0) {
		if ((size_t)length != event_size(header.type)) {
			link_disconnect(client, "the dataplane sent an event of a wrong length");
			return false;
		}
		client->options.event(client->options.context, header.type,
			span_of(client->record, (size_t)length));
	}
	if (length == -EAGAIN)
		return true;
	link_disconnect(client, "the event ring is broken");
	return false;
}

static bool up_take(struct link_client *client, unsigned worker, uint16_t type, size_t length)
{
	struct link_up_message head;

	if (type != LINK_UP_MESSAGE || length < sizeof(head))
		return false;
	memcpy(&head, client->record, sizeof(head));
	if (head.kind >= LINK_UP_KINDS_MAIN || length != sizeof(head) + head.length)
		return false;
	client->options.message(client->options.context, worker, &head,
		span_of(client->record + sizeof(head), head.length));
	return true;
}

static bool up_drain(struct link_client *client, unsigned worker)
{
	struct record_header header;

	for (unsigned i = 0; i < RECORDS_A_TURN; i++) {
		int64_t length = ring_read(
			&client->ups[worker], &header, client->record, sizeof(client->record));
		if (length == -EAGAIN)
			return true;
		if (length < 0 || !up_take(client, worker, header.type, (size_t)length)) {
			link_disconnect(client, "an up ring is broken");
			return false;
		}
		if (client->phase != LINK_PHASE_UP)
			return false;
	}
	signal_eventfd(client->own_eventfd); // more is there: come back after the others
	return true;
}

// All rings are asked to signal from now on; false: something came in between.
static bool rings_sleep(struct link_client *client)
{
	bool quiet = ring_sleep(&client->events);

	for (unsigned worker = 0; worker < client->region.workers; worker++)
		quiet = ring_sleep(&client->ups[worker]) && quiet;
	return quiet;
}

static void rings_ready(evutil_socket_t eventfd, short what, void *argument)
{
	struct link_client *client = argument;
	uint64_t count;

	if (read(client->own_eventfd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	if (!events_drain(client))
		return;
	for (unsigned worker = 0; worker < client->region.workers; worker++)
		if (!up_drain(client, worker))
			return;
	if (!rings_sleep(client))
		signal_eventfd(client->own_eventfd);
}

// --- Begin and end ---

static void rings_attach(struct link_client *client)
{
	region_attach_table(&client->region, &client->table);
	region_attach_events(&client->region, &client->events);
	for (unsigned worker = 0; worker < client->region.workers; worker++) {
		region_attach_up(&client->region, 0, worker, &client->ups[worker]);
		region_attach_down(&client->region, 0, worker, &client->downs[worker]);
	}
}

// LINK_UP: the memfd, our eventfd, one a stream thread, the keeper's and one a worker.
static int descriptors_take(struct link_client *client, struct setup_packet *packet)
{
	uint32_t abi = 0;

	if (packet->descriptor_count < 3)
		return -EBADMSG;
	int status = region_map(&client->region, packet->descriptors[0], &abi);
	if (status == -EPROTO)
		log_event(client->options.log, LOG_LEVEL_ERROR, "link-abi",
			LOG_NUMBER("ours", LINK_ABI), LOG_NUMBER("dataplane", abi),
			LOG_TEXT("hint", "install both of one version"));
	if (status != 0)
		return status;
	if (packet->descriptor_count != client->region.workers + client->region.streams + 3)
		return -EBADMSG;
	const int *next = packet->descriptors + 1;

	client->own_eventfd = *next++;
	for (unsigned lane = 0; lane < client->region.streams; lane++)
		client->lane_eventfds[lane] = *next++;
	client->keeper_eventfd = *next++;
	for (unsigned worker = 0; worker < client->region.workers; worker++)
		client->worker_eventfds[worker] = *next++;
	for (unsigned i = 1; i < packet->descriptor_count; i++)
		packet->descriptors[i] = -1;
	return 0;
}

int link_session_open(struct link_client *client, struct setup_packet *packet)
{
	int status = descriptors_take(client, packet);

	if (status != 0)
		return status;
	rings_attach(client);
	client->sequence = 0;
	client->session++;
	client->overflowed = false;
	client->backlog = evbuffer_new();
	client->flush_timer = evtimer_new(client->options.base, flush_fired, client);
	client->own_event = event_new(client->options.base, client->own_eventfd,
		EV_READ | EV_PERSIST, rings_ready, client);
	if (client->backlog == NULL || client->flush_timer == NULL || client->own_event == NULL
		|| event_add(client->own_event, NULL) != 0)
		return -ENOMEM;
	if (!rings_sleep(client))
		signal_eventfd(client->own_eventfd);
	return 0;
}

static void descriptor_close(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static uint32_t lanes_used(const struct link_client *client)
{
	return client->region.streams < client->options.config.streams
		? client->region.streams
		: client->options.config.streams;
}

unsigned link_client_attach_lanes(struct link_client *client)
{
	for (uint32_t lane = 0; lane < lanes_used(client); lane++)
		link_lane_attach(&client->options.lanes[lane], &client->region, 1 + lane,
			client->lane_eventfds[lane], client->worker_eventfds, client->session,
			client->sequence);
	return lanes_used(client);
}

void link_client_judge_lanes(struct link_client *client)
{
	for (uint32_t lane = 0; client->phase == LINK_PHASE_UP && lane < lanes_used(client); lane++)
		if (link_lane_is_broken(&client->options.lanes[lane]))
			link_disconnect(client, "an up ring of a stream thread is broken");
}

uint64_t link_client_session(const struct link_client *client)
{
	return client->phase == LINK_PHASE_UP ? client->session : 0;
}

void link_session_close(struct link_client *client)
{
	// Before the memory goes.
	for (uint32_t lane = 0; lane < client->options.config.streams; lane++)
		link_lane_detach(&client->options.lanes[lane]);
	if (client->own_event != NULL)
		event_free(client->own_event);
	if (client->flush_timer != NULL)
		event_free(client->flush_timer);
	if (client->backlog != NULL)
		evbuffer_free(client->backlog);
	client->own_event = NULL;
	client->flush_timer = NULL;
	client->backlog = NULL;
	descriptor_close(&client->own_eventfd);
	descriptor_close(&client->keeper_eventfd);
	for (unsigned lane = 0; lane < LINK_STREAMS_MAX; lane++)
		descriptor_close(&client->lane_eventfds[lane]);
	for (unsigned worker = 0; worker < LINK_WORKERS_MAX; worker++)
		descriptor_close(&client->worker_eventfds[worker]);
	if (client->region.shared != NULL)
		region_unmap(&client->region);
	client->region = (struct region){0};
}

const struct link_counters *link_client_counters(const struct link_client *client, unsigned worker)
{
	if (client->phase != LINK_PHASE_UP || worker >= client->region.workers)
		return NULL;
	return region_counters(&client->region, worker);
}

const struct link_queue_counters *link_client_queue_counters(
	const struct link_client *client, unsigned worker, unsigned device)
{
	if (client->phase != LINK_PHASE_UP || worker >= client->region.workers
		|| device >= LINK_DEVICES_MAX)
		return NULL;
	return region_queue_counters(&client->region, worker, device);
}
