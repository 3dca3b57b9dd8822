// weirctl_client.h: weirctl's end of the admin socket.

#pragma once

#include <jansson.h>

struct client;

// NULL: cannot connect; errno says why.
[[nodiscard]] struct client *client_open(const char *path);
void client_close(struct client *client);
// Ask by JSON-RPC and wait for the answer. Returns its object, with "result" or "error": a new reference. NULL: the connection is
// lost, or nothing came in time.
[[nodiscard]] json_t *client_call(struct client *client, const char *method, json_t *parameters);
