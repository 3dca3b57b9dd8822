// config_fixture.h: configurations for tests.

#pragma once

#include "config/config.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

#define EDGE_HEAD \
	"node: {id: 1, name: edge1.test}\n" \
	"listeners:\n" \
	"  - {name: access, side: access, transport: udp, address: 127.0.0.1:5060, driver: " \
	"socket}\n" \
	"  - {name: core, side: core, transport: udp, address: 127.0.0.1:5080, driver: socket}\n" \
	"  - {name: peer, side: peer, transport: udp, address: 127.0.0.1:5070, driver: socket}\n"
#define EDGE \
	EDGE_HEAD \
	"cluster: {name: edge.test, listen: 127.0.0.1:7060, peers: [{id: 2, address: " \
	"127.0.0.1:7061}]}\n" \
	"upstream: {targets: [sip:127.0.0.1:5090]}\n"
#define CORE \
	"role: core\n" \
	"node: {name: core.test}\n" \
	"listeners: [{name: core, side: core, address: 127.0.0.1:5090}]\n" \
	"registrar: {domains: [example.test], users: [{user: bob, password: secret}]}\n"

// NULL: refused.
static inline struct config *config_make(const char *text)
{
	struct config_report report = {0};
	struct config *config = config_read("test.yaml", span_of(text, strlen(text)), &report);

	config_report_free(&report);
	return config;
}

// What the operator reads about a text; free() it.
static inline char *config_say(const char *file, struct span text)
{
	struct config_report report = {0};
	char *said = NULL;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	config_free(config_read(file, text, &report));
	config_report_print(&report, stream);
	fclose(stream);
	config_report_free(&report);
	return said;
}
