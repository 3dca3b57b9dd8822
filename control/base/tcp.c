#include "tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
	// A peer that is gone without a word is found within two minutes, as Flow-Timer promises (RFC 5626 section 4.4.1).
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_EVERY_S = 15,
	KEEPALIVE_COUNT = 4,
};

void tcp_tune(int socket)
{
	const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
	};

	// None of them can fail on a TCP socket; on a test's socket pair they do, and nothing is lost.
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(socket, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value));
}
