// port_choice.h: ports for the listeners of a test, on 127.0.0.1.
//
// A port that the kernel has given out and taken back may be anybody's a moment later, and tests run at once. These lie below those that it
// gives out, and each process, which every test has for itself, begins at a place of its own.

#pragma once

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT_FIRST = 10000,
	PORT_COUNT = 22000,
	PORTS_A_PROCESS = 16,
};

static inline bool port_is_free(uint16_t port, int type)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, type, 0);
	bool is_free = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return is_free;
}

// Another one at each call, free for datagrams and connections.
static inline uint16_t port_choose(void)
{
	static unsigned tried;
	uint16_t port;

	do {
		cr_assert(tried < PORT_COUNT, "no port is free");
		port = (uint16_t)(PORT_FIRST
			+ ((unsigned)getpid() * PORTS_A_PROCESS + tried++) % PORT_COUNT);
	} while (!port_is_free(port, SOCK_DGRAM) || !port_is_free(port, SOCK_STREAM));
	return port;
}
