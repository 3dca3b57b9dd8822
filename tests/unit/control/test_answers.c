// What an edge answers, from a source of flows, peers and tokens that this test plays.

#include "answers/answers.h"
#include "base/clock.h"
#include "config_fixture.h"
#include "frame/source.h"

#include <weir/token.h>

#include <unistd.h>

enum {
	FLOWS = 250,
	BOB = 7, // the hash of bob's AOR; every tenth flow has it
};

static struct control control;
static struct edge_source source;
static struct link_explained explained;
static bool addresses_move;
static bool explain_is_silent;
static char asked[64];

static bool next_flow(void *context, uint32_t slot, struct flow_record *record)
{
	if (slot >= FLOWS)
		return false;
	slot++;
	*record = (struct flow_record){
		.id = {1, slot, 1000 + slot},
		.state = slot % 5 == 0 ? FLOW_DOUBTFUL : FLOW_LIVE,
		.listener = 1,
		.transport = slot % 2 == 0 ? TRANSPORT_TCP : TRANSPORT_UDP,
		.row_count = 1,
		.peer = {.address = {192, 0, 2, (uint8_t)slot},
			.port = 5060,
			.family = ENDPOINT_V4},
	};
	record->rows[0].aor = slot % 10 == 0 ? BOB : slot + 100;
	record->rows[0].expires_at_s = (uint32_t)(clock_wall_ms() / 1000) + 3610;
	return true;
}

static void count_flows(void *context, uint32_t *held, uint32_t *live, uint32_t *rows)
{
	*held = FLOWS;
	*live = FLOWS - FLOWS / 5;
	*rows = FLOWS;
}

static bool count_streams(void *context, struct stream_counts *counts)
{
	*counts = (struct stream_counts){.open = 3, .ended = {[STREAM_END_SLOW] = 2}};
	return true;
}

static bool hash_aor(void *context, struct span aor, uint64_t *hash)
{
	*hash = BOB;
	return span_equal(aor, SPAN("sip:bob@example.test"));
}

static bool find_peer(void *context, uint8_t edge, struct source_peer *peer)
{
	*peer = (struct source_peer){
		.connected = true,
		.complete = true,
		.liveness = 2,
		.round_trip_us = 180,
		.received = 12345,
		.name = SPAN("edge2.test"),
	};
	return edge == 2;
}

static void table(void *context, uint8_t edge, struct source_table *table)
{
	*table = (struct source_table){.flows = 1000u * edge, .digest = 0xabc};
}

static void explain(void *context, struct span token, source_explained *done, void *done_context)
{
	snprintf(asked, sizeof(asked), "%.*s", (int)token.length, (const char *)token.octets);
	done(done_context, explain_is_silent ? NULL : &explained);
}

static bool device(void *context, unsigned index, struct link_event_device *state)
{
	*state = (struct link_event_device){.interface = 4,
		.queues = 2,
		.speed_mbit = 10000,
		.up = 1,
		.huge_pages = 1,
		.mac = {2, 0, 0, 0, 0, 7},
		.driver = "net_af_xdp"};
	return index == 0;
}

// The first listener's has moved away, the ninth's has come.
static bool address(void *context, uint8_t listener, bool *here, uint64_t *since_ms)
{
	*here = listener == 9;
	*since_ms = clock_ms() - 5000;
	return listener == 9 || (listener == 1 && addresses_move);
}

static void setup(void)
{
	control = (struct control){.base = event_base_new(), .commands = commands_new()};
	control.config = config_make(EDGE);
	control.log = log_new(STDERR_FILENO, LOG_LEVEL_ERROR, false);
	source = (struct edge_source){.next_flow = next_flow,
		.count_flows = count_flows,
		.count_streams = count_streams,
		.hash_aor = hash_aor,
		.peer = find_peer,
		.table = table,
		.device = device,
		.address = address,
		.explain = explain};
	control.source = &source;
	cr_assert(eq(int, answers_open(&control), 0));
}

static void teardown(void)
{
	answers_close(&control);
	commands_free(control.commands);
	config_free(control.config);
	log_free(control.log);
	event_base_free(control.base);
}

TestSuite(answers, .init = setup, .fini = teardown);

static json_t *result;
static enum command_error error;

static void done(void *context, json_t *given, enum command_error code, const char *message)
{
	result = given;
	error = code;
}

// The result's text as an operator sees it; free() it.
static char *ask(const char *line)
{
	char why[COMMAND_WHY];
	json_t *parameters;
	const struct command *command =
		command_read_line(span_of(line, strlen(line)), &parameters, why);
	char *text = NULL;
	size_t length;

	cr_assert(command != NULL, "%s", why);
	cr_assert(commands_start(control.commands, command, parameters, COMMAND_ADMIN, done, NULL)
		== NULL);
	json_decref(parameters);
	FILE *stream = open_memstream(&text, &length);

	if (error == 0)
		command_render(command, result, false, stream);
	else
		fprintf(stream, "%d", error);
	fclose(stream);
	json_decref(result);
	return text;
}

static void expect(const char *line, const char *wanted)
{
	char *text = ask(line);

	cr_assert(eq(str, text, (char *)wanted));
	free(text);
}

Test(answers, show_flows_page_by_page)
{
	char *text = ask("flows show --limit 2 --after 3");

	cr_assert(eq(str, text,
		"more_after  5\n"
		"SLOT  GENERATION  STATE     TRANSPORT  LISTENER  PEER            ROWS  EXPIRES\n"
		"   4        1004  live      tcp        access    192.0.2.4:5060     1    1h 0m\n"
		"   5        1005  doubtful  udp        access    192.0.2.5:5060     1    1h "
		"0m\n"));
	free(text);
	expect("flows show --after 250", "no flows\n");
	expect("flows show --limit 0", "-32602");
	expect("flows show --limit 1001", "-32602");
}

Test(answers, walk_all_flows_in_pages_without_a_gap)
{
	char line[64] = "flows show --limit 100";
	unsigned pages = 0;
	unsigned found = 0;

	for (bool more = true; more; pages++) {
		char *text = ask(line);
		unsigned after;

		more = sscanf(text, "more_after  %u", &after) == 1;
		for (const char *at = text; (at = strstr(at, "192.0.2.")) != NULL; at++)
			found++;
		snprintf(line, sizeof(line), "flows show --limit 100 --after %u", more ? after : 0);
		free(text);
	}
	cr_assert(eq(uint, pages, 3));
	cr_assert(eq(uint, found, FLOWS));
}

static unsigned count_lines(const char *line)
{
	char *text = ask(line);
	unsigned lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	free(text);
	return lines;
}

Test(answers, find_flows_by_aor_source_and_transport)
{
	cr_assert(eq(uint, count_lines("flows show --aor sip:bob@example.test"), 1 + FLOWS / 10));
	expect("flows show --aor nobody", "-32602");
	cr_assert(eq(uint, count_lines("flows show --source 192.0.2.7"), 2));
	cr_assert(eq(uint, count_lines("flows show --source 192.0.2.7:5060"), 2));
	expect("flows show --source 192.0.2.7:5061", "no flows\n");
	expect("flows show --source phone", "-32602");
	cr_assert(eq(uint, count_lines("flows show --transport tcp --limit 1000"), 1 + FLOWS / 2));
}

Test(answers, show_this_edge_and_the_others)
{
	control.started_ms = clock_ms() - 90000;
	expect("peers show",
		"ID  NAME        STATE  SINCE   TRIP    MESH    RECEIVED  SENT  ADDRESS\n"
		" 1  edge1.test  self   1m 30s  -       -       -         -     127.0.0.1:7060\n"
		" 2  edge2.test  up     -       180 us  synced    12,345     0  127.0.0.1:7061\n");
	expect("peers show --tables",
		"ID  NAME        STATE  SINCE   TRIP    MESH    RECEIVED  SENT  FLOWS  DIGEST      "
		"      ADDRESS\n"
		" 1  edge1.test  self   1m 30s  -       -       -         -     1,000  "
		"0000000000000abc  127.0.0.1:7060\n"
		" 2  edge2.test  up     -       180 us  synced    12,345     0  2,000  "
		"0000000000000abc  127.0.0.1:7061\n");
	control.source = NULL;
	expect("peers show",
		"ID  NAME        STATE    SINCE   ADDRESS\n"
		" 1  edge1.test  self     1m 30s  127.0.0.1:7060\n"
		" 2  -           unknown  -       127.0.0.1:7061\n");
}

Test(answers, count_flows_and_peers_in_the_status)
{
	char *text = ask("status");

	cr_assert(strstr(text, "flows.held           250\n") != NULL);
	cr_assert(strstr(text, "flows.live           200\n") != NULL);
	cr_assert(strstr(text, "peers.configured     1\n") != NULL);
	cr_assert(strstr(text, "streams.open         3\n") != NULL);
	cr_assert(strstr(text, "streams.ended.slow   2\n") != NULL);
	cr_assert(strstr(text, "peers.up             1\n") != NULL);
	cr_assert(strstr(text, "ready                no\n") != NULL);
	cr_assert(strstr(text, "addresses") == NULL);
	free(text);
}

Test(answers, say_how_many_of_a_peers_addresses_are_taken)
{
	config_free(control.config);
	control.config = config_make(
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: access, id: 2, side: access, address: 127.0.0.1:5060}\n"
		"  - {name: core, id: 3, side: core, address: 127.0.0.1:5080}\n"
		"  - {name: peer, id: 4, side: peer, address: 127.0.0.1:5070}\n"
		"  - {name: taken, id: 9, side: access, address: 127.0.0.2:5060, owner: 2}\n"
		"cluster: {name: edge.test, listen: 127.0.0.1:7060, takeover: address, peers: "
		"[{id: 2, address: 127.0.0.1:7061}]}\n"
		"upstream: {targets: ['sip:127.0.0.1:5090']}\n");
	char *text = ask("peers show");
	cr_assert(strstr(text, "TAKEN") != NULL && strstr(text, "    1  127.0.0.1:7061") != NULL,
		"%s", text);
	free(text);
}

Test(answers, mark_flows_whose_address_is_on_another_host)
{
	char *text = ask("flows show --limit 1");
	cr_assert(strstr(text, "away") == NULL);
	free(text);
	addresses_move = true;
	text = ask("flows show --limit 1");
	cr_assert(strstr(text, "away") != NULL);
	free(text);
}

Test(answers, say_which_addresses_are_on_this_host_where_they_move)
{
	addresses_move = true;
	char *text = ask("status");
	cr_assert(strstr(text, "no") != NULL && strstr(text, "access") != NULL);
	cr_assert(strstr(text, "127.0.0.1:5060") != NULL, "%s", text);
	free(text);
}

Test(answers, say_what_an_edge_waits_for_and_nothing_once_it_serves)
{
	control_set_ready(&control, "keys");
	char *text = ask("status");
	cr_assert(strstr(text, "ready                no\n") != NULL);
	cr_assert(strstr(text, "waits_for            keys\n") != NULL);
	free(text);
	control_set_ready(&control, NULL);
	text = ask("status");
	cr_assert(strstr(text, "ready                yes\n") != NULL);
	cr_assert(strstr(text, "waits") == NULL);
	free(text);
}

static void setup_devices(void)
{
	config_free(control.config);
	control.config = config_make(
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: access, side: access, address: 127.0.0.1:5060, driver: dpdk, "
		"port: 'net_af_xdp0,iface=eth0'}\n"
		"  - {name: core, side: core, address: 127.0.0.1:5080, driver: dpdk, "
		"port: 'net_null0'}\n"
		"cluster: {name: edge.test}\n"
		"upstream: {targets: ['sip:127.0.0.1:5090']}\n");
}

Test(answers, show_ports_and_what_the_dataplane_said_of_them)
{
	setup_devices();
	expect("ports show",
		"PORT                    DRIVER      STATE    MBIT   INTERFACE  MEMORY      QUEUES "
		" "
		"RECEIVED  SENT  BY KERNEL  DROPPED  MAC\n"
		"net_af_xdp0,iface=eth0  net_af_xdp  up       10000          4  huge-pages       2 "
		" "
		"       0     0          0        0  02:00:00:00:00:07\n"
		"net_null0               -           unknown  -      -          -           -      "
		" "
		"-         -     -          -        -\n");
	expect("ports queues", "-32002");
	char *text = ask("status");

	cr_assert(strstr(text, "ports.configured     2\n") != NULL);
	cr_assert(strstr(text, "ports.up             1\n") != NULL);
	free(text);
}

Test(answers, show_no_ports_where_there_are_none)
{
	expect("ports show", "no ports\n");
}

Test(answers, explain_a_token_and_what_would_become_of_it)
{
	explained = (struct link_explained){
		.token_verdict = TOKEN_OK,
		.kind = TOKEN_ROUTE,
		.role = TOKEN_RECEIVER,
		.rule = VERDICT_R3_HERE,
		.owner_state = 0,
		.flow = {.edge = 2, .slot = 81244, .generation = 7},
		.peer = {.address = {203, 0, 113, 77}, .port = 31022, .family = ENDPOINT_V4},
		.target = {.edge = 1, .slot = 12, .generation = 9},
		.target_peer = {.address = {203, 0, 113, 77}, .port = 40118, .family = ENDPOINT_V4},
		.uak = 0x5f1c09,
	};
	expect("token explain '<sip:MzRk-Q@edge.test;lr>'",
		"token                     valid\n"
		"kind                      route\n"
		"made_by.id                2\n"
		"made_by.name              edge2.test\n"
		"made_by.state             dead\n"
		"flow.slot                 81244\n"
		"flow.generation           7\n"
		"flow.peer                 203.0.113.77:31022\n"
		"owner_was                 receiver\n"
		"user_key                  00000000005f1c09\n"
		"would_do.rule             r3-here\n"
		"would_do.meaning          request sent on another flow of the same user agent, "
		"here\n"
		"would_do.edge.id          1\n"
		"would_do.edge.name        edge1.test\n"
		"would_do.flow.slot        12\n"
		"would_do.flow.generation  9\n"
		"would_do.flow.peer        203.0.113.77:40118\n");
	cr_assert(eq(str, asked, "MzRk-Q"));
}

Test(answers, say_why_a_token_is_none)
{
	explained = (struct link_explained){.token_verdict = TOKEN_FORGED};
	expect("token explain abc", "token  forged\n");
	cr_assert(eq(str, asked, "abc"));
	explained = (struct link_explained){.token_verdict = TOKEN_RETIRED};
	expect("token explain sip:abc@edge.test", "token  retired\n");
	explain_is_silent = true;
	expect("token explain abc", "-32002");
	control.source = NULL;
	expect("token explain abc", "-32002");
}

Test(answers, say_that_counters_and_targets_are_not_to_be_had)
{
	expect("drops show", "-32002");
	expect("upstream show", "-32002");
}

Test(answers, list_every_command_and_every_key)
{
	cr_assert(eq(uint, count_lines("help"), 1 + (unsigned)command_count));
	cr_assert(gt(uint, count_lines("config schema"), 60));
}
