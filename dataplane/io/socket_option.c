// socket_option.c: how a listener's socket is set.

#include "socket_option.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int option_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int option_read(int fd, int option, int *value)
{
	socklen_t length = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, option, value, &length) < 0 ? -errno : 0;
}

int socket_option_read_family(int fd, int *family)
{
	int type = 0;
	int domain = 0;
	int error = option_read(fd, SO_TYPE, &type);

	if (error == 0)
		error = option_read(fd, SO_DOMAIN, &domain);
	if (error < 0)
		return error;
	if (type != SOCK_DGRAM || (domain != AF_INET && domain != AF_INET6))
		return -ESOCKTNOSUPPORT;
	*family = domain;
	return 0;
}

// SIP over UDP has no way to learn a path's MTU: what is too large is fragmented, here or on its way.
int socket_option_set(int fd, int family)
{
	int error;

	if (family == AF_INET6) {
		error = option_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		if (error == 0)
			error = option_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
		return error;
	}
	error = option_set(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (error == 0)
		error = option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	return error;
}
