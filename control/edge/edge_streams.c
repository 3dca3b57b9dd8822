#include "edge_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	GRACE_MS = 10000, // beyond Flow-Timer (RFC 5626 section 5.4 asks to wait longer)
};

static void list_put(struct stream_mail **list, struct stream_mail *mail)
{
	mail->next = *list;
	*list = mail;
}

static void list_free(struct stream_mail **list)
{
	while (*list != NULL) {
		struct stream_mail *mail = *list;

		*list = mail->next;
		mail_free(mail);
	}
}

static const struct config_listener *listener_find(const struct config *config, uint8_t id)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].id == id)
			return &config->listeners.items[i];
	return NULL;
}

static bool peer_is_target(const struct edge *edge, const struct endpoint *peer)
{
	struct link_target targets[UPSTREAM_TARGETS_MAX];
	unsigned count = edge->control->upstream == NULL
		? 0
		: upstream_list(edge->control->upstream, targets);

	for (unsigned i = 0; i < count; i++)
		if (targets[i].endpoint.family == peer->family
			&& memcmp(targets[i].endpoint.address, peer->address, sizeof(peer->address))
				== 0)
			return true;
	return false;
}

// Workers judge every message of a core listener by this rule, too (ROUTING section 1); but peers are told of a flow.
static bool peer_is_heard(const struct edge *edge, const struct stream_mail *mail)
{
	const struct config_listener *listener =
		listener_find(edge->control->config, mail->listener);

	if (listener == NULL || listener->side != SIDE_CORE)
		return listener != NULL;
	for (size_t i = 0; i < listener->allow.count; i++)
		if (prefix_contains(&listener->allow.items[i], &mail->peer))
			return true;
	return listener->allow.count == 0 && peer_is_target(edge, &mail->peer);
}

static void flow_refuse(struct edge *edge, struct stream_mail *mail, enum stream_refusal refusal)
{
	mail->refusal = (uint8_t)refusal;
	streams_reply(edge->streams, mail);
}

// A connection has shown that somebody speaks SIP there: it gets its flow. The answer waits until that is on its way to the tables.
static void flow_open(struct edge *edge, struct stream_mail *mail)
{
	const struct flow_source source = {.listener = mail->listener,
		.transport = mail->transport,
		.peer = mail->peer,
		.thread = mail->thread,
		.outgoing = mail->outlet != 0};
	struct flow_id id;
	bool known = mail->outlet != 0 ? outlets_is_wanted(edge->outlets, mail->outlet)
				       : peer_is_heard(edge, mail);

	if (!known) {
		flow_refuse(edge, mail, REFUSAL_STRANGER);
		return;
	}
	enum flow_result result = flow_book_open_stream(edge->book, &source, edge_now(), &id);

	if (result == FLOW_CLOCK_BEHIND && flow_book_behind_s(edge->book, edge_now()) <= 1) {
		list_put(&edge->early, mail);
		return;
	}
	if (result != FLOW_OK) {
		flow_refuse(edge, mail, REFUSAL_NO_ROOM);
		return;
	}
	mail->slot = id.slot;
	mail->generation = id.generation;
	list_put(&edge->openings, mail);
	edge_batch_soon(edge);
}

static void flow_close(struct edge *edge, struct stream_mail *mail)
{
	const struct flow_id id = {.edge = edge->control->config->node.id,
		.slot = mail->slot,
		.generation = mail->generation};

	flow_book_close_stream(edge->book, id, edge_now());
	edge_batch_soon(edge);
	if (mail->outlet != 0)
		edge_outlet_closed(edge, mail);
	else
		outlets_take_back(edge->outlets, mail, clock_ms());
	mail_free(mail);
}

static void mail_came(void *context, struct stream_mail *mail)
{
	if (mail->type == MAIL_OPEN)
		flow_open(context, mail);
	else
		flow_close(context, mail);
}

// Without what is its thread's alone: that may be written at any time.
static struct stream_mail mail_copy(const struct stream_mail *mail)
{
	return (struct stream_mail){.type = mail->type,
		.thread = mail->thread,
		.listener = mail->listener,
		.transport = mail->transport,
		.refusal = mail->refusal,
		.slot = mail->slot,
		.generation = mail->generation,
		.mutual = mail->mutual,
		.outlet = mail->outlet,
		.peer = mail->peer,
		.mark = mail->mark,
		.alias = mail->alias};
}

void edge_streams_flushed(struct edge *edge, uint64_t after)
{
	while (edge->openings != NULL) {
		struct stream_mail *mail = edge->openings;

		edge->openings = mail->next;
		mail->mark = (struct link_lane_mark){
			.session = link_client_session(edge->control->link), .after = after};
		const struct stream_mail opened = mail_copy(mail);

		mail->alias.certificate = NULL;
		// Its thread knows of it before workers send by it.
		streams_reply(edge->streams, mail);
		if (opened.outlet != 0)
			edge_outlet_opened(edge, &opened);
		else
			outlets_lend(edge->outlets, &opened, clock_ms());
		X509_free(opened.alias.certificate);
	}
}

void edge_streams_tick(struct edge *edge)
{
	struct stream_mail *mail = edge->early;

	edge->early = NULL;
	while (mail != NULL) {
		struct stream_mail *next = mail->next;

		flow_open(edge, mail);
		mail = next;
	}
	if (edge->streams != NULL)
		link_client_judge_lanes(edge->control->link);
}

static unsigned listeners_collect(struct edge *edge)
{
	const struct config *config = edge->control->config;
	unsigned count = 0;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		if (listener->transport != TRANSPORT_UDP)
			edge->stream_listeners[count++] = (struct stream_listener){
				.id = listener->id,
				.side = listener->side,
				.transport = listener->transport,
				.may_be_away = config->cluster.takeover == TAKEOVER_ADDRESS,
				.address = listener->address,
				.tls = listener->tls,
			};
	}
	return count;
}

static void bind_complain(struct edge *edge, uint8_t id, int status)
{
	struct control *control = edge->control;
	const struct config_listener *listener = listener_find(control->config, id);
	uint8_t address[ENDPOINT_TEXT_MAX];
	char place[128];
	size_t length = endpoint_format(&listener->address, address);

	control_fault(control, "E-BIND",
		"is another process there, or is it no address of this host?",
		"cannot listen on %.*s/tcp (listener %s, %s): %s", (int)length, (char *)address,
		(const char *)listener->name.octets,
		control_place(control, &listener->address, place, sizeof(place)),
		strerror(-status));
}

static struct stream_limits limits_of(const struct config *config)
{
	return (struct stream_limits){
		.connections = config->streams.connections,
		.per_source = config->streams.per_source,
		.new_per_s = config->streams.new_per_s,
		.new_per_source_per_s = config->streams.new_per_source_per_s,
		.message_octets = config->limits.message_octets,
		.write_octets = config->streams.write_queue_octets,
		.first_ms = config->streams.first_message_ms,
		.header_ms = config->streams.headers_ms,
		.write_ms = config->streams.write_stall_ms,
		.idle_ms = config->streams.idle_ms,
		.keepalive_ms = config->flows.flow_timer_stream_s * 1000 + GRACE_MS,
		.flows = config->limits.flows,
	};
}

// A phone that comes back to another edge than the one it left resumes there.
static void tickets_share(struct edge *edge, struct tls_set *set)
{
	uint8_t secret[TOKEN_KEYS_TICKET_OCTETS];

	static_assert(sizeof(secret) == TICKETS_SECRET_OCTETS, "one secret");
	if (token_keys_derive_tickets(edge->control->token_keys, secret) == 0)
		tls_set_share_tickets(set, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
}

// NULL: it has been said why not, or *wanted is false.
static struct tls_set *certificates_load(struct edge *edge, bool *wanted)
{
	const struct config *config = edge->control->config;
	struct tls_set *set = NULL;
	struct tls_fault fault = {.what = ""};

	*wanted = false;
	for (size_t i = 0; i < config->listeners.count; i++)
		*wanted |= config->listeners.items[i].tls.length > 0;
	if (*wanted && tls_set_new(config, &set, &fault) != 0)
		log_event(edge->control->log, LOG_LEVEL_ERROR, "certificates-refused",
			LOG_TEXT("error", fault.what));
	if (set != NULL)
		tickets_share(edge, set);
	return set;
}

// Phones that connect from now on are shown what the files hold now; those that are connected stay.
void edge_streams_reload(struct edge *edge)
{
	bool wanted;
	struct tls_set *set = certificates_load(edge, &wanted);

	if (edge->streams == NULL || set == NULL)
		tls_set_release(set);
	else
		streams_set_tls(edge->streams, set);
}

int edge_streams_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config *config = control->config;
	unsigned failed;
	bool wanted;

	edge->stream_listeners =
		calloc(config->listeners.count + 1, sizeof(*edge->stream_listeners));
	if (edge->stream_listeners == NULL)
		return -ENOMEM;
	struct streams_options options = {
		.base = control->base,
		.listeners = edge->stream_listeners,
		.listener_count = listeners_collect(edge),
		.threads = config->streams.threads,
		.limits = limits_of(config),
		.origins = {config->streams.origins.items, config->streams.origins.count},
		.mail = mail_came,
		.context = edge,
	};
	if (options.listener_count == 0)
		return 0;
	options.tls = certificates_load(edge, &wanted);
	if (wanted && options.tls == NULL)
		return -EINVAL;
	int status = streams_open(&options, &edge->streams, &failed);

	if (status != 0 && failed < options.listener_count)
		bind_complain(edge, edge->stream_listeners[failed].id, status);
	return status;
}

void edge_streams_close(struct edge *edge)
{
	if (edge->streams != NULL)
		streams_close(edge->streams);
	edge->streams = NULL;
	list_free(&edge->openings);
	list_free(&edge->early);
	free(edge->stream_listeners);
}
