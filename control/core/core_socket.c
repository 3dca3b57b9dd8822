#include "../base/clock.h"
#include "../base/sockaddr.h"
#include "core_private.h"

#include <errno.h>
#include <netinet/in.h>
// After the kernel's own idea of sockets.
#include <linux/errqueue.h>
#include <unistd.h>

enum {
	RECEIVE_BURST = 64, // datagrams a socket may keep the loop busy with
	RECEIVE_BUFFER = 4 << 20,
	ERROR_CONTROL = 512,
	SEND_TRIES = 3,
};

void core_socket_send(struct core *core, const struct endpoint *to, struct span octets)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(to, &address);
	unsigned i = 0;

	while (i < core->options.listener_count
		&& (core->sockets[i].fd < 0
			|| core->options.listeners[i].address.family != to->family))
		i++;
	if (i == core->options.listener_count)
		return;
	// An error that an earlier datagram met is told by the next call, which has then sent nothing.
	for (unsigned tries = 0; tries < SEND_TRIES; tries++) {
		if (sendto(core->sockets[i].fd, octets.octets, octets.length, 0,
			    (struct sockaddr *)&address, length)
			>= 0) {
			core->counters.sent++;
			return;
		}
	}
}

// True if the error says that nobody is there.
static bool is_unreachable(const struct msghdr *message)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
		control = CMSG_NXTHDR((struct msghdr *)message, control)) {
		struct sock_extended_err error;
		if ((control->cmsg_level != IPPROTO_IP || control->cmsg_type != IP_RECVERR)
			&& (control->cmsg_level != IPPROTO_IPV6
				|| control->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(control), sizeof(error));
		return error.ee_errno == ECONNREFUSED || error.ee_errno == EHOSTUNREACH
			|| error.ee_errno == ENETUNREACH;
	}
	return false;
}

// The kernel keeps what ICMP said, with the address that the datagram was for.
static void errors_read(struct core *core, int fd)
{
	for (unsigned i = 0; i < RECEIVE_BURST; i++) {
		struct sockaddr_storage address;
		uint8_t control[ERROR_CONTROL];
		uint8_t start[1];
		struct iovec vector = {start, sizeof(start)};
		struct msghdr message = {
			.msg_name = &address,
			.msg_namelen = sizeof(address),
			.msg_iov = &vector,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
			return;
		if (message.msg_namelen == 0 || !is_unreachable(&message))
			continue;
		struct endpoint peer = sockaddr_read(&address);
		const struct hop gone = {.peer = peer, .transport = TRANSPORT_UDP};
		target_set_refused(core->targets, TRANSPORT_UDP, &peer);
		proxy_fail(core->proxy, &gone, clock_ms());
	}
}

static void socket_ready(evutil_socket_t fd, short what, void *argument)
{
	struct core_socket *own = argument;
	struct core *core = own->core;
	struct sockaddr_storage address;
	ptrdiff_t index = own - core->sockets;

	errors_read(core, fd);
	for (unsigned i = 0; i < RECEIVE_BURST; i++) {
		socklen_t length = sizeof(address);
		ssize_t octets = recvfrom(
			fd, core->in, sizeof(core->in), 0, (struct sockaddr *)&address, &length);
		if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (octets < 0)
			continue; // an error of what was sent
		const struct hop source = {
			.peer = sockaddr_read(&address), .transport = TRANSPORT_UDP};
		core->counters.received++;
		if (trunk_listener_hears(&core->options.listeners[index], &source.peer))
			core_handle(core, &core->addresses[index], &source, (size_t)octets);
		else
			core->counters.dropped++;
	}
	core_arm(core);
}

static int socket_bind(struct core_socket *own, const struct endpoint *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(listener, &address);
	int on = 1;
	int buffer = RECEIVE_BUFFER;

	own->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (own->fd < 0)
		return -errno;
	if (listener->family == ENDPOINT_V6) {
		setsockopt(own->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		setsockopt(own->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	} else {
		setsockopt(own->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	}
	// Best effort: the kernel caps it.
	setsockopt(own->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	return bind(own->fd, (struct sockaddr *)&address, length) == 0 ? 0 : -errno;
}

int core_socket_open(struct core *core, unsigned index)
{
	struct core_socket *own = &core->sockets[index];
	int status;

	own->core = core;
	status = socket_bind(own, &core->addresses[index]);
	if (status != 0)
		return status;
	own->event =
		event_new(core->options.base, own->fd, EV_READ | EV_PERSIST, socket_ready, own);
	return own->event != NULL && event_add(own->event, NULL) == 0 ? 0 : -ENOMEM;
}

void core_socket_close(struct core_socket *own)
{
	if (own->event != NULL)
		event_free(own->event);
	if (own->fd >= 0)
		close(own->fd);
}
