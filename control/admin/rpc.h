// rpc.h: JSON-RPC 2.0 objects (https://www.jsonrpc.org/specification).

#pragma once

#include "../command/commands.h"

// One request as it was read. Borrowed from the JSON it was read from.
struct rpc_request {
	const struct command *command; // NULL: error and message say why
	json_t *parameters; // or NULL
	json_t *id; // NULL: a notification, which gets no answer
	enum command_error error;
	const char *message;
};

void rpc_read(json_t *json, struct rpc_request *request);
// An answer, a new reference; id NULL writes null. Consumes result. NULL: out of memory.
[[nodiscard]] json_t *rpc_result(json_t *id, json_t *result);
[[nodiscard]] json_t *rpc_error(json_t *id, enum command_error error, const char *message);
