#include "../base/sockaddr.h"
#include "../base/tcp.h"
#include "../tls/tls_names.h"
#include "trunks_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	// What is sent to a host that has died without a word is lost after this, and not after the minutes that TCP has patience for.
	UNACKNOWLEDGED_MS = 5000,
	// More than a message, so that one can become whole.
	READ_AHEAD_OCTETS = TRUNK_MESSAGE_MAX + 65536,
};

// A phone may be out of sight for longer; an edge is not.
static void socket_tune_opened(int socket)
{
	const int patience_ms = UNACKNOWLEDGED_MS;

	tcp_tune(socket);
	(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
}

static struct trunk *trunk_make(struct trunks *trunks, const struct endpoint *peer,
	const struct endpoint *listener, uint8_t transport)
{
	struct trunk *trunk = calloc(1, sizeof(*trunk));
	uint64_t now_ms = clock_ms();

	if (trunk == NULL)
		return NULL;
	*trunk = (struct trunk){.trunks = trunks,
		.party = {.id = trunks->last_id + 1,
			.peer = *peer,
			.listener = *listener,
			.transport = transport},
		.opened_ms = now_ms,
		.heard_ms = now_ms};
	framer_init(&trunk->framer, TRUNK_MESSAGE_MAX);
	return trunk;
}

// TLS or none on the socket, which is then the carrier's. False: out of memory.
static bool carrier_make(struct trunk *trunk, int socket, enum bufferevent_ssl_state state)
{
	struct event_base *base = trunk->trunks->options.base;

	if (trunk->ssl != NULL)
		trunk->carrier = bufferevent_openssl_socket_new(
			base, socket, trunk->ssl, state, BEV_OPT_CLOSE_ON_FREE);
	else
		trunk->carrier = bufferevent_socket_new(base, socket, BEV_OPT_CLOSE_ON_FREE);
	if (trunk->carrier == NULL)
		return false;
	// Phones hang up without close_notify; where a message ends is SIP's to say.
	if (trunk->ssl != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(trunk->carrier, 1);
	return true;
}

// From here on it is one of them.
static void trunk_begin(struct trunk *trunk)
{
	struct trunks *trunks = trunk->trunks;
	uint32_t write_ms = trunks->options.limits.write_ms;
	const struct timeval stall = {write_ms / 1000, write_ms % 1000 * 1000};

	bufferevent_setcb(trunk->carrier, trunk_read_ready, trunk_written, trunk_event, trunk);
	bufferevent_setwatermark(trunk->carrier, EV_READ, 0, READ_AHEAD_OCTETS);
	bufferevent_set_timeouts(trunk->carrier, NULL, &stall);
	LIST_INSERT_HEAD(&trunks->all, trunk, all);
	LIST_INSERT_HEAD(trunks_bucket(trunks, trunk->party.id), trunk, by_id);
	trunks->last_id = trunk->party.id;
	trunks->counts.open++;
}

struct trunk *trunk_accept(struct trunks *trunks, const struct trunk_listener *listener, int socket,
	const struct endpoint *peer)
{
	struct trunk *trunk = trunk_make(trunks, peer, &listener->address, listener->transport);

	if (trunk == NULL)
		goto refuse;
	tcp_tune(socket);
	if (listener->transport == TRANSPORT_TLS) {
		trunk->tls = tls_set_hold(trunks->tls);
		trunk->ssl = tls_set_accept(trunk->tls, listener->tls);
		if (trunk->ssl == NULL)
			goto refuse;
	}
	if (!carrier_make(trunk, socket, BUFFEREVENT_SSL_ACCEPTING))
		goto refuse_tls;
	trunk_begin(trunk);
	if (trunk->ssl == NULL) {
		trunk->connected = true;
		bufferevent_enable(trunk->carrier, EV_READ | EV_WRITE);
	}
	trunks->counts.accepted++;
	return trunk;

refuse_tls:
	SSL_free(trunk->ssl);
refuse:
	if (trunk != NULL)
		tls_set_release(trunk->tls);
	free(trunk);
	close(socket);
	return NULL;
}

// --- Opened by us ---

// Requests come from an address that others know, as those by UDP do.
static struct endpoint source_for(
	const struct trunks *trunks, const struct endpoint *peer, uint8_t transport)
{
	const struct trunks_options *options = &trunks->options;
	struct endpoint found = {.family = ENDPOINT_NONE};

	for (unsigned i = 0; i < options->listener_count; i++) {
		const struct trunk_listener *listener = &options->listeners[i];

		if (listener->address.family != peer->family
			|| (found.family != ENDPOINT_NONE && listener->transport != transport))
			continue;
		found = listener->address;
		if (listener->transport == transport)
			break;
	}
	found.port = 0;
	return found;
}

// -1: none.
static int socket_from(const struct endpoint *source)
{
	struct sockaddr_storage from;
	socklen_t length = sockaddr_write(source, &from);
	int on = 1;
	int fd = socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	socket_tune_opened(fd);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, length) == 0)
		return fd;
	close(fd);
	return -1;
}

// RFC 5922 section 7.3, while the handshake is still going on: nothing is written to a stranger.
static int name_verify(int verified, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct trunk *trunk = SSL_get_app_data(ssl);
	struct span name = span_of(trunk->name, strlen(trunk->name));

	if (verified && X509_STORE_CTX_get_error_depth(store) == 0
		&& !tls_names_cover(X509_STORE_CTX_get_current_cert(store), name)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
		verified = 0;
	}
	trunk->stranger |= !verified;
	return verified;
}

static bool tls_begin(struct trunk *trunk, struct span name)
{
	struct trunks *trunks = trunk->trunks;

	if (trunk->party.transport != TRANSPORT_TLS)
		return true;
	if (trunks->tls == NULL || name.length > TRUNK_NAME_MAX)
		return false;
	memcpy(trunk->name, name.octets, name.length);
	trunk->tls = tls_set_hold(trunks->tls);
	trunk->ssl = tls_set_connect(trunk->tls, trunks->options.client_tls, name);
	if (trunk->ssl == NULL)
		return false;
	SSL_set_app_data(trunk->ssl, trunk);
	SSL_set_verify(trunk->ssl, SSL_VERIFY_PEER, name_verify);
	return true;
}

// A handshake begins when the socket can be written to.
static bool carrier_connect(struct trunk *trunk, int socket, const struct endpoint *peer)
{
	struct sockaddr_storage to;
	socklen_t length = sockaddr_write(peer, &to);

	if (trunk->ssl != NULL && connect(socket, (struct sockaddr *)&to, length) != 0
		&& errno != EINPROGRESS)
		return false;
	return carrier_make(trunk, socket, BUFFEREVENT_SSL_CONNECTING)
		&& (trunk->ssl != NULL
			|| bufferevent_socket_connect(
				   trunk->carrier, (struct sockaddr *)&to, (int)length)
				== 0);
}

struct trunk *trunk_connect(
	struct trunks *trunks, const struct endpoint *peer, uint8_t transport, struct span name)
{
	struct endpoint source = source_for(trunks, peer, transport);
	int socket = source.family == ENDPOINT_NONE ? -1 : socket_from(&source);
	struct trunk *trunk = socket < 0 ? NULL : trunk_make(trunks, peer, &source, transport);

	if (trunk == NULL)
		goto refuse;
	trunk->party.opened = true;
	if (!tls_begin(trunk, name) || !carrier_connect(trunk, socket, peer))
		goto refuse;
	trunk_begin(trunk);
	trunk->reach = *peer;
	LIST_INSERT_HEAD(trunks_reach_bucket(trunks, peer), trunk, by_reach);
	trunks->counts.opened++;
	return trunk;

refuse:
	if (trunk != NULL && trunk->carrier != NULL) {
		bufferevent_free(trunk->carrier); // with socket and SSL
		socket = -1;
	} else if (trunk != NULL) {
		SSL_free(trunk->ssl);
	}
	if (trunk != NULL)
		tls_set_release(trunk->tls);
	free(trunk);
	if (socket >= 0)
		close(socket);
	return NULL;
}
