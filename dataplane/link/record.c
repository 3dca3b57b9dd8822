#include <weir/link.h>
#include <weir/record.h>
#include <weir/side.h>

enum {
	THREAD_SHIFT = 4,
	FLAGS_MASK = (1 << THREAD_SHIFT) - 1,
};

uint64_t record_checksum(struct span octets)
{
	uint64_t hash = 14695981039346656037u ^ octets.length;

	for (size_t i = 0; i < octets.length; i++)
		hash = (hash ^ octets.octets[i]) * 1099511628211u;
	return hash;
}

static uint8_t *number_write(uint8_t *at, uint64_t number, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		at[i] = (uint8_t)(number >> (8 * i));
	return at + octets;
}

static uint64_t number_read(const uint8_t **at, unsigned octets)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < octets; i++)
		number |= (uint64_t)(*at)[i] << (8 * i);
	*at += octets;
	return number;
}

static uint8_t *row_write(uint8_t *at, const struct row *row)
{
	at = number_write(at, row->uak, 8);
	at = number_write(at, row->aor, 8);
	at = number_write(at, row->instance, 8);
	at = number_write(at, row->contact, 8);
	at = number_write(at, row->committed_at_ms, 8);
	at = number_write(at, row->expires_at_s, 4);
	at = number_write(at, row->reg_id, 4);
	return number_write(at, row->superseded, 1);
}

static bool row_read(const uint8_t **at, struct row *row)
{
	row->uak = number_read(at, 8);
	row->aor = number_read(at, 8);
	row->instance = number_read(at, 8);
	row->contact = number_read(at, 8);
	row->committed_at_ms = number_read(at, 8);
	row->expires_at_s = (uint32_t)number_read(at, 4);
	row->reg_id = (uint32_t)number_read(at, 4);
	uint64_t superseded = number_read(at, 1);
	row->superseded = superseded == 1;
	return row->uak != 0 && row->aor != 0 && row->contact != 0 && row->reg_id <= INT32_MAX
		&& superseded <= 1;
}

size_t flow_record_encode(const struct flow_record *record, uint8_t *out)
{
	uint8_t *at = out;

	at = number_write(at, record->id.edge, 1);
	at = number_write(at, record->state, 1);
	at = number_write(at, record->listener, 1);
	at = number_write(at, record->transport, 1);
	at = number_write(at, record->flags | (uint64_t)record->thread << THREAD_SHIFT, 1);
	at = number_write(at, record->peer.family, 1);
	at = number_write(at, record->peer.port, 2);
	at = number_write(at, record->id.slot, 4);
	at = number_write(at, record->id.generation, 4);
	at = number_write(at, record->row_count, 4);
	memcpy(at, record->peer.address, sizeof(record->peer.address));
	at += sizeof(record->peer.address);
	for (unsigned i = 0; i < record->row_count; i++)
		at = row_write(at, &record->rows[i]);
	at = number_write(at, record_checksum(span_of(out, (size_t)(at - out))), 8);
	return (size_t)(at - out);
}

// One endpoint has one spelling: they are compared as octets.
static bool peer_is_valid(const struct flow_record *record)
{
	static const uint8_t ZERO[16];

	switch (record->peer.family) {
	case ENDPOINT_V4:
		return memcmp(record->peer.address + 4, ZERO, 12) == 0;
	case ENDPOINT_V6:
		return true;
	default:
		return record->peer.family == ENDPOINT_NONE && record->state == FLOW_GONE;
	}
}

static bool head_read(const uint8_t **at, struct flow_record *record)
{
	record->id.edge = (uint8_t)number_read(at, 1);
	record->state = (uint8_t)number_read(at, 1);
	record->listener = (uint8_t)number_read(at, 1);
	record->transport = (uint8_t)number_read(at, 1);
	record->flags = (uint8_t)number_read(at, 1);
	record->thread = record->flags >> THREAD_SHIFT;
	record->flags &= FLAGS_MASK;
	record->peer.family = (uint8_t)number_read(at, 1);
	record->peer.port = (uint16_t)number_read(at, 2);
	record->id.slot = (uint32_t)number_read(at, 4);
	record->id.generation = (uint32_t)number_read(at, 4);
	uint64_t rows = number_read(at, 4);
	record->row_count = (uint16_t)rows;
	memcpy(record->peer.address, *at, sizeof(record->peer.address));
	*at += sizeof(record->peer.address);
	return record->id.edge != 0 && record->state <= FLOW_LIVE
		&& record->listener < LISTENERS_MAX && record->transport >= TRANSPORT_UDP
		&& record->transport <= TRANSPORT_WSS
		&& record->flags <= (FLOW_KEEPALIVE_SHOWN | FLOW_SHARED)
		&& record->thread < LINK_STREAMS_MAX && peer_is_valid(record)
		&& rows <= FLOW_ROWS_MAX && (record->state != FLOW_GONE || rows == 0);
}

bool flow_record_decode(struct span octets, struct flow_record *record)
{
	const uint8_t *at = octets.octets;
	struct flow_record read = {0};

	if (octets.length < FLOW_RECORD_HEAD_OCTETS + 8 || octets.length > FLOW_RECORD_OCTETS_MAX)
		return false;
	const uint8_t *sum = octets.octets + octets.length - 8;
	if (number_read(&sum, 8) != record_checksum(span_of(octets.octets, octets.length - 8)))
		return false;
	if (!head_read(&at, &read)
		|| octets.length
			!= FLOW_RECORD_HEAD_OCTETS + (size_t)read.row_count * ROW_OCTETS + 8)
		return false;
	for (unsigned i = 0; i < read.row_count; i++)
		if (!row_read(&at, &read.rows[i]))
			return false;
	*record = read;
	return true;
}
