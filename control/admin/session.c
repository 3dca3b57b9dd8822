#include "session.h"

#include "rpc.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct session {
	const struct admin_options *options;
	enum command_level level;
	struct bufferevent *stream;
	struct event *timer; // of the call under way
	void (*ended)(void *context, struct session *session);
	void *context;

	struct command_call *call; // under way
	const struct command *command; // of the call, when it came as text
	json_t *id; // of the call, when it came as JSON; NULL: a notification
	json_t *batch; // requests, while they are worked off
	size_t batch_at;
	bool is_batch; // several requests, answered in one array
	json_t *replies;
	bool input_ended;
	bool going; // inside session_go()
	bool closing; // say what is left to say, then end
};

static void session_go(struct session *session);

void session_close(struct session *session)
{
	if (session->call != NULL)
		command_abandon(session->call);
	if (session->timer != NULL)
		event_free(session->timer);
	if (session->stream != NULL)
		bufferevent_free(session->stream);
	json_decref(session->id);
	json_decref(session->batch);
	json_decref(session->replies);
	free(session);
}

static struct evbuffer *output(const struct session *session)
{
	return bufferevent_get_output(session->stream);
}

// --- Text ---

static void text_write_result(struct session *session, const json_t *result)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (stream != NULL) {
		command_render(session->command, result, false, stream);
		fclose(stream);
		evbuffer_add(output(session), text, length);
	}
	free(text);
	evbuffer_add_printf(output(session), "\n");
}

static void text_write_error(struct session *session, const char *message)
{
	evbuffer_add_printf(output(session), "error: %s\n\n", message);
}

// --- JSON ---

static void json_write(struct session *session, json_t *json)
{
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		evbuffer_add_printf(output(session), "%s\n", text);
	free(text);
	json_decref(json);
}

// Consumes the reply. NULL: a notification, or out of memory.
static void reply_put(struct session *session, json_t *reply)
{
	if (reply == NULL)
		return;
	if (session->is_batch)
		json_array_append_new(session->replies, reply);
	else
		json_write(session, reply);
}

// --- Calls ---

static void call_stop_timer(struct session *session)
{
	session->call = NULL;
	event_del(session->timer);
}

static void call_done(void *context, json_t *result, enum command_error error, const char *message)
{
	struct session *session = context;
	json_t *id = session->id;

	call_stop_timer(session);
	if (session->command != NULL) {
		if (error == 0)
			text_write_result(session, result);
		else
			text_write_error(session, message);
		json_decref(result);
	} else if (id == NULL) {
		json_decref(result);
	} else {
		reply_put(session,
			error == 0 ? rpc_result(id, result) : rpc_error(id, error, message));
	}
	session->command = NULL;
	session->id = NULL;
	json_decref(id);
	if (!session->going)
		session_go(session);
}

static void call_is_late(evutil_socket_t socket, short what, void *context)
{
	struct session *session = context;

	command_abandon(session->call);
	call_done(session, NULL, COMMAND_TIMEOUT, "no answer in time");
}

static void call_start(struct session *session, const struct command *command, json_t *parameters)
{
	struct timeval limit = {
		.tv_sec = session->options->call_ms / 1000,
		.tv_usec = session->options->call_ms % 1000 * 1000,
	};

	session->call = commands_start(session->options->commands, command, parameters,
		session->level, call_done, session);
	if (session->call != NULL)
		event_add(session->timer, &limit);
}

// --- Requests ---

static void line_take(struct session *session, struct span line)
{
	char why[COMMAND_WHY];
	json_t *parameters;
	const struct command *command = command_read_line(line, &parameters, why);

	if (command == NULL) {
		text_write_error(session, why);
		return;
	}
	session->command = command;
	call_start(session, command, parameters);
	json_decref(parameters);
}

static void batch_next(struct session *session)
{
	json_t *json = json_array_get(session->batch, session->batch_at++);
	struct rpc_request request;

	rpc_read(json, &request);
	if (request.command == NULL) {
		if (request.id != NULL)
			reply_put(session, rpc_error(request.id, request.error, request.message));
		return;
	}
	session->id = json_incref(request.id);
	call_start(session, request.command, request.parameters);
}

static void batch_end(struct session *session)
{
	if (session->is_batch && json_array_size(session->replies) > 0)
		json_write(session, json_incref(session->replies));
	json_decref(session->replies);
	json_decref(session->batch);
	session->replies = NULL;
	session->batch = NULL;
}

// Consumes json.
static void json_take(struct session *session, json_t *json)
{
	session->is_batch = json_is_array(json);
	if (session->is_batch
		&& (json_array_size(json) == 0 || json_array_size(json) > ADMIN_BATCH_MAX)) {
		json_write(session,
			rpc_error(NULL, COMMAND_INVALID_REQUEST, "a batch holds 1 to 64 requests"));
		json_decref(json);
		return;
	}
	session->batch = session->is_batch ? json : json_pack("[o]", json);
	session->batch_at = 0;
	session->replies = json_array();
	if (session->batch == NULL || session->replies == NULL) {
		batch_end(session); // out of memory
		session->closing = true;
	}
}

// --- The stream ---

static void input_skip_space(struct evbuffer *input)
{
	uint8_t octet;

	while (evbuffer_copyout(input, &octet, 1) == 1
		&& (octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n'))
		evbuffer_drain(input, 1);
}

static void refuse_stream(struct session *session, bool json, const char *why)
{
	if (json)
		json_write(session, rpc_error(NULL, COMMAND_PARSE_ERROR, why));
	else
		text_write_error(session, why);
	session->closing = true;
}

// True if something was taken.
static bool input_take_json(struct session *session, struct evbuffer *input)
{
	size_t length = evbuffer_get_length(input);
	const char *octets = (const char *)evbuffer_pullup(input, -1);
	json_error_t error;
	json_t *json =
		json_loadb(octets, length, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);

	if (json != NULL) {
		evbuffer_drain(input, (size_t)error.position);
		json_take(session, json);
		return true;
	}
	if (json_error_code(&error) == json_error_premature_end_of_input && !session->input_ended
		&& length < ADMIN_REQUEST_MAX)
		return false;
	refuse_stream(session, true, length < ADMIN_REQUEST_MAX ? "not JSON" : "too long");
	return false;
}

static bool input_take_line(struct session *session, struct evbuffer *input)
{
	struct evbuffer_ptr end = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);
	size_t length = end.pos < 0 ? evbuffer_get_length(input) : (size_t)end.pos;

	if (length > COMMAND_LINE_MAX) {
		refuse_stream(session, false, "too long");
		return false;
	}
	if (end.pos < 0 && !session->input_ended)
		return false;
	line_take(session, span_of(evbuffer_pullup(input, (ev_ssize_t)length), length));
	evbuffer_drain(input, length);
	return true;
}

static bool input_take(struct session *session)
{
	struct evbuffer *input = bufferevent_get_input(session->stream);
	uint8_t first;

	input_skip_space(input);
	if (evbuffer_copyout(input, &first, 1) != 1)
		return false;
	if (first == '{' || first == '[')
		return input_take_json(session, input);
	return input_take_line(session, input);
}

// One step; false: nothing to do until more comes, goes, or is answered.
static bool session_step(struct session *session)
{
	if (session->call != NULL || session->closing
		|| evbuffer_get_length(output(session)) > ADMIN_OUTPUT_MAX)
		return false;
	if (session->batch == NULL)
		return input_take(session);
	if (session->batch_at < json_array_size(session->batch))
		batch_next(session);
	else
		batch_end(session);
	return true;
}

static bool session_is_over(const struct session *session)
{
	return (session->input_ended || session->closing) && session->call == NULL
		&& session->batch == NULL && evbuffer_get_length(output(session)) == 0;
}

static void session_go(struct session *session)
{
	session->going = true;
	while (session_step(session))
		;
	session->going = false;
	if (session_is_over(session)) {
		session->ended(session->context, session);
		session_close(session);
	}
}

static void stream_moved(struct bufferevent *stream, void *context)
{
	session_go(context);
}

static void stream_event(struct bufferevent *stream, short what, void *context)
{
	struct session *session = context;

	if (what & BEV_EVENT_EOF) {
		session->input_ended = true;
		session_go(session);
		return;
	}
	// An error, or silence for too long.
	session->ended(session->context, session);
	session_close(session);
}

static int session_prepare(struct session *session, int socket)
{
	const struct timeval idle = {.tv_sec = ADMIN_IDLE_S};
	const struct timeval write = {.tv_sec = ADMIN_WRITE_S};

	session->timer = evtimer_new(session->options->base, call_is_late, session);
	session->stream =
		bufferevent_socket_new(session->options->base, socket, BEV_OPT_CLOSE_ON_FREE);
	if (session->stream == NULL)
		close(socket);
	if (session->timer == NULL || session->stream == NULL)
		return -1;
	bufferevent_setcb(session->stream, stream_moved, stream_moved, stream_event, session);
	bufferevent_setwatermark(session->stream, EV_READ, 0, ADMIN_REQUEST_MAX);
	bufferevent_set_timeouts(session->stream, &idle, &write);
	return bufferevent_enable(session->stream, EV_READ | EV_WRITE);
}

struct session *session_open(const struct admin_options *options, int socket,
	enum command_level level, void (*ended)(void *context, struct session *session),
	void *context)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->options = options;
	session->level = level;
	session->ended = ended;
	session->context = context;
	if (session_prepare(session, socket) != 0) {
		session_close(session);
		return NULL;
	}
	return session;
}
