#include "transaction_key.h"

enum key_class {
	KEY_SERVER,
	KEY_SERVER_2543,
	KEY_CLIENT,
};

// RFC 3261 section 8.1.1.7: such a branch is unique.
static bool branch_is_unique(struct span branch)
{
	const struct span cookie = SPAN("z9hG4bK");

	return branch.length > cookie.length
		&& span_equal_nocase(span_of(branch.octets, cookie.length), cookie);
}

static void key_begin(struct keyhash *hash, const struct hash_keys *hashes, enum key_class class)
{
	keyhash_begin_wide(hash, hashes, HASH_BRANCH);
	keyhash_field_number(hash, class, 1);
}

// Who sends no unique branch is known by everything that RFC 3261 section 17.2.3 names, but the To-tag: an ACK has one that its
// INVITE lacks, and its CSeq number tells it from that of another response.
static void fields_2543(struct keyhash *hash, const struct message *request)
{
	keyhash_field(hash, message_span(request, request->target));
	keyhash_field(hash, message_span(request, request->from_tag));
	keyhash_field(hash, message_span(request, request->call_id));
	keyhash_field_number(hash, request->cseq, sizeof(request->cseq));
	keyhash_field(hash, message_span(request, request->via.value));
}

struct transaction_key transaction_key_of_server(
	const struct hash_keys *hashes, const struct message *request, struct span method)
{
	struct span branch = message_span(request, request->via.branch);
	struct transaction_key key;
	struct keyhash hash;

	if (branch_is_unique(branch)) {
		key_begin(&hash, hashes, KEY_SERVER);
		keyhash_field(&hash, branch);
		keyhash_field_lower(&hash, message_span(request, request->via.sent_by));
	} else {
		key_begin(&hash, hashes, KEY_SERVER_2543);
		fields_2543(&hash, request);
	}
	keyhash_field(&hash, method);
	keyhash_end_wide(&hash, key.octets);
	return key;
}

struct transaction_key transaction_key_of_client(
	const struct hash_keys *hashes, const struct message *message)
{
	struct transaction_key key;
	struct keyhash hash;

	key_begin(&hash, hashes, KEY_CLIENT);
	keyhash_field(&hash, message_span(message, message->via.branch));
	keyhash_field(&hash, message_span(message, message->method_name));
	keyhash_end_wide(&hash, key.octets);
	return key;
}
