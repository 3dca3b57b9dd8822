// commands.h: who answers which command, and calls under way.
//
// A handler answers every call exactly once, at once or later, with command_reply() or command_refuse(). Whoever asked may be
// gone by then; the handler need not know.

#pragma once

#include "command.h"

struct commands;
struct command_call;

// JSON-RPC 2.0 error codes; those of our own begin at -32000.
enum command_error {
	COMMAND_PARSE_ERROR = -32700,
	COMMAND_INVALID_REQUEST = -32600,
	COMMAND_NOT_FOUND = -32601,
	COMMAND_INVALID_PARAMETERS = -32602,
	COMMAND_INTERNAL_ERROR = -32603,
	COMMAND_REFUSED = -32000, // understood, and the answer is no
	COMMAND_FORBIDDEN = -32001, // not at the caller's level
	// Nobody here answers it: another role, or a part that is not up.
	COMMAND_UNAVAILABLE = -32002,
	COMMAND_TIMEOUT = -32003,
};

typedef void command_handler(void *context, struct command_call *call);
// Adds what one part of control has to say to `weirctl status`.
typedef void status_handler(void *context, json_t *section);

[[nodiscard]] struct commands *commands_new(void); // NULL: out of memory
void commands_free(struct commands *commands); // no call may be under way

// The method must stand in command_table. A handler of NULL takes the old one away; the command is then unavailable.
void commands_register(
	struct commands *commands, const char *method, command_handler *handler, void *context);
// 0, or -ENOSPC. The section's name is kept.
[[nodiscard]] int commands_register_status(
	struct commands *commands, const char *section, status_handler *handler, void *context);
void commands_unregister_status(struct commands *commands, const char *section);
// Adds all sections to the result of "status".
void commands_describe(const struct commands *commands, json_t *result);

// --- A handler's side ---

// The object becomes the call's. NULL: out of memory.
void command_reply(struct command_call *call, json_t *result);
void command_refuse(struct command_call *call, enum command_error error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
// Parameters were checked against the table. Text: NULL if it was not given; stays until the call is answered.
const char *command_text(const struct command_call *call, const char *name);
uint32_t command_number(const struct command_call *call, const char *name, uint32_t otherwise);
bool command_flag(const struct command_call *call, const char *name);
// Milliseconds, 0 if it was not given.
uint64_t command_duration(const struct command_call *call, const char *name);

// --- The asking side ---

// error 0: result is a new reference for the callee. Else message says why.
typedef void command_done(
	void *context, json_t *result, enum command_error error, const char *message);

// Checks level and parameters (borrowed, may be NULL) and calls the handler. Returns the call if it is still under way, NULL if
// `done` was called already.
[[nodiscard]] struct command_call *commands_start(struct commands *commands,
	const struct command *command, json_t *parameters, enum command_level level,
	command_done *done, void *context);
// `done` will not be called.
void command_abandon(struct command_call *call);
