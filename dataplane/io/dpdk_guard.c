// dpdk_guard.c: a listener's socket in the kernel: nearly deaf, but it speaks (docs/decisions/0007).

#include "address.h"
#include "dpdk_private.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>

enum {
	GUARD_INSTRUCTIONS_MAX = 4,
};

// Takes what is longer than this, with UDP's header; 0: nothing at all. Returns how many instructions that are.
static unsigned filter_write(struct sock_filter out[GUARD_INSTRUCTIONS_MAX], unsigned above)
{
	const struct sock_filter deaf[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_filter long_alone[GUARD_INSTRUCTIONS_MAX] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, above, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	memcpy(out, above == 0 ? deaf : long_alone, above == 0 ? sizeof(deaf) : sizeof(long_alone));
	return above == 0 ? 1 : GUARD_INSTRUCTIONS_MAX;
}

// The filter of an earlier life cannot be taken away, which is what it was locked for.
static bool is_filtered_already(int guard, const struct sock_filter *filter, unsigned count)
{
	struct sock_filter found[GUARD_INSTRUCTIONS_MAX];
	socklen_t instructions = GUARD_INSTRUCTIONS_MAX;

	return getsockopt(guard, SOL_SOCKET, SO_GET_FILTER, found, &instructions) == 0
		&& instructions == count && memcmp(found, filter, count * sizeof(*filter)) == 0;
}

int dpdk_guard_close_ears(int guard, unsigned above)
{
	struct sock_filter filter[GUARD_INSTRUCTIONS_MAX];
	unsigned count = filter_write(filter, above);
	struct sock_fprog program = {(unsigned short)count, filter};
	int locked = 1;

	if (is_filtered_already(guard, filter, count))
		return 0;
	if (setsockopt(guard, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	if (setsockopt(guard, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof(locked)) < 0)
		return -errno;
	return 0;
}

static struct packet *guard_receive(struct io_dpdk *io, const struct dpdk_listener *listener)
{
	struct packet *packet = pool_take(&io->large);
	union address from;
	socklen_t length = sizeof(from);

	if (packet == NULL)
		return NULL;
	ssize_t octets = recvfrom(listener->given.guard, packet->octets, pool_room(POOL_LARGE),
		MSG_DONTWAIT, &from.any, &length);

	if (octets < 0 || !address_read(&from, &packet->peer)) {
		pool_give(&io->large, packet);
		return NULL;
	}
	packet->length = (uint32_t)octets;
	packet->listener = listener->given.id;
	return packet;
}

unsigned dpdk_guard_receive(struct io_dpdk *io, struct packet **packets, unsigned max)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < io->listeners.count && taken < max; i++) {
		struct dpdk_listener *listener = &io->listeners.entry[i];

		while (listener->ready && taken < max) {
			packets[taken] = guard_receive(io, listener);
			if (packets[taken] == NULL)
				listener->ready = false;
			else
				taken++;
		}
	}
	io->guard_ready = taken == max;
	return taken;
}

bool dpdk_guard_send(
	struct io_dpdk *io, const struct dpdk_listener *listener, const struct packet *packet)
{
	union address to;
	socklen_t length = address_write(&packet->peer, listener->family, &to);
	int guard = listener->given.guard;

	if (length == 0)
		return false;
	if (sendto(guard, packet->octets, packet->length, MSG_DONTWAIT, &to.any, length) >= 0)
		return true;
	if (errno == EAGAIN)
		return false;
	// An ICMP error about an earlier datagram comes out of whatever call is next: so a failure counts only when it stays.
	socket_errors_read(&io->errors, guard, listener->given.id);
	return sendto(guard, packet->octets, packet->length, MSG_DONTWAIT, &to.any, length) >= 0;
}
