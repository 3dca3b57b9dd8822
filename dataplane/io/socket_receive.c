// socket_receive.c: datagrams out of the kernel, none of them cut.

#include "socket_private.h"

#include <assert.h>
#include <errno.h>

enum {
	// A listener that never runs dry must not hide the others.
	SOCKET_RECEIVES_PER_POLL = 8,
};

// A large datagram's head lands in the normal packet and its rest in the large one, just where it belongs.
static bool slot_fill(struct io_socket *io, struct receive_slot *slot)
{
	uint32_t room = pool_room(POOL_NORMAL);

	if (slot->normal == NULL && (slot->normal = pool_take(&io->pool[POOL_NORMAL])) == NULL)
		return false;
	if (slot->large == NULL && (slot->large = pool_take(&io->pool[POOL_LARGE])) == NULL)
		return false;
	slot->vector[0] = (struct iovec){slot->normal->octets, room};
	slot->vector[1] = (struct iovec){slot->large->octets + room, pool_room(POOL_LARGE) - room};
	return true;
}

static unsigned slots_fill(struct io_socket *io, unsigned max)
{
	unsigned count = 0;

	while (count < max && slot_fill(io, &io->slot[count])) {
		struct receive_slot *slot = &io->slot[count];

		io->in[count++].msg_hdr = (struct msghdr){
			.msg_name = &slot->from,
			.msg_namelen = sizeof(slot->from),
			.msg_iov = slot->vector,
			.msg_iovlen = 2,
		};
	}
	return count;
}

// Takes the packet that holds the datagram out of its slot.
static struct packet *slot_take(struct receive_slot *slot, uint32_t length)
{
	struct packet *packet = slot->normal;
	uint32_t room = pool_room(POOL_NORMAL);

	if (length <= room) {
		slot->normal = NULL;
	} else {
		packet = slot->large;
		memcpy(packet->octets, slot->normal->octets, room);
		slot->large = NULL;
	}
	packet->length = length;
	return packet;
}

static int receive_once(struct io_socket *io, struct socket_listener *listener, unsigned max)
{
	int count = recvmmsg(listener->fd, io->in, max, MSG_DONTWAIT, NULL);

	return count < 0 ? -errno : count;
}

static unsigned listener_receive(struct io_socket *io, struct socket_listener *listener,
	struct packet **packets, unsigned max)
{
	unsigned slots = slots_fill(io, max);
	unsigned taken = 0;

	if (slots == 0)
		return 0;
	int count = receive_once(io, listener, slots);

	if (count < 0 && count != -EAGAIN) {
		socket_errors_read(&io->errors, listener->fd, listener->id);
		count = receive_once(io, listener, slots);
	}
	listener->ready = count == (int)slots;
	for (int i = 0; i < count; i++) {
		struct receive_slot *slot = &io->slot[i];
		struct endpoint peer;

		if (!address_read(&slot->from, &peer) || io->in[i].msg_hdr.msg_flags & MSG_TRUNC)
			continue;
		packets[taken] = slot_take(slot, io->in[i].msg_len);
		packets[taken]->peer = peer;
		packets[taken++]->listener = listener->id;
	}
	return taken;
}

unsigned socket_receive(struct io_port *port, struct packet **packets, unsigned max)
{
	struct io_socket *io = socket_of(port);
	unsigned first = io->next;
	unsigned taken = 0;

	assert(max <= BURST_MAX);
	if (++io->receives >= SOCKET_RECEIVES_PER_POLL)
		socket_poll(io, 0);
	for (unsigned i = 0; i < io->count && taken < max; i++) {
		unsigned index = (first + i) % io->count;

		if (!io->listener[index].ready)
			continue;
		taken += listener_receive(io, &io->listener[index], packets + taken, max - taken);
		io->next = (index + 1) % io->count;
	}
	return taken;
}
