#include "weirctl_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_S = 15, // the daemon gives up after ten
};

struct client {
	FILE *stream; // for reading; requests go straight to its descriptor
	int last_id;
};

static int socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = ANSWER_S};
	size_t length = strlen(path);
	int socket_;

	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length);
	socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_ < 0)
		return -1;
	setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(socket_, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return socket_;
	int error = errno;

	close(socket_);
	errno = error;
	return -1;
}

struct client *client_open(const char *path)
{
	int socket_ = socket_connect(path);
	struct client *client = socket_ < 0 ? NULL : calloc(1, sizeof(*client));

	if (client != NULL)
		client->stream = fdopen(socket_, "r");
	if (client != NULL && client->stream != NULL)
		return client;
	if (socket_ >= 0)
		close(socket_);
	free(client);
	return NULL;
}

void client_close(struct client *client)
{
	if (client == NULL)
		return;
	fclose(client->stream);
	free(client);
}

static bool request_send(struct client *client, const char *method, json_t *parameters)
{
	json_t *request = json_pack("{s:s, s:s, s:O*, s:i}", "jsonrpc", "2.0", "method", method,
		"params", parameters, "id", ++client->last_id);
	char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	bool sent = false;

	if (text != NULL)
		sent = dprintf(fileno(client->stream), "%s\n", text) > 0;
	free(text);
	json_decref(request);
	return sent;
}

json_t *client_call(struct client *client, const char *method, json_t *parameters)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	json_t *answer = NULL;

	if (!request_send(client, method, parameters))
		return NULL;
	length = getline(&line, &capacity, client->stream);
	if (length > 0)
		answer = json_loadb(line, (size_t)length, 0, NULL);
	free(line);
	return answer;
}
