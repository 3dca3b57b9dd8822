#include "rpc.h"

static bool id_is_valid(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

static void refuse(struct rpc_request *request, enum command_error error, const char *message)
{
	request->error = error;
	request->message = message;
}

void rpc_read(json_t *json, struct rpc_request *request)
{
	const json_t *version = json_object_get(json, "jsonrpc");
	const json_t *method = json_object_get(json, "method");
	const char *name = json_string_value(method);

	*request = (struct rpc_request){.id = json_object_get(json, "id")};
	if (request->id != NULL && !id_is_valid(request->id))
		request->id = json_null();
	if (!json_is_object(json) || name == NULL || !json_is_string(version)
		|| !span_equal(span_of(json_string_value(version), json_string_length(version)),
			SPAN("2.0"))) {
		// Whoever cannot write a request shall see an answer, notification or not.
		if (request->id == NULL)
			request->id = json_null();
		refuse(request, COMMAND_INVALID_REQUEST,
			"a request is {\"jsonrpc\": \"2.0\", \"method\": ..., \"params\": {...}, "
			"\"id\": ...}");
		return;
	}
	request->command = command_find(span_of(name, json_string_length(method)));
	request->parameters = json_object_get(json, "params");
	if (request->command == NULL)
		refuse(request, COMMAND_NOT_FOUND, "there is no such method; 'help' lists them");
}

json_t *rpc_result(json_t *id, json_t *result)
{
	return json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *rpc_error(json_t *id, enum command_error error, const char *message)
{
	return json_pack("{s:s, s:O?, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error", "code",
		error, "message", message);
}
