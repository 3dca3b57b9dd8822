// handshakes.h: what the parts of bench-handshakes share.

#pragma once

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kind {
	const char *name;
	int version;
	bool resumed;
};

struct job {
	const char *address; // of weir-control's TLS listener
	uint16_t port;
	uint16_t plain_port; // of its TCP listener
	pid_t server; // weir-control
	const char *certificate; // which it shows
	const char *key;
	double seconds; // of a sample
};

// A client of that version and no other. NULL: out of memory.
SSL_CTX *client_context(const struct kind *kind);
// "TLS_AES_256_GCM_SHA384, x25519": what was agreed upon.
void agreement_write(SSL *client, char how[64]);

// Processor time in microseconds that a handshake costs the server. 0, or -1: one failed, or was not resumed when it should be.
int memory_measure(const struct job *job, const struct kind *kind, double *us, char how[64]);
int control_measure(const struct job *job, const struct kind *kind, double *us, char how[64]);
// Likewise, of a connection without TLS that comes and goes.
int plain_measure(const struct job *job, double *us);
