// socket_error.c: what ICMP said about datagrams that were sent (IP_RECVERR, ip(7)).

#include "socket_error.h"

#include "address.h"

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>

enum {
	SOCKET_ERROR_OCTETS = 512, // of control messages with one error
};

// Too big is about the datagram, not about who hears it.
static bool error_is_unreachable(const struct sock_extended_err *error)
{
	switch (error->ee_origin) {
	case SO_EE_ORIGIN_ICMP:
		return error->ee_type == ICMP_DEST_UNREACH && error->ee_code != ICMP_FRAG_NEEDED;
	case SO_EE_ORIGIN_ICMP6:
		return error->ee_type == ICMPV6_DEST_UNREACH;
	default:
		return false;
	}
}

static bool control_is_unreachable(const struct msghdr *message, struct cmsghdr *control)
{
	bool v4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
	bool v6 = control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR;
	struct sock_extended_err error;

	if ((!v4 && !v6) || control->cmsg_len < CMSG_LEN(sizeof(error)))
		return false;
	memcpy(&error, CMSG_DATA(control), sizeof(error));
	return error_is_unreachable(&error);
}

static void error_note(struct socket_errors *errors, uint8_t listener, const union address *peer)
{
	struct io_unreachable *report = &errors->report[errors->count];

	if (errors->count == IO_UNREACHABLE_MAX)
		return;
	if (!address_read(peer, &report->peer))
		return;
	report->listener = listener;
	errors->count++;
}

// Returns false when the queue is empty.
static bool error_read(struct socket_errors *errors, int fd, uint8_t listener)
{
	_Alignas(struct cmsghdr) uint8_t octets[SOCKET_ERROR_OCTETS];
	union address peer;
	struct msghdr message = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_control = octets,
		.msg_controllen = sizeof(octets),
	};

	if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(&message); control != NULL;
		control = CMSG_NXTHDR(&message, control))
		if (control_is_unreachable(&message, control))
			error_note(errors, listener, &peer);
	return true;
}

void socket_errors_read(struct socket_errors *errors, int fd, uint8_t listener)
{
	// Bounded: a flood of ICMP must not hold up the messages.
	for (unsigned i = 0; i < IO_UNREACHABLE_MAX && error_read(errors, fd, listener); i++)
		;
}

unsigned socket_errors_take(
	struct socket_errors *errors, struct io_unreachable *reports, unsigned max)
{
	unsigned count = errors->count < max ? errors->count : max;

	errors->count -= count;
	memcpy(reports, errors->report + errors->count, count * sizeof(*reports));
	return count;
}
