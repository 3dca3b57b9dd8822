#include "bye.h"
#include "rows.h"

#include <weir/identity.h>

#include <errno.h>
#include <stdlib.h>

struct parsed {
	struct hash_keys keys;
	struct message message;
};

void *message_setup(void)
{
	static const uint8_t secret[INDEX_SECRET_OCTETS] = {1};
	struct parsed *parsed = calloc(1, sizeof(*parsed));

	if (parsed == NULL)
		return NULL;
	errno = EBADMSG;
	if (hash_keys_derive(&parsed->keys, secret, SPAN("edge.example.net")) == 0
		&& message_parse(&parsed->message, bye, BYE_OCTETS) == MESSAGE_OK
		&& parsed->message.length == BYE_OCTETS)
		return parsed;
	free(parsed);
	return NULL;
}

void message_teardown(void *state)
{
	free(state);
}

void parse_run(void *state, uint64_t rounds)
{
	struct parsed *parsed = state;

	for (; rounds > 0; rounds--)
		measure_keep(message_parse(&parsed->message, bye, BYE_OCTETS));
}

// What a mid-dialog request needs: bind of the From-tag, our branch, and the proof in our Via.
void hashes_run(void *state, uint64_t rounds)
{
	const struct parsed *parsed = state;
	const struct message *message = &parsed->message;
	uint8_t branch[BRANCH_HASH_OCTETS];
	uint8_t proof[RETURN_HASH_OCTETS];

	for (; rounds > 0; rounds--) {
		measure_keep(
			identity_hash_bind(&parsed->keys, message_span(message, message->call_id),
				message_span(message, message->from_tag)));
		identity_hash_branch(&parsed->keys, message, &message->via, branch);
		identity_hash_return(
			&parsed->keys, 0, 1, 2, 3, branch, SPAN("192.0.2.1"), 5060, proof);
		measure_keep(proof[0]);
	}
}
