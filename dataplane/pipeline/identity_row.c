#include "identity_row.h"

#include "rule.h"

// The rows of one flow that count, seen from one AOR (0: all of them).
struct rows_seen {
	const struct row *newest;
	uint64_t lowest_uak;
	bool one_instance;
};

static void rows_see(const struct flow *flow, uint64_t aor, uint32_t now_s, struct rows_seen *seen)
{
	*seen = (struct rows_seen){.one_instance = true};
	for (const struct flow_row *at = __atomic_load_n(&flow->rows, __ATOMIC_ACQUIRE); at != NULL;
		at = __atomic_load_n(&at->next, __ATOMIC_ACQUIRE)) {
		const struct row *row = &at->row;

		if (!row_is_current(row, now_s) || (aor != 0 && row->aor != aor))
			continue;
		if (seen->newest == NULL) {
			seen->newest = row;
			seen->lowest_uak = row->uak;
			continue;
		}
		seen->one_instance &= row->instance == seen->newest->instance;
		if (row->uak < seen->lowest_uak)
			seen->lowest_uak = row->uak;
		if (row_committed_at_ms(row) > row_committed_at_ms(seen->newest)
			|| (row_committed_at_ms(row) == row_committed_at_ms(seen->newest)
				&& row->uak < seen->newest->uak))
			seen->newest = row;
	}
}

static uint64_t aor_hash(const struct request *request, struct slice text)
{
	struct uri uri;

	if (!uri_parse(request->message->octets, text, &uri))
		return 0;
	return identity_hash_aor(request->world->hashes, request->message->octets, &uri);
}

static uint64_t preferred_aor(const struct request *request)
{
	struct value_cursor cursor;
	struct name_address address;

	value_begin(&cursor, request->message, HEADER_P_PREFERRED_IDENTITY);
	if (!value_next(&cursor)
		|| !name_address_parse(request->message->octets, cursor.value, &address))
		return 0;
	return aor_hash(request, address.uri);
}

// One AOR on two devices behind one address names neither of them.
static bool uak_of_aor(const struct request *request, uint64_t aor, uint64_t *uak)
{
	struct rows_seen seen;

	if (aor == 0)
		return false;
	rows_see(request->source, aor, request->world->now_s, &seen);
	if (seen.newest == NULL)
		return false;
	*uak = seen.one_instance ? seen.newest->uak : 0;
	return true;
}

static bool source_is_shared(const struct request *request)
{
	return request->source->transport != TRANSPORT_UDP
		|| (request->source->flags & FLOW_SHARED) != 0
		|| directory_prefix_listed(request->world->directory, LINK_PREFIX_SHARED_FLOWS, 0,
			&request->packet->peer);
}

static bool source_is_forced(const struct request *request)
{
	return directory_prefix_listed(
		request->world->directory, LINK_PREFIX_FORCE_TOKEN, 0, &request->packet->peer);
}

enum note identity_row_find(const struct request *request, uint64_t *uak)
{
	struct rows_seen seen;

	*uak = 0;
	if (request->source == NULL)
		return NOTE_UNREGISTERED;
	rows_see(request->source, 0, request->world->now_s, &seen);
	if (seen.newest == NULL && request->source->transport == TRANSPORT_UDP)
		return source_is_forced(request) ? NOTE_NONE : NOTE_UNREGISTERED;
	if (uak_of_aor(request, aor_hash(request, request->message->from_uri), uak)
		|| uak_of_aor(request, preferred_aor(request), uak))
		return NOTE_NONE;
	if (source_is_shared(request)) {
		*uak = seen.one_instance ? seen.lowest_uak : 0;
		return NOTE_NONE;
	}
	return source_is_forced(request) ? NOTE_NONE : NOTE_FOREIGN_FROM;
}
