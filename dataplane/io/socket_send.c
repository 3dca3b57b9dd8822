// socket_send.c: datagrams into the kernel, one call a listener.

#include "socket_private.h"

#include <assert.h>
#include <errno.h>

// The packets of one listener in a burst, and which of the burst each is.
struct run {
	struct socket_listener *listener;
	unsigned count;
	uint8_t index[BURST_MAX];
};

static struct socket_listener *listener_find(struct io_socket *io, uint8_t id)
{
	uint8_t index = id <= LISTENERS_MAX ? io->by_id[id] : SOCKET_NONE;

	return index == SOCKET_NONE ? NULL : &io->listener[index];
}

// False: the packet's address does not exist on this listener's socket.
static bool run_add(
	struct io_socket *io, struct run *run, const struct packet *packet, unsigned index)
{
	unsigned at = run->count;
	socklen_t length =
		address_write(&packet->peer, run->listener->family, &io->out_address[at]);

	if (length == 0)
		return false;
	io->out_vector[at] = (struct iovec){packet->octets, packet->length};
	io->out[at].msg_hdr = (struct msghdr){
		.msg_name = &io->out_address[at],
		.msg_namelen = length,
		.msg_iov = &io->out_vector[at],
		.msg_iovlen = 1,
	};
	run->index[run->count++] = (uint8_t)index;
	return true;
}

// Sends what is left of a run: how many went, or a negative errno of the first.
static int run_send_rest(struct io_socket *io, const struct run *run, unsigned sent)
{
	int count = sendmmsg(run->listener->fd, io->out + sent, run->count - sent, MSG_DONTWAIT);

	return count < 0 ? -errno : count;
}

// An ICMP error about an earlier datagram comes out of whatever call is next: so a failure counts only when it stays.
static uint32_t run_send(struct io_socket *io, const struct run *run)
{
	uint32_t refused = 0;
	unsigned sent = 0;

	while (sent < run->count) {
		int count = run_send_rest(io, run, sent);

		if (count < 0 && count != -EAGAIN) {
			socket_errors_read(&io->errors, run->listener->fd, run->listener->id);
			count = run_send_rest(io, run, sent);
		}
		if (count <= 0)
			refused |= UINT32_C(1) << run->index[sent];
		sent += count > 0 ? (unsigned)count : 1;
	}
	return refused;
}

uint32_t socket_send(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_socket *io = socket_of(port);
	uint32_t refused = 0;
	uint32_t done = 0;

	assert(count <= BURST_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct run run = {.listener = listener_find(io, packets[i]->listener)};

		if (done & UINT32_C(1) << i)
			continue;
		for (unsigned j = i; j < count; j++) {
			if (packets[j]->listener != packets[i]->listener)
				continue;
			done |= UINT32_C(1) << j;
			if (run.listener == NULL || !run_add(io, &run, packets[j], j))
				refused |= UINT32_C(1) << j;
		}
		refused |= run_send(io, &run);
	}
	socket_release(port, packets, count);
	return refused;
}
