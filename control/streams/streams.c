#include "streams.h"

#include "../base/descriptors.h"
#include "../base/sockaddr.h"
#include "thread.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	BACKLOG = 4096, // phones that come back all at once; the system's somaxconn may be less
};

#define WORD(NAME, word, text) word,
const char *const stream_end_words[STREAM_END_COUNT] = {STREAM_ENDS(WORD)};
#undef WORD

static void socket_let_bind(int fd, uint8_t family)
{
	int on = 1;

	if (family == ENDPOINT_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
}

static int socket_listen(const struct endpoint *address, bool may_be_away)
{
	struct sockaddr_storage storage;
	socklen_t length = sockaddr_write(address, &storage);
	int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (address->family == ENDPOINT_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (may_be_away)
		socket_let_bind(fd, address->family);
	// Connections of the process before may still be ending.
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
		&& bind(fd, (struct sockaddr *)&storage, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int status = -errno;
	close(fd);
	return status;
}

static int sockets_open(struct streams *streams, unsigned *failed)
{
	for (unsigned i = 0; i < streams->options.listener_count; i++) {
		const struct stream_listener *listener = &streams->options.listeners[i];

		streams->sockets[i] = socket_listen(&listener->address, listener->may_be_away);
		if (streams->sockets[i] < 0) {
			*failed = i;
			return streams->sockets[i];
		}
	}
	return 0;
}

static void inbox_ready(evutil_socket_t fd, short what, void *argument)
{
	struct streams *streams = argument;
	struct stream_mail *mail = mailbox_take(&streams->inbox);

	while (mail != NULL) {
		struct stream_mail *next = mail->next;

		streams->options.mail(streams->options.context, mail);
		mail = next;
	}
}

static int lanes_open(struct streams *streams)
{
	streams->lanes = calloc(streams->options.threads, sizeof(*streams->lanes));
	if (streams->lanes == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < streams->options.threads; i++)
		link_lane_init(&streams->lanes[i]);
	return 0;
}

static int threads_open(struct streams *streams)
{
	int status = 0;

	for (unsigned i = 0; status == 0 && i < streams->options.threads; i++) {
		status = stream_thread_start(streams, (uint8_t)i, &streams->threads[i]);
		streams->thread_count += status == 0;
	}
	return status;
}

static int parts_open(struct streams *streams, unsigned *failed)
{
	const struct streams_options *options = &streams->options;

	streams->sockets = malloc((options->listener_count + 1) * sizeof(int));
	if (streams->sockets == NULL)
		return -ENOMEM;
	memset(streams->sockets, 0xff, (options->listener_count + 1) * sizeof(int));
	int status = sockets_open(streams, failed);
	if (status == 0)
		status = lanes_open(streams);
	if (status != 0)
		return status;
	streams->inbox_event = event_new(
		options->base, streams->inbox.eventfd, EV_READ | EV_PERSIST, inbox_ready, streams);
	if (streams->inbox_event == NULL || event_add(streams->inbox_event, NULL) != 0)
		return -ENOMEM;
	return threads_open(streams);
}

static void options_take(struct streams *streams, const struct streams_options *options)
{
	streams->options = *options;
	streams->tls = options->tls;
	pthread_mutex_init(&streams->tls_lock, NULL);
	streams->admission.total_max = options->limits.connections;
	streams->admission.source_max = options->limits.per_source;
	streams->admission.rate_max = options->limits.new_per_s;
	streams->admission.source_rate_max = options->limits.new_per_source_per_s;
	streams->inbox.eventfd = -1;
	descriptors_raise(options->limits.connections);
}

static int streams_begin(struct streams *streams, unsigned *failed)
{
	uint64_t *seed = &streams->admission.seed;
	int status = mailbox_init(&streams->inbox);

	if (status != 0)
		return status;
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		return -EIO;
	return parts_open(streams, failed);
}

int streams_open(const struct streams_options *options, struct streams **out, unsigned *failed)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	*failed = options->listener_count;
	if (streams == NULL) {
		tls_set_release(options->tls);
		return -ENOMEM;
	}
	options_take(streams, options);
	int status = streams_begin(streams, failed);

	if (status != 0) {
		streams_close(streams);
		return status;
	}
	*out = streams;
	return 0;
}

void streams_close(struct streams *streams)
{
	for (unsigned i = 0; i < streams->thread_count; i++)
		stream_thread_stop(streams->threads[i]);
	if (streams->inbox_event != NULL)
		event_free(streams->inbox_event);
	for (unsigned i = 0; streams->sockets != NULL && i < streams->options.listener_count; i++)
		if (streams->sockets[i] >= 0)
			close(streams->sockets[i]);
	for (unsigned i = 0; streams->lanes != NULL && i < streams->options.threads; i++)
		link_lane_fini(&streams->lanes[i]);
	if (streams->inbox.eventfd >= 0)
		mailbox_fini(&streams->inbox);
	tls_set_release(streams->tls);
	pthread_mutex_destroy(&streams->tls_lock);
	free(streams->sockets);
	free(streams->lanes);
	free(streams);
}

void streams_set_tls(struct streams *streams, struct tls_set *tls)
{
	pthread_mutex_lock(&streams->tls_lock);
	struct tls_set *before = streams->tls;

	streams->tls = tls;
	pthread_mutex_unlock(&streams->tls_lock);
	tls_set_release(before);
}

struct link_lane *streams_lanes(struct streams *streams)
{
	return streams->lanes;
}

void streams_look(struct streams *streams)
{
	for (unsigned i = 0; i < streams->thread_count; i++)
		mailbox_wake(&streams->threads[i]->inbox);
}

void streams_reply(struct streams *streams, struct stream_mail *mail)
{
	mail->type = MAIL_OPENED;
	mailbox_put(&streams->threads[mail->thread]->inbox, mail);
}

// One that the dataplane has a lane for; the first always is.
static uint8_t thread_choose(struct streams *streams, uint32_t outlet)
{
	for (unsigned i = 0; i < streams->thread_count; i++) {
		unsigned index = (outlet + i) % streams->thread_count;

		if (link_lane_session(&streams->lanes[index]) != 0)
			return (uint8_t)index;
	}
	return 0;
}

int streams_dial(struct streams *streams, const struct stream_dial *dial)
{
	struct stream_mail *mail = calloc(1, sizeof(*mail));
	struct stream_dial *copy = malloc(sizeof(*copy));

	if (mail == NULL || copy == NULL) {
		free(mail);
		free(copy);
		return -ENOMEM;
	}
	*copy = *dial;
	*mail = (struct stream_mail){.type = MAIL_DIAL,
		.thread = thread_choose(streams, dial->outlet),
		.listener = dial->listener,
		.peer = dial->target,
		.dial = copy,
		.outlet = dial->outlet};
	mailbox_put(&streams->threads[mail->thread]->inbox, mail);
	return 0;
}

int streams_hang_up(struct streams *streams, uint8_t thread, uint32_t slot, uint32_t generation)
{
	struct stream_mail *mail = calloc(1, sizeof(*mail));

	if (mail == NULL)
		return -ENOMEM;
	*mail = (struct stream_mail){
		.type = MAIL_HANG_UP, .thread = thread, .slot = slot, .generation = generation};
	mailbox_put(&streams->threads[thread]->inbox, mail);
	return 0;
}

static uint64_t counted(const struct streams *streams, unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < streams->thread_count; i++)
		sum += atomic_load_explicit(
			&streams->threads[i]->counts[count], memory_order_relaxed);
	return sum;
}

void streams_count(const struct streams *streams, struct stream_counts *counts)
{
	*counts = (struct stream_counts){
		.accepted = counted(streams, COUNT_ACCEPTED),
		.turned_away = counted(streams, COUNT_TURNED_AWAY),
		.held_back = counted(streams, COUNT_HELD_BACK),
		.messages = counted(streams, COUNT_MESSAGES),
		.pings = counted(streams, COUNT_PINGS),
		.unknown = counted(streams, COUNT_UNKNOWN),
		.timed_out = counted(streams, COUNT_TIMED_OUT),
		.repeated = counted(streams, COUNT_REPEATED),
	};
	for (unsigned end = 0; end < STREAM_END_COUNT; end++)
		counts->ended[end] = counted(streams, end);
	for (unsigned i = 0; i < streams->thread_count; i++)
		counts->open +=
			atomic_load_explicit(&streams->threads[i]->open, memory_order_relaxed);
}
