#include "best.h"

#include "../base/text.h"
#include "header_lines.h"

#include <stdlib.h>

enum {
	CHALLENGES_MAX = 4096,
};

// Less is better.
static unsigned rank(unsigned status)
{
	if (status >= 600)
		return 0;
	if (status < 400)
		return 1;
	if (status >= 500)
		return 5;
	switch (status) {
	case 401:
	case 407:
	case 415:
	case 420:
	case 484:
		return 2; // they tell the caller how to ask again
	case 408:
	case 430:
	case 487:
		return 4; // they say nothing about whom he wants
	default:
		return 3;
	}
}

static bool is_challenge(unsigned status)
{
	return status == 401 || status == 407;
}

static void add_lines(struct text *out, const struct message *response, struct span name)
{
	struct header_text line;

	for (uint16_t from = 0; header_line_find(response, name, from, &line);
		from = (uint16_t)(line.line.offset + line.line.length))
		text_add(out, message_span(response, line.line));
}

static void challenges_keep(struct best *best, const struct message *response)
{
	if (best->challenges == NULL)
		best->challenges = malloc(CHALLENGES_MAX);
	if (best->challenges == NULL)
		return;
	struct text out = text_begin(best->challenges, CHALLENGES_MAX);
	out.length = best->challenges_length;
	add_lines(&out, response, SPAN("WWW-Authenticate"));
	add_lines(&out, response, SPAN("Proxy-Authenticate"));
	if (!out.overflow)
		best->challenges_length = out.length;
}

// The old best one gives way; what it asks for stays.
static void best_displace(struct best *best)
{
	struct message *response = malloc(sizeof(*response));

	if (response != NULL && message_parse(response, best->octets, best->length) == MESSAGE_OK)
		challenges_keep(best, response);
	free(response);
}

void best_consider(struct best *best, unsigned status, const struct message *response)
{
	if (best->status != 0 && rank(best->status) <= rank(status)) {
		if (is_challenge(status) && response != NULL)
			challenges_keep(best, response);
		return;
	}
	if (is_challenge(best->status) && best->length > 0)
		best_displace(best);
	free(best->octets);
	best->octets = response == NULL ? NULL : malloc(response->length);
	best->length = best->octets == NULL ? 0 : response->length;
	best->status = status;
	if (best->octets != NULL)
		memcpy(best->octets, response->octets, response->length);
}

unsigned best_upstream_status(const struct best *best, bool soften)
{
	if (best->status == 503)
		return 500;
	return best->status == 430 && soften ? 480 : best->status;
}

void best_free(struct best *best)
{
	free(best->octets);
	free(best->challenges);
}
