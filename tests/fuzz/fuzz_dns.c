// What name servers answer: whatever it is, a search ends, asks for names only, and finds no more than it may, in order, by one transport
// that can be sent by.
//
// Input: what the URI says (bits 0-1: transport, 2: sips, 3: a port), the transports that can be sent by (bits 1-3), then answers: what came
// (0: an answer), its length in two octets, its octets. Questions that are left over hear nothing.

#include "../unit/guard.h"
#include "fuzz.h"
#include "targets/search.h"

#include <string.h>

enum {
	QUESTIONS_MAX = 4 + 2 * RESOLVED_MAX,
};

static struct span next_answer(struct span *input, enum search_news *news)
{
	static struct guard room;
	struct span answer = {0};

	*news = SEARCH_NOTHING;
	if (input->length < 3)
		return answer;
	*news = input->octets[0] % 3;
	answer.length = (size_t)(input->octets[1] << 8 | input->octets[2]);
	if (answer.length > input->length - 3)
		answer.length = input->length - 3;
	if (room.map == NULL)
		room = guard_new(UINT16_MAX);
	answer.octets = memcpy(guard_end(&room, answer.length), input->octets + 3, answer.length);
	input->octets += 3 + answer.length;
	input->length -= 3 + answer.length;
	return answer;
}

static void question_check(const struct search_question *question)
{
	size_t length = strnlen(question->name, sizeof(question->name));

	CHECK(length > 0 && length <= DNS_NAME_MAX);
	for (size_t i = 0; i < length; i++)
		CHECK((unsigned char)question->name[i] > ' ' && question->name[i] != '\\'
			&& (unsigned char)question->name[i] < 127);
}

static bool is_before(const struct resolved *a, const struct resolved *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->weight != b->weight ? a->weight > b->weight
				      : memcmp(&a->endpoint, &b->endpoint, sizeof(a->endpoint)) < 0;
}

static void result_check(struct search *search, unsigned transports, bool secure)
{
	const struct resolved *targets;
	unsigned count;
	uint32_t ttl_s;
	int status = search_result(search, &targets, &count, &ttl_s);

	CHECK((status == 0) == (count > 0) && count <= RESOLVED_MAX && ttl_s <= INT32_MAX);
	for (unsigned i = 0; i < count; i++) {
		CHECK(targets[i].transport == targets[0].transport);
		CHECK(transports & transport_bit(targets[i].transport));
		CHECK(!secure || targets[i].transport == TRANSPORT_TLS);
		CHECK(targets[i].endpoint.family != ENDPOINT_NONE && targets[i].endpoint.port != 0);
		CHECK(i == 0 || is_before(&targets[i - 1], &targets[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);
	struct search_question question;
	struct search *search;
	unsigned asked = 0;

	if (size < 2)
		return 0;
	const struct destination destination = {.host = SPAN("x.test"),
		.transport = data[0] & 3,
		.secure = data[0] & 4,
		.port = data[0] & 8 ? 5070 : 0};
	unsigned transports = data[1] & 0xe;
	input.octets += 2;
	input.length -= 2;
	if (search_new(&destination, transports, &search) != 0)
		return 0;
	while (search_ask(search, &question)) {
		enum search_news news;
		struct span answer = next_answer(&input, &news);

		CHECK(++asked <= QUESTIONS_MAX && !search_is_over(search));
		question_check(&question);
		search_hear(search, question.number, news, answer);
	}
	CHECK(search_is_over(search));
	result_check(search, transports, destination.secure);
	search_free(search);
	return 0;
}
