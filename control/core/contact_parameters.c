#include "contact_parameters.h"

// What the response states anew.
static bool is_ours(struct span name)
{
	return span_equal_nocase(name, SPAN("expires")) || span_equal_nocase(name, SPAN("pub-gruu"))
		|| span_equal_nocase(name, SPAN("temp-gruu"));
}

// Where the parameter that begins at `at` (a ';') ends; quoted strings may hold anything.
static uint16_t parameter_end(const uint8_t *octets, uint16_t at, uint16_t end)
{
	bool quoted = false;

	for (at++; at < end && (quoted || octets[at] != ';'); at++) {
		if (quoted && octets[at] == '\\')
			at++;
		else if (octets[at] == '"')
			quoted = !quoted;
	}
	return at < end ? at : end;
}

static struct span parameter_name(struct span parameter)
{
	size_t begin = 1;
	size_t end;

	while (begin < parameter.length && parameter.octets[begin] <= ' ')
		begin++;
	for (end = begin; end < parameter.length; end++)
		if (parameter.octets[end] == '=' || parameter.octets[end] <= ' ')
			break;
	return span_of(parameter.octets + begin, end - begin);
}

struct span contact_keep_parameters(
	const struct message *request, struct slice parameters, struct text *out)
{
	size_t begin = out->length;
	uint16_t end = (uint16_t)(parameters.offset + parameters.length);

	for (uint16_t at = parameters.offset, next; at < end; at = next) {
		next = parameter_end(request->octets, at, end);
		struct span parameter = span_of(request->octets + at, (size_t)(next - at));
		if (!is_ours(parameter_name(parameter)))
			text_add(out, parameter);
	}
	return span_of(out->octets + begin, out->length - begin);
}
