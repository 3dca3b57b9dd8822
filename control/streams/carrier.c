#include "carrier.h"

#include "thread.h"

#include <openssl/err.h>

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

int carrier_open(struct stream *connection)
{
	struct streams *streams = connection->thread->streams;
	const struct stream_listener *listener = connection->listener;

	if (listener->tls.length == 0)
		return 0;
	pthread_mutex_lock(&streams->tls_lock);
	connection->tls = tls_set_hold(streams->tls);
	pthread_mutex_unlock(&streams->tls_lock);
	connection->ssl = connection->dial == NULL ? tls_set_accept(connection->tls, listener->tls)
						   : tls_set_connect(connection->tls, listener->tls,
							   stream_dial_host(connection->dial));
	if (connection->ssl != NULL && SSL_set_fd(connection->ssl, connection->socket) == 1)
		return 0;
	carrier_close(connection);
	return -ENOMEM;
}

void carrier_close(struct stream *connection)
{
	if (connection->ssl != NULL && SSL_is_init_finished(connection->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(connection->ssl);
	}
	SSL_free(connection->ssl);
	connection->ssl = NULL;
	tls_set_release(connection->tls);
	connection->tls = NULL;
}

// What a call that took or gave nothing means.
static ssize_t tls_judge(struct stream *connection, int result)
{
	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		connection->wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		// After this nothing may be called on it, not even for goodbye.
		SSL_set_quiet_shutdown(connection->ssl, 1);
		return -EPROTO;
	}
}

static ssize_t tls_read(struct stream *connection, uint8_t *octets, size_t room)
{
	ERR_clear_error();
	int length = SSL_read(connection->ssl, octets, room < INT_MAX ? (int)room : INT_MAX);

	return length > 0 ? length : tls_judge(connection, length);
}

static ssize_t tls_write(struct stream *connection, struct span octets)
{
	ERR_clear_error();
	int length = SSL_write(connection->ssl, octets.octets,
		octets.length < INT_MAX ? (int)octets.length : INT_MAX);

	if (length > 0)
		return length;
	ssize_t judged = tls_judge(connection, length);

	connection->wants_write = false; // its output waits for that in any case
	return judged == 0 ? -EPIPE : judged;
}

ssize_t carrier_read(struct stream *connection, uint8_t *octets, size_t room)
{
	if (connection->ssl != NULL)
		return tls_read(connection, octets, room);
	ssize_t length = recv(connection->socket, octets, room, 0);

	return length < 0 ? -errno : length;
}

ssize_t carrier_write(struct stream *connection, struct span octets)
{
	if (connection->ssl != NULL)
		return tls_write(connection, octets);
	ssize_t length = send(connection->socket, octets.octets, octets.length, MSG_NOSIGNAL);

	return length < 0 ? -errno : length;
}

bool carrier_has_more(const struct stream *connection)
{
	return connection->ssl != NULL && SSL_has_pending(connection->ssl);
}
