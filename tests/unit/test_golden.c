// Messages in, messages out, octet for octet. The files and their words: golden.h.

#include "golden_player.h"

#include <criterion/criterion.h>

static void end_nothing(struct lab *lab, struct packet *packet, bool leaves)
{
	(void)lab;
	(void)packet;
	(void)leaves;
}

static const struct golden_way memory = {golden_bring_in_memory, end_nothing};

#define GOLDEN_TEST(name) \
	Test(golden, name) \
	{ \
		golden_play(GOLDEN, #name, &memory); \
	}

GOLDEN_TEST(initial_requests_get_their_record_routes)
GOLDEN_TEST(mid_dialog_requests_follow_their_tokens)
GOLDEN_TEST(relays_between_edges)
GOLDEN_TEST(requests_without_a_token_find_the_contact)
GOLDEN_TEST(lost_flows_wait_or_end_in_430)
GOLDEN_TEST(next_hops_and_targets)
GOLDEN_TEST(registrations)
GOLDEN_TEST(responses)
GOLDEN_TEST(refusals)
GOLDEN_TEST(stripped_and_moved)
GOLDEN_TEST(keep_alives_that_are_offered)
GOLDEN_TEST(what_is_passed_is_not_touched)
GOLDEN_TEST(ipv6)
GOLDEN_TEST(streams)
GOLDEN_TEST(stream_targets)
GOLDEN_TEST(addresses_that_move)
