#include "command.h"

#include <string.h>

// clang-format off
const struct command command_table[] = {
	{"status", "", COMMAND_VIEW, "one screen: version, uptime, readiness and what every part says", NULL, {{0}}, {{0}}},

	{"flows", "show", COMMAND_VIEW, "flows of this edge", "flows",
		{{"slot", "SLOT"}, {"generation", "GENERATION"}, {"state", "STATE"}, {"transport", "TRANSPORT"}, {"listener", "LISTENER"},
			{"peer", "PEER"}, {"rows_count", "ROWS"}, {"expires_in_s", "EXPIRES"}, {"address", "ADDRESS"}},
		{{"aor", PARAMETER_TEXT, false, NULL, "only flows of this address of record, such as sip:bob@example.net"},
			{"source", PARAMETER_TEXT, false, NULL, "only flows of this address, with or without a port"},
			{"transport", PARAMETER_WORD, false, "udp|tcp|tls|ws|wss", "only flows of this transport"},
			{"limit", PARAMETER_NUMBER, false, NULL, "at most so many (default 100, at most 1000)"},
			{"after", PARAMETER_NUMBER, false, NULL, "go on after this slot"}}},

	{"peers", "show", COMMAND_VIEW, "this edge and the others", "peers",
		{{"id", "ID"}, {"name", "NAME"}, {"state", "STATE"}, {"since_s", "SINCE"}, {"round_trip_us", "TRIP"}, {"mesh", "MESH"},
			{"received_count", "RECEIVED"}, {"sent_count", "SENT"}, {"flows_count", "FLOWS"}, {"flows_digest", "DIGEST"},
			{"taken_count", "TAKEN"}, {"address", "ADDRESS"}},
		{{"tables", PARAMETER_FLAG, false, NULL, "count and digest of the flows held of each: the same on every edge that holds the same"}}},

	{"ports", "show", COMMAND_VIEW, "DPDK devices that listeners are on", "ports",
		{{"port", "PORT"}, {"driver", "DRIVER"}, {"state", "STATE"}, {"speed_mbit", "MBIT"}, {"interface", "INTERFACE"}, {"memory", "MEMORY"},
			{"queues", "QUEUES"}, {"received_count", "RECEIVED"}, {"sent_count", "SENT"}, {"by_kernel_count", "BY KERNEL"},
			{"dropped_count", "DROPPED"}, {"mac", "MAC"}},
		{{0}}},
	{"ports", "queues", COMMAND_VIEW, "frames that each queue of each device has seen", "queues",
		{{"port", "PORT"}, {"queue", "QUEUE"}, {"received_count", "RECEIVED"}, {"sent_count", "SENT"}, {"other_count", "TO KERNEL"},
			{"by_kernel_count", "BY KERNEL"}, {"fragments_count", "FRAGMENTS"}, {"fragments_refused_count", "REFUSED"},
			{"malformed_count", "MALFORMED"}, {"no_listener_count", "NO LISTENER"}, {"no_buffer_count", "NO BUFFER"},
			{"send_failed_count", "UNSENT"}},
		{{0}}},

	{"drops", "show", COMMAND_VIEW, "what became of messages that were dropped or refused", "drops",
		{{"reason", "REASON"}, {"class", "CLASS"}, {"messages_count", "MESSAGES"}, {"meaning", "MEANING"}},
		{{"all", PARAMETER_FLAG, false, NULL, "every verdict, those that are 0 and those that are no fault too"}}},

	{"token", "explain", COMMAND_VIEW, "what a flow token says and which rule would serve it now", NULL, {{0}},
		{{"text", PARAMETER_TEXT, true, NULL, "the user part of a Route, or the whole Route"}}},

	{"upstream", "show", COMMAND_VIEW, "addresses of the upstream targets", "targets",
		{{"target", "TARGET"}, {"address", "ADDRESS"}, {"transport", "TRANSPORT"}, {"state", "STATE"}, {"share", "SHARE"}},
		{{0}}},

	{"config", "check", COMMAND_VIEW, "read the daemon's file again, without applying it", "faults",
		{{"line", "LINE"}, {"column", "COLUMN"}, {"severity", "SEVERITY"}, {"message", "MESSAGE"}, {"hint", "HINT"}},
		{{0}}},
	{"config", "show", COMMAND_VIEW, "what is in force", NULL, {{0}},
		{{"defaults", PARAMETER_FLAG, false, NULL, "keys that the file does not have too"}}},
	{"config", "schema", COMMAND_VIEW, "every key there is", "keys",
		{{"key", "KEY"}, {"value", "VALUE"}, {"default", "DEFAULT"}, {"limits", "LIMITS"}, {"change", "A CHANGE TAKES"}},
		{{0}}},

	{"reload", "", COMMAND_OPERATOR, "read the configuration again and apply what can be applied", "changes",
		{{"key", "KEY"}, {"applied", "APPLIED"}, {"needs", "NEEDS"}},
		{{0}}},

	{"log", "show", COMMAND_VIEW, "the log's level", NULL, {{0}}, {{0}}},
	{"log", "level", COMMAND_OPERATOR, "set the log's level until the next reload", NULL, {{0}},
		{{"level", PARAMETER_WORD, true, "error|warning|notice|info|debug", "the least that is written"},
			{"for", PARAMETER_DURATION, false, NULL, "go back after this time"}}},

	{"help", "", COMMAND_VIEW, "this list", "commands",
		{{"command", "COMMAND"}, {"level", "LEVEL"}, {"help", "WHAT IT DOES"}},
		{{0}}},
};
// clang-format on

const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

const char *command_method(const struct command *command, char *out, size_t capacity)
{
	snprintf(out, capacity, "%s%s%s", command->noun, command->verb[0] == '\0' ? "" : ".",
		command->verb);
	return out;
}

const struct command *command_find(struct span method)
{
	char name[64];

	for (size_t i = 0; i < command_count; i++) {
		command_method(&command_table[i], name, sizeof(name));
		if (span_equal(method, span_of(name, strlen(name))))
			return &command_table[i];
	}
	return NULL;
}

static const char *parameter_value(const struct command_parameter *parameter)
{
	static const char *const values[] = {
		[PARAMETER_TEXT] = "TEXT",
		[PARAMETER_NUMBER] = "NUMBER",
		[PARAMETER_DURATION] = "DURATION",
		[PARAMETER_WORD] = "WORD",
	};

	return parameter->words != NULL ? parameter->words : values[parameter->type];
}

void command_print_usage(const struct command *command, FILE *out)
{
	fprintf(out, "%s%s%s", command->noun, command->verb[0] == '\0' ? "" : " ", command->verb);
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++) {
		if (parameter->positional)
			fprintf(out, " %s", parameter_value(parameter));
		else if (parameter->type == PARAMETER_FLAG)
			fprintf(out, " [--%s]", parameter->name);
		else
			fprintf(out, " [--%s %s]", parameter->name, parameter_value(parameter));
	}
}

void command_print_list(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		fputs("  ", out);
		command_print_usage(&command_table[i], out);
		fprintf(out, "\n        %s\n", command_table[i].help);
	}
}
