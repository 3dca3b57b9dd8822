// handshakes_control.c: handshakes with a weir-control that runs, over loopback, and the processor time that they cost it.

#include "handshakes.h"

#include <openssl/err.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SOURCES = 250, // addresses to come from: no port of one is used up, no limit of one is met
	ANSWER_S = 5,
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int connection_open(const struct job *job, uint16_t port, uint64_t number)
{
	struct sockaddr_in own = {.sin_family = AF_INET}, peer = {.sin_family = AF_INET};
	const struct timeval patience = {.tv_sec = ANSWER_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	own.sin_addr.s_addr = htonl((uint32_t)(0x7fc80001 + number % SOURCES)); // 127.200.0.1 on
	peer.sin_port = htons(port);
	if (fd < 0 || inet_pton(AF_INET, job->address, &peer.sin_addr) != 1
		|| setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0
		|| bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0
		|| connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0) {
		perror("bench-handshakes: connection");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

// The server has read all that the handshake has when it closes, which it does on seeing us close. False: it does not, or, with TLS 1.3, sends no ticket.
static bool finish(SSL *ssl, int fd)
{
	uint8_t octets[512];

	errno = 0;
	if (SSL_version(ssl) == TLS1_3_VERSION) {
		(void)SSL_read(ssl, octets, 1); // what comes is the ticket
		if (errno == EAGAIN)
			return false;
	}
	ERR_clear_error();
	shutdown(fd, SHUT_WR);
	ssize_t length;

	do
		length = recv(fd, octets, sizeof(octets), 0);
	while (length > 0);
	return length == 0;
}

static bool handshake(const struct job *job, SSL_CTX *context, SSL_SESSION **session, bool fresh,
	uint64_t number, char how[64])
{
	int fd = connection_open(job, job->port, number);
	SSL *ssl = fd < 0 ? NULL : SSL_new(context);

	if (ssl == NULL)
		return false;
	SSL_set_fd(ssl, fd);
	if (*session != NULL)
		SSL_set_session(ssl, *session);
	bool good = SSL_connect(ssl) == 1 && finish(ssl, fd)
		&& SSL_session_reused(ssl) == (*session != NULL);
	agreement_write(ssl, how);
	if (good && fresh)
		*session = SSL_get1_session(ssl);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
	close(fd);
	return good;
}

static int handshakes(const struct job *job, SSL_CTX *context, SSL_SESSION **session, bool resumed,
	double *us, char how[64])
{
	clockid_t server;
	uint64_t done = 0;

	if (clock_getcpuclockid(job->server, &server) != 0)
		return -1;
	if (resumed && !handshake(job, context, session, true, 0, how))
		return -1;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), spent = clock_ns(server);

	while ((double)(clock_ns(CLOCK_MONOTONIC) - begin) < job->seconds * 1e9)
		if (!handshake(job, context, session, false, done++, how))
			return -1;
	*us = (double)(clock_ns(server) - spent) / (double)done / 1e3;
	return 0;
}

static bool connection(const struct job *job, uint64_t number)
{
	uint8_t octet;
	int fd = connection_open(job, job->plain_port, number);

	if (fd < 0)
		return false;
	shutdown(fd, SHUT_WR);
	bool good = recv(fd, &octet, 1, 0) == 0;
	close(fd);
	return good;
}

int plain_measure(const struct job *job, double *us)
{
	clockid_t server;
	uint64_t done = 0;

	if (clock_getcpuclockid(job->server, &server) != 0)
		return -1;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), spent = clock_ns(server);

	while ((double)(clock_ns(CLOCK_MONOTONIC) - begin) < job->seconds * 1e9)
		if (!connection(job, done++))
			return -1;
	*us = (double)(clock_ns(server) - spent) / (double)done / 1e3;
	return 0;
}

int control_measure(const struct job *job, const struct kind *kind, double *us, char how[64])
{
	SSL_CTX *context = client_context(kind);
	SSL_SESSION *session = NULL;
	int status =
		context == NULL ? -1 : handshakes(job, context, &session, kind->resumed, us, how);

	SSL_SESSION_free(session);
	SSL_CTX_free(context);
	return status;
}
