// directory_private.h: what the parts of the directory's writer share.

#pragma once

#include "directory.h"

enum {
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
};

struct writer {
	const struct directory_input *input;
	directory_put *put;
	void *context;
	int status; // of the first record that was refused
};

void record_put(struct writer *writer, uint16_t type, const void *record, size_t length);
// directory_names.c
void names_write(struct writer *writer);
// Returns how many did not fit.
unsigned names_write_hello(const struct config *config, struct sync_hello *hello);
// directory_prefixes.c
void prefixes_write(struct writer *writer);

static inline uint16_t default_port(uint8_t transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_WSS ? SIPS_PORT : SIP_PORT;
}
