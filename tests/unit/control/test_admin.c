// The admin socket over a real unix socket: this test is both the daemon's loop and its clients.

#include "admin/admin.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CALL_MS = 200,
};

static char path[64];
static struct event_base *base;
static struct commands *commands;
static struct admin *admin;
static struct command_call *held; // a call that is answered later
static char *got;
static size_t got_length;

static void answer_status(void *context, struct command_call *call)
{
	command_reply(call, json_pack("{s:s}", "version", "test"));
}

static void answer_flows(void *context, struct command_call *call)
{
	if (command_text(call, "aor") != NULL)
		command_refuse(call, COMMAND_REFUSED, "not %s", command_text(call, "aor"));
	else
		command_reply(call,
			json_pack("{s:I, s:[]}", "limit",
				(json_int_t)command_number(call, "limit", 100), "flows"));
}

static void answer_later(void *context, struct command_call *call)
{
	held = call;
}

// A result of about a megabyte.
static void answer_large(void *context, struct command_call *call)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 4000; i++)
		json_array_append_new(list, json_sprintf("%0250u", i));
	command_reply(call, json_pack("{s:o}", "drops", list));
}

static struct admin_options options_make(void)
{
	return (struct admin_options){
		.base = base,
		.commands = commands,
		.path = path,
		.groups = {LEVEL_NO_GROUP, LEVEL_NO_GROUP, LEVEL_NO_GROUP},
		.call_ms = CALL_MS,
	};
}

static void setup(void)
{
	struct admin_options options;

	snprintf(path, sizeof(path), "/tmp/weir-test-admin-%d.sock", getpid());
	signal(SIGPIPE, SIG_IGN); // as weir-control does
	base = event_base_new();
	commands = commands_new();
	commands_register(commands, "status", answer_status, NULL);
	commands_register(commands, "flows.show", answer_flows, NULL);
	commands_register(commands, "token.explain", answer_later, NULL);
	commands_register(commands, "drops.show", answer_large, NULL);
	options = options_make();
	cr_assert(eq(int, admin_open(&options, &admin), 0));
}

static void teardown(void)
{
	free(got);
	admin_close(admin);
	cr_assert(ne(int, access(path, F_OK), 0));
	if (held != NULL)
		command_refuse(held, COMMAND_REFUSED, "too late");
	commands_free(commands);
	event_base_free(base);
}

TestSuite(admin, .init = setup, .fini = teardown);

static int client_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path));
	cr_assert(eq(int, connect(client, (struct sockaddr *)&address, sizeof(address)), 0));
	return client;
}

static void say(int client, const char *text)
{
	cr_assert(eq(sz, (size_t)send(client, text, strlen(text), 0), strlen(text)));
}

// Runs the loop until the client has all of its answer: until `end` has come, or the daemon has hung up (end NULL).
static const char *hear(int client, const char *end)
{
	static char piece[65536];

	free(got);
	got = calloc(1, 1);
	got_length = 0;
	for (unsigned round = 0; round < 2000; round++) {
		ssize_t length;

		event_base_loop(base, EVLOOP_NONBLOCK);
		length = recv(client, piece, sizeof(piece), MSG_DONTWAIT);
		if (length == 0)
			return end == NULL ? got : "hung up";
		if (length < 0) {
			usleep(1000);
			continue;
		}
		got = realloc(got, got_length + (size_t)length + 1);
		memcpy(got + got_length, piece, (size_t)length);
		got_length += (size_t)length;
		got[got_length] = '\0';
		if (end != NULL && strstr(got, end) != NULL)
			return got;
	}
	return "nothing came";
}

// As `echo ... | socat - UNIX:...` does it: send, half-close, read to the end.
static const char *ask_octets(const char *octets, size_t length)
{
	int client = client_open();

	cr_assert(eq(sz, (size_t)send(client, octets, length, 0), length));
	shutdown(client, SHUT_WR);
	const char *answer = hear(client, NULL);

	close(client);
	return answer;
}

static const char *ask(const char *request)
{
	return ask_octets(request, strlen(request));
}

static void expect(const char *request, const char *answer)
{
	cr_assert(eq(str, (char *)ask(request), (char *)answer));
}

Test(admin, answers_a_line_of_text_with_text)
{
	expect("status\n", "version  test\n\n");
	expect("status", "version  test\n\n");
	expect("\n\n  status\r\n", "version  test\n\n");
	expect("show flows --limit 7\n", "limit  7\n\n");
	expect("flows show --aor sip:b@c\nstatus\n", "error: not sip:b@c\n\nversion  test\n\n");
	expect("peers show\n", "error: nothing here answers 'peers show'\n\n");
	expect("nothing\n", "error: there is no command 'nothing'; 'help' lists them\n\n");
}

Test(admin, answers_json_rpc_with_named_parameters)
{
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"version\":\"test\"}}\n");
	expect("{\"jsonrpc\":\"2.0\",\n\"method\":\"flows.show\",\n\"params\":{\"limit\":9},\"id\":"
	       "\"a\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"limit\":9,\"flows\":[]}}\n");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", "");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":1}status\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"version\":\"test\"}}\nversion  "
		"test\n\n");
}

static void expect_error(const char *request, const char *id, int code)
{
	json_t *answer = json_loads(ask(request), 0, NULL);
	json_t *wanted_id = json_loads(id, JSON_DECODE_ANY, NULL);

	cr_assert(answer != NULL, "%s", request);
	cr_assert(json_equal(json_object_get(answer, "id"), wanted_id), "%s", request);
	cr_assert(eq(int,
		(int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code")),
		code));
	json_decref(answer);
	json_decref(wanted_id);
}

Test(admin, answers_faults_with_the_codes_of_json_rpc)
{
	expect_error("{bad", "null", -32700);
	expect_error("{\"a\":1,\"a\":2}", "null", -32700);
	expect_error("{\"method\":\"status\",\"id\":1}", "1", -32600);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":1}", "null", -32600);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":{}}", "null", 0);
	expect_error("[]", "null", -32600);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"no\",\"id\":1}", "1", -32601);
	expect_error(
		"{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"params\":[1],\"id\":1}", "1", -32602);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"flows.show\",\"params\":{\"limit\":-1},"
		     "\"id\":1}",
		"1", -32602);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"flows.show\",\"params\":{\"aor\":\"x\"},"
		     "\"id\":1}",
		"1", COMMAND_REFUSED);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"peers.show\",\"id\":1}", "1",
		COMMAND_UNAVAILABLE);
}

Test(admin, answers_a_batch_in_one_array_without_its_notifications)
{
	expect("[{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":1},{\"jsonrpc\":\"2.0\","
	       "\"method\":\"status\"},"
	       "{\"jsonrpc\":\"2.0\",\"method\":\"no\",\"id\":2}]",
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"version\":\"test\"}},{\"jsonrpc\":"
		"\"2.0\",\"id\":2,"
		"\"error\":{\"code\":-32601,\"message\":\"there is no such method; 'help' lists "
		"them\"}}]\n");
	expect("[{\"jsonrpc\":\"2.0\",\"method\":\"status\"}]", "");
}

Test(admin, bounds_what_one_request_may_be)
{
	static char large[ADMIN_REQUEST_MAX + 1];
	static char batch[ADMIN_BATCH_MAX * 2 + 4] = "[";

	memset(large, 'a', sizeof(large));
	cr_assert(eq(str, (char *)ask_octets(large, COMMAND_LINE_MAX + 1), "error: too long\n\n"));
	memset(large, ' ', sizeof(large));
	large[0] = '{';
	cr_assert(strstr(ask_octets(large, sizeof(large)), "-32700") != NULL);
	for (unsigned i = 0; i <= ADMIN_BATCH_MAX; i++)
		strcat(batch, i == 0 ? "1" : ",1");
	expect_error(strcat(batch, "]"), "null", -32600);
}

Test(admin, keeps_a_conversation_and_takes_requests_in_pieces)
{
	int client = client_open();

	say(client, "sta");
	event_base_loop(base, EVLOOP_NONBLOCK);
	say(client, "tus\n{\"jsonrpc\":\"2.0\",");
	cr_assert(eq(str, (char *)hear(client, "\n\n"), "version  test\n\n"));
	say(client, "\"method\":\"status\",\"id\":3}");
	cr_assert(strstr(hear(client, "}\n"), "\"id\":3") != NULL);
	close(client);
}

Test(admin, waits_for_an_answer_that_comes_later_and_keeps_the_order)
{
	int client = client_open();

	say(client, "token explain abc\nstatus\n");
	while (held == NULL)
		event_base_loop(base, EVLOOP_ONCE);
	cr_assert(eq(str, (char *)command_text(held, "text"), "abc"));
	command_reply(held, json_pack("{s:s}", "token", "valid"));
	held = NULL;
	cr_assert(eq(str, (char *)hear(client, "test\n\n"), "token  valid\n\nversion  test\n\n"));
	close(client);
}

Test(admin, gives_up_on_an_answer_that_does_not_come)
{
	expect("token explain abc\nstatus\n", "error: no answer in time\n\nversion  test\n\n");
}

Test(admin, forgets_a_client_that_hangs_up_on_a_call_under_way)
{
	int client = client_open();

	say(client, "token explain abc\n");
	while (held == NULL)
		event_base_loop(base, EVLOOP_ONCE);
	close(client);
	event_base_loop(base, EVLOOP_NONBLOCK);
	command_reply(held, json_object());
	held = NULL;
	expect("status\n", "version  test\n\n");
}

Test(admin, gives_long_answers_whole_to_slow_readers)
{
	int client = client_open();
	const char *answer;

	say(client, "drops show\nstatus\n");
	event_base_loop(base, EVLOOP_NONBLOCK);
	answer = hear(client, "test\n\n");
	cr_assert(strstr(answer, "version  test") != NULL);
	cr_assert(strstr(ask("{\"jsonrpc\":\"2.0\",\"method\":\"drops.show\",\"id\":1}"),
			  "3999\"]}}\n")
		!= NULL);
	cr_assert(gt(sz, got_length, 1000000));
	close(client);
}

Test(admin, refuses_more_connections_than_it_has_room_for)
{
	int clients[ADMIN_SESSIONS_MAX];
	int extra;

	for (unsigned i = 0; i < ADMIN_SESSIONS_MAX; i++) {
		clients[i] = client_open();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	extra = client_open();
	cr_assert(eq(str, (char *)hear(extra, NULL), ""));
	close(extra);
	for (unsigned i = 0; i < ADMIN_SESSIONS_MAX; i++)
		close(clients[i]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	expect("status\n", "version  test\n\n");
}

Test(admin, takes_the_place_of_a_dead_process_but_not_of_a_living_one)
{
	struct admin_options options = options_make();
	struct admin *second;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int left_over = socket(AF_UNIX, SOCK_STREAM, 0);

	cr_assert(eq(int, admin_open(&options, &second), -EADDRINUSE));
	snprintf(path, sizeof(path), "/tmp/weir-test-left-%d.sock", getpid());
	memcpy(address.sun_path, path, strlen(path));
	cr_assert(eq(int, bind(left_over, (struct sockaddr *)&address, sizeof(address)), 0));
	close(left_over);
	cr_assert(eq(int, admin_open(&options, &second), 0));
	admin_close(second);
	options.path = "/no/such/folder/admin.sock";
	cr_assert(eq(int, admin_open(&options, &second), -ENOENT));
}

static mode_t mode_with(struct level_groups groups)
{
	struct admin_options options = options_make();
	struct admin *other;
	struct stat status;
	char place[64];

	snprintf(place, sizeof(place), "/tmp/weir-test-mode-%d.sock", getpid());
	options.path = place;
	options.groups = groups;
	cr_assert(eq(int, admin_open(&options, &other), 0));
	cr_assert(eq(int, stat(place, &status), 0));
	admin_close(other);
	return status.st_mode & 0777;
}

Test(admin, opens_its_file_to_no_more_people_than_the_groups_ask_for)
{
	int64_t group = getegid();

	cr_assert(eq(uint,
		mode_with((struct level_groups){LEVEL_NO_GROUP, LEVEL_NO_GROUP, LEVEL_NO_GROUP}),
		0600));
	cr_assert(eq(uint, mode_with((struct level_groups){group, LEVEL_NO_GROUP, LEVEL_NO_GROUP}),
		0660));
	cr_assert(eq(uint, mode_with((struct level_groups){group, group, LEVEL_NO_GROUP}), 0666));
}

Test(level, is_the_best_that_a_users_groups_give)
{
	const struct level_groups groups = {.admin = 10, .operator= 20, .view = 30};
	const gid_t viewer[] = {5, 30};
	const gid_t both[] = {30, 20};
	const gid_t all[] = {30, 10, 20};
	const gid_t none[] = {5};

	cr_assert(eq(int, level_of_user(&groups, 0, none, 1), COMMAND_ADMIN));
	cr_assert(eq(int, level_of_user(&groups, geteuid(), none, 1), COMMAND_ADMIN));
	cr_assert(eq(int, level_of_user(&groups, 4711, viewer, 2), COMMAND_VIEW));
	cr_assert(eq(int, level_of_user(&groups, 4711, both, 2), COMMAND_OPERATOR));
	cr_assert(eq(int, level_of_user(&groups, 4711, all, 3), COMMAND_ADMIN));
	cr_assert(eq(int, level_of_user(&groups, 4711, none, 1), COMMAND_NOBODY));
	cr_assert(eq(int, level_of_user(&groups, 4711, NULL, 0), COMMAND_NOBODY));
}

static enum command_error refused;

static void note_refusal(
	void *context, json_t *result, enum command_error error, const char *message)
{
	refused = error;
	json_decref(result);
}

Test(level, decides_what_may_be_asked)
{
	struct commands *some = commands_new();

	commands_register(some, "status", answer_status, NULL);
	commands_register(some, "reload", answer_status, NULL);
	cr_assert(commands_start(some, command_find(SPAN("status")), NULL, COMMAND_VIEW,
			  note_refusal, NULL)
		== NULL);
	cr_assert(eq(int, refused, 0));
	cr_assert(commands_start(some, command_find(SPAN("reload")), NULL, COMMAND_VIEW,
			  note_refusal, NULL)
		== NULL);
	cr_assert(eq(int, refused, COMMAND_FORBIDDEN));
	cr_assert(commands_start(some, command_find(SPAN("reload")), NULL, COMMAND_OPERATOR,
			  note_refusal, NULL)
		== NULL);
	cr_assert(eq(int, refused, 0));
	commands_free(some);
}

static void describe(void *context, json_t *section)
{
	json_object_set_new(section, "up", json_string(context));
}

Test(status, is_told_by_every_part_that_has_something_to_say)
{
	struct commands *some = commands_new();
	json_t *result = json_object();

	cr_assert(eq(int, commands_register_status(some, "mesh", describe, "2"), 0));
	cr_assert(eq(int, commands_register_status(some, "store", describe, "yes"), 0));
	commands_unregister_status(some, "store");
	commands_describe(some, result);
	cr_assert(eq(str,
		(char *)json_string_value(json_object_get(json_object_get(result, "mesh"), "up")),
		"2"));
	cr_assert(eq(sz, json_object_size(result), 1));
	json_decref(result);
	commands_free(some);
}
