#include "command/command.h"
#include "weirctl.h"
#include "weirctl_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool connected(struct weirctl *weirctl)
{
	if (weirctl->client == NULL)
		weirctl->client = client_open(weirctl->socket);
	if (weirctl->client != NULL)
		return true;
	fprintf(stderr,
		"weirctl: cannot connect to %s: %s\n"
		"  = is weir-control running, and is this the 'admin: {socket: ...}' of its file? "
		"(-s SOCKET)\n",
		weirctl->socket, strerror(errno));
	return false;
}

// The answer's result (borrowed), or NULL and *status says how it went.
static const json_t *answer_read(
	struct weirctl *weirctl, const json_t *answer, enum weirctl_exit *status)
{
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (answer == NULL) {
		fprintf(stderr, "weirctl: the connection to %s was lost\n", weirctl->socket);
		client_close(weirctl->client);
		weirctl->client = NULL;
		*status = WEIRCTL_NO_CONNECTION;
		return NULL;
	}
	if (error == NULL)
		return json_object_get(answer, "result");
	fprintf(stderr, "weirctl: %s\n", message == NULL ? "refused" : message);
	*status = WEIRCTL_REFUSED;
	return NULL;
}

static void json_print(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

// `config check` says by its status what became of the check.
static enum weirctl_exit result_status(const json_t *result)
{
	return json_is_false(json_object_get(result, "ok")) ? WEIRCTL_CHECK_FAILED : WEIRCTL_OK;
}

static enum weirctl_exit ask(
	struct weirctl *weirctl, const struct command *command, json_t *parameters)
{
	enum weirctl_exit status = WEIRCTL_OK;
	char method[64];

	if (!connected(weirctl))
		return WEIRCTL_NO_CONNECTION;

	json_t *answer = client_call(
		weirctl->client, command_method(command, method, sizeof(method)), parameters);
	const json_t *result = answer_read(weirctl, answer, &status);

	if (result != NULL) {
		status = result_status(result);
		if (weirctl->json)
			json_print(result);
		else
			command_render(command, result, weirctl->color, stdout);
	}
	json_decref(answer);
	return status;
}

enum weirctl_exit weirctl_ask(struct weirctl *weirctl, const char *const *words, size_t count)
{
	char why[COMMAND_WHY];
	json_t *parameters;
	const struct command *command = command_read_words(words, count, &parameters, why);
	enum weirctl_exit status;

	if (command == NULL) {
		fprintf(stderr, "weirctl: %s\n", why);
		return WEIRCTL_USAGE;
	}
	status = ask(weirctl, command, parameters);
	json_decref(parameters);
	return status;
}

enum weirctl_exit weirctl_call(struct weirctl *weirctl, const char *const *words, size_t count)
{
	enum weirctl_exit status = WEIRCTL_OK;
	json_t *parameters = count == 2 ? json_loads(words[1], 0, NULL) : NULL;

	if (count == 0 || count > 2 || (count == 2 && parameters == NULL)) {
		fputs("weirctl: call METHOD [JSON]; the JSON is an object of parameters\n", stderr);
		return WEIRCTL_USAGE;
	}
	if (!connected(weirctl)) {
		json_decref(parameters);
		return WEIRCTL_NO_CONNECTION;
	}

	json_t *answer = client_call(weirctl->client, words[0], parameters);
	const json_t *result = answer_read(weirctl, answer, &status);

	if (result != NULL)
		json_print(result);
	json_decref(answer);
	json_decref(parameters);
	return status;
}
