// stream_dial.c: connections that we open, until they have a flow.

#include "../base/sockaddr.h"
#include "../tls/tls_names.h"
#include "carrier.h"
#include "stream_private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct stream_listener *listener_find(const struct streams *streams, uint8_t id)
{
	for (unsigned i = 0; i < streams->options.listener_count; i++)
		if (streams->options.listeners[i].id == id)
			return &streams->options.listeners[i];
	return NULL;
}

// From the listener's address and any port: the listener's own is for those who come. A descriptor, or a negative errno.
static int socket_connect(const struct endpoint *from, const struct endpoint *target)
{
	struct endpoint local = *from;
	struct sockaddr_storage storage;
	int on = 1;

	local.port = 0;
	socklen_t length = sockaddr_write(&local, &storage);
	int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	// The port is chosen for this target alone, so that few ports serve many targets.
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&storage, length) == 0) {
		length = sockaddr_write(target, &storage);
		if (connect(fd, (struct sockaddr *)&storage, length) == 0 || errno == EINPROGRESS)
			return fd;
	}
	int status = -errno;
	close(fd);
	return status;
}

// Nothing came of it: the main loop is told, which will try again.
static void dial_fail(struct stream_thread *thread, struct stream_mail *mail)
{
	mail->type = MAIL_CLOSED;
	mail->end = STREAM_END_UNREACHABLE;
	stream_thread_add(thread, STREAM_END_UNREACHABLE);
	mailbox_put(&thread->streams->inbox, mail);
}

void stream_dial(struct stream_thread *thread, struct stream_mail *mail)
{
	const struct stream_dial *dial = mail->dial;
	const struct stream_listener *listener = listener_find(thread->streams, dial->listener);
	int fd = listener == NULL ? -EINVAL : socket_connect(&listener->address, &dial->target);

	if (fd < 0) {
		dial_fail(thread, mail);
		return;
	}
	struct stream *connection = stream_make(thread, listener, fd, &dial->target, mail);

	if (connection == NULL) {
		close(fd);
		dial_fail(thread, mail);
		return;
	}
	connection->connecting = true;
	event_add(&connection->write_event, NULL);
}

void stream_dial_connected(struct stream *connection)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0
		|| error != 0) {
		stream_close(connection, STREAM_END_UNREACHABLE);
		return;
	}
	connection->connecting = false;
	event_del(&connection->write_event);
	event_add(&connection->read_event, NULL);
	// TLS begins with us; and without it there is nobody to be asked for.
	event_active(&connection->read_event, EV_READ, 0);
}

bool stream_dial_greet(struct stream *connection)
{
	if (connection->dial == NULL || connection->generation != 0 || connection->asked
		|| connection->wait != WAIT_NOTHING
		|| (connection->ssl != NULL && !SSL_is_init_finished(connection->ssl)))
		return true;
	// RFC 5922 section 7.3: for the host of the URI, whatever DNS has made of it.
	if (connection->ssl != NULL
		&& !tls_peer_is(connection->ssl, stream_dial_host(connection->dial))) {
		stream_close(connection, STREAM_END_IMPOSTOR);
		return false;
	}
	stream_ask_flow(connection);
	return true;
}
