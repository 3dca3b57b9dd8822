// dpdk_guard.c: a listener's socket in the kernel: deaf, but it speaks (docs/decisions/0007).

#include "address.h"
#include "dpdk_private.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>

// The filter of an earlier life cannot be taken away, which is what it was locked for.
static bool is_deaf_already(int guard)
{
	struct sock_filter filter;
	socklen_t instructions = 1;

	return getsockopt(guard, SOL_SOCKET, SO_GET_FILTER, &filter, &instructions) == 0
		&& instructions == 1 && filter.code == (BPF_RET | BPF_K) && filter.k == 0;
}

int dpdk_guard_close_ears(int guard)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {1, &nothing};
	int locked = 1;

	if (is_deaf_already(guard))
		return 0;
	if (setsockopt(guard, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	if (setsockopt(guard, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof(locked)) < 0)
		return -errno;
	return 0;
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
