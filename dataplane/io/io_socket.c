// io_socket.c: opens and closes a port on kernel sockets, and waits on it.

#include "io_socket.h"

#include "socket_option.h"
#include "socket_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	SOCKET_WAKEUP = LISTENERS_MAX, // in epoll's data: not a listener
};

static void poll_note(struct io_socket *io, const struct epoll_event *event)
{
	eventfd_t ignored;

	if (event->data.u32 == SOCKET_WAKEUP) {
		(void)eventfd_read(io->wakeup, &ignored);
		return;
	}
	struct socket_listener *listener = &io->listener[event->data.u32];

	if (event->events & EPOLLERR)
		socket_errors_read(&io->errors, listener->fd, listener->id);
	listener->ready = true;
}

void socket_poll(struct io_socket *io, uint32_t timeout_ms)
{
	struct epoll_event events[LISTENERS_MAX + 1];
	int count = epoll_wait(io->epoll, events, LISTENERS_MAX + 1, (int)timeout_ms);

	io->receives = 0;
	for (int i = 0; i < count; i++)
		poll_note(io, &events[i]);
}

static void socket_wait(struct io_port *port, uint32_t timeout_ms)
{
	socket_poll(socket_of(port), timeout_ms);
}

void socket_release(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_socket *io = socket_of(port);

	for (unsigned i = 0; i < count; i++)
		pool_give(&io->pool[packets[i]->pool], packets[i]);
}

static struct packet *socket_allocate(struct io_port *port, uint32_t length)
{
	struct io_socket *io = socket_of(port);

	for (unsigned size = 0; size < POOL_SIZES; size++)
		if (length <= pool_room(size))
			return pool_take(&io->pool[size]);
	return NULL;
}

static unsigned socket_unreachable(
	struct io_port *port, struct io_unreachable *reports, unsigned max)
{
	return socket_errors_take(&socket_of(port)->errors, reports, max);
}

static void socket_close(struct io_port *port)
{
	struct io_socket *io = socket_of(port);

	close(io->epoll);
	for (unsigned size = 0; size < POOL_SIZES; size++)
		pool_fini(&io->pool[size]);
	free(io);
}

static const struct io_ops io_socket_ops = {
	.name = "socket",
	.receive = socket_receive,
	.send = socket_send,
	.release = socket_release,
	.allocate = socket_allocate,
	.unreachable = socket_unreachable,
	.wait = socket_wait,
	.close = socket_close,
};

static int watch(struct io_socket *io, int fd, uint32_t index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

	return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int listener_add(struct io_socket *io, const struct io_socket_listener *given)
{
	struct socket_listener *listener = &io->listener[io->count];
	int family;
	int error = socket_option_read_family(given->fd, &family);

	if (error < 0)
		return error;
	if (given->id > LISTENERS_MAX || io->by_id[given->id] != SOCKET_NONE)
		return -EEXIST;
	*listener = (struct socket_listener){given->fd, family, given->id, true};
	error = socket_option_set(given->fd, family);
	if (error == 0)
		error = watch(io, given->fd, io->count);
	if (error == 0)
		io->by_id[given->id] = (uint8_t)io->count++;
	return error;
}

static int listeners_add(struct io_socket *io, const struct io_socket_listener *listeners,
	unsigned count, unsigned *failed)
{
	if (count == 0 || count > LISTENERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		int error = listener_add(io, &listeners[i]);

		if (error < 0) {
			*failed = i;
			return error;
		}
	}
	return 0;
}

int io_socket_open(const struct io_socket_listener *listeners, unsigned count, int wakeup,
	struct io_port **port, unsigned *failed)
{
	struct io_socket *io = calloc(1, sizeof(*io));
	int error = -ENOMEM;

	*failed = count;
	if (io == NULL)
		return -ENOMEM;
	io->port.ops = &io_socket_ops;
	io->wakeup = wakeup;
	memset(io->by_id, SOCKET_NONE, sizeof(io->by_id));
	if (pool_init(&io->pool[POOL_NORMAL], POOL_NORMAL, SOCKET_NORMAL_PACKETS) < 0)
		goto free_io;
	if (pool_init(&io->pool[POOL_LARGE], POOL_LARGE, SOCKET_LARGE_PACKETS) < 0)
		goto fini_normal;
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (io->epoll < 0) {
		error = -errno;
		goto fini_large;
	}
	error = watch(io, wakeup, SOCKET_WAKEUP);
	if (error == 0)
		error = listeners_add(io, listeners, count, failed);
	if (error < 0)
		goto close_epoll;
	*port = &io->port;
	return 0;

close_epoll:
	close(io->epoll);
fini_large:
	pool_fini(&io->pool[POOL_LARGE]);
fini_normal:
	pool_fini(&io->pool[POOL_NORMAL]);
free_io:
	free(io);
	return error;
}
