// What comes by the admin socket: any line and any JSON becomes a command whose parameters fit the table, or is refused.

#include "admin/rpc.h"
#include "fuzz.h"

static void line_run(struct span line)
{
	char why[COMMAND_WHY] = "";
	json_t *parameters;
	const struct command *command = command_read_line(line, &parameters, why);

	if (command == NULL) {
		CHECK(why[0] != '\0');
		return;
	}
	CHECK(command_check(command, parameters, why));
	json_decref(parameters);
}

static void json_run(struct span text)
{
	json_error_t error;
	json_t *json = json_loadb((const char *)text.octets, text.length,
		JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
	struct rpc_request request;
	char why[COMMAND_WHY];

	if (json == NULL)
		return;
	CHECK((size_t)error.position <= text.length);
	rpc_read(json, &request);
	CHECK(request.command != NULL || request.message != NULL);
	if (request.command != NULL)
		(void)!command_check(request.command, request.parameters, why);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	line_run(span_of(data, size));
	json_run(span_of(data, size));
	return 0;
}
