// Commands as text and as JSON: what is understood, what is refused and why, and how results are shown.

#include "command/command.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

static char why[COMMAND_WHY];
static json_t *parameters;

static const struct command *read_line(const char *line)
{
	why[0] = '\0';
	parameters = NULL;
	return command_read_line(span_of(line, strlen(line)), &parameters, why);
}

static void expect_command(const char *line, const char *method, const char *wanted)
{
	const struct command *command = read_line(line);
	char name[64];

	cr_assert(command != NULL, "%s: %s", line, why);
	cr_assert(eq(str, (char *)command_method(command, name, sizeof(name)), (char *)method));
	char *text = json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS);

	cr_assert(eq(str, text, (char *)wanted));
	free(text);
	json_decref(parameters);
}

static void expect_refusal(const char *line, const char *wanted)
{
	cr_assert(read_line(line) == NULL, "%s", line);
	cr_assert(eq(str, why, (char *)wanted));
}

Test(command, is_named_by_noun_and_verb_or_the_other_way_round)
{
	expect_command("status", "status", "{}");
	expect_command("  flows   show\t", "flows.show", "{}");
	expect_command("show flows", "flows.show", "{}");
	expect_command("reload\r\n", "reload", "{}");
}

Test(command, takes_parameters_by_their_types)
{
	expect_command("flows show --limit 5 --aor sip:bob@example.net", "flows.show",
		"{\"aor\":\"sip:bob@example.net\",\"limit\":5}");
	expect_command("drops show --all", "drops.show", "{\"all\":true}");
	expect_command(
		"log level debug --for 10m", "log.level", "{\"for\":\"10m\",\"level\":\"debug\"}");
	expect_command("log level --level debug", "log.level", "{\"level\":\"debug\"}");
	expect_command("token explain '<sip:abc@edge.test;lr>'", "token.explain",
		"{\"text\":\"<sip:abc@edge.test;lr>\"}");
	expect_command("token explain \"a b\"", "token.explain", "{\"text\":\"a b\"}");
}

Test(command, is_refused_with_what_is_wrong)
{
	expect_refusal("", "there is no command ''; 'help' lists them");
	expect_refusal("flows", "there is no command 'flows'; 'help' lists them");
	expect_refusal("flows shw", "there is no command 'flows shw'; 'help' lists them");
	expect_refusal("flows show --limt 5", "'--limt' does not belong to this command");
	expect_refusal("flows show 5", "'5' does not belong to this command");
	expect_refusal("flows show --limit", "'--limit' takes a value");
	expect_refusal("flows show --limit five", "'limit' takes a whole number");
	expect_refusal("flows show --limit -1", "'limit' takes a whole number");
	expect_refusal("flows show --limit 4294967296", "'limit' takes a whole number");
	expect_refusal("flows show --transport sctp", "'transport' is one of udp|tcp|tls|ws|wss");
	expect_refusal("log level", "'level' is missing: the least that is written");
	expect_refusal("log level debug --for 10", "'for' takes a duration such as 30s or 10m");
	expect_refusal("token explain ''", "'text' takes a text of 1 to 1024 octets");
	expect_refusal("token explain 'x", "a quote does not end");
	expect_refusal("token explain \xff", "'text' takes text in UTF-8");
}

Test(command, refuses_lines_that_are_too_long_or_hold_a_nul)
{
	char line[COMMAND_LINE_MAX + 2];

	memset(line, 'a', sizeof(line));
	cr_assert(command_read_line(span_of(line, COMMAND_LINE_MAX + 1), &parameters, why) == NULL);
	cr_assert(command_read_line(SPAN("status\0x"), &parameters, why) == NULL);
	memset(line, ' ', sizeof(line));
	for (size_t i = 0; i < 80; i += 2)
		line[i] = 'a';
	cr_assert(command_read_line(span_of(line, 80), &parameters, why) == NULL);
	cr_assert(eq(str, why, "too many words"));
}

static bool check(const char *method, const char *json)
{
	json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
	bool good = command_check(command_find(span_of(method, strlen(method))), object, why);

	json_decref(object);
	return good;
}

Test(command, takes_json_parameters_of_the_right_type_alone)
{
	cr_assert(check("flows.show", "{\"limit\": 5, \"source\": \"192.0.2.1\"}"));
	cr_assert(not(check("flows.show", "[5]")));
	cr_assert(not(check("flows.show", "{\"limit\": \"5\"}")));
	cr_assert(not(check("flows.show", "{\"limit\": 5.5}")));
	cr_assert(not(check("flows.show", "{\"limit\": -1}")));
	cr_assert(not(check("flows.show", "{\"limit\": null}")));
	cr_assert(not(check("flows.show", "{\"source\": 5}")));
	cr_assert(not(check("flows.show", "{\"other\": 5}")));
	cr_assert(not(check("drops.show", "{\"all\": \"yes\"}")));
	cr_assert(not(check("log.level", "{}")));
	cr_assert(not(check("log.level", "{\"level\": \"loud\"}")));
	cr_assert(command_check(command_find(SPAN("status")), NULL, why));
	cr_assert(not(command_check(command_find(SPAN("log.level")), NULL, why)));
}

static void expect_text(const char *method, const char *json, bool color, const char *wanted)
{
	json_t *result = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	cr_assert(result != NULL);
	command_render(command_find(span_of(method, strlen(method))), result, color, stream);
	fclose(stream);
	cr_assert(eq(str, text, (char *)wanted));
	free(text);
	json_decref(result);
}

Test(command, shows_values_by_the_unit_of_their_key)
{
	expect_text("status",
		"{\"version\":\"1\",\"ready\":true,\"uptime_s\":273900,\"age_s\":59,\"trip_us\":"
		"1204,"
		"\"lag_ms\":8,\"a\":{\"flows_count\":1204331,\"share_percent\":10,\"size_octets\":"
		"1500},"
		"\"id\":81244,\"none\":null,\"list\":[1,\"b\"],\"empty\":[],\"rate\":0.5}",
		false,
		"version  1\n"
		"ready    yes\n"
		"uptime   3d 4h\n"
		"age      59s\n"
		"trip     1,204 us\n"
		"lag      8 ms\n"
		"a.flows  1,204,331\n"
		"a.share  10%\n"
		"a.size   1,500 octets\n"
		"id       81244\n"
		"none     -\n"
		"list     1, b\n"
		"empty    -\n"
		"rate     0.50\n");
}

Test(command, shows_a_list_as_a_table_of_the_columns_that_are_used)
{
	expect_text("peers.show",
		"{\"peers\":[{\"id\":1,\"name\":\"edge1.test\",\"state\":\"self\"},"
		"{\"id\":12,\"name\":\"e2\",\"state\":\"dead\",\"since_s\":41}]}",
		false,
		"ID  NAME        STATE  SINCE\n"
		" 1  edge1.test  self   -\n"
		"12  e2          dead     41s\n");
	expect_text("peers.show", "{\"peers\":[]}", false, "no peers\n");
}

Test(command, colours_what_an_operator_should_notice)
{
	expect_text("peers.show", "{\"peers\":[{\"id\":1,\"state\":\"dead\"}]}", true,
		"ID  STATE\n 1  \033[31mdead\033[0m\n");
}

Test(command, lets_no_text_from_outside_drive_the_terminal)
{
	expect_text("status", "{\"name\":\"\\u001b[2Jx\\n\"}", false, "name  ?[2Jx?\n");
}

Test(command, has_one_line_of_help_and_a_place_for_each_method)
{
	for (size_t i = 0; i < command_count; i++) {
		char name[64];

		command_method(&command_table[i], name, sizeof(name));
		cr_assert(eq(ptr, (void *)command_find(span_of(name, strlen(name))),
			(void *)&command_table[i]));
		cr_assert(command_table[i].help != NULL && command_table[i].level > COMMAND_NOBODY);
	}
	cr_assert(command_find(SPAN("flows.")) == NULL);
	cr_assert(command_find(SPAN("")) == NULL);
}
