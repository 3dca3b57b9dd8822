// The record codec: what goes in comes out, and anything else is refused.

#include <weir/record.h>
#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct flow_record record_of(uint16_t rows)
{
	struct flow_record record = {
		.id = {.edge = 3, .slot = 81244, .generation = 1700000000},
		.state = FLOW_LIVE,
		.listener = 2,
		.transport = TRANSPORT_UDP,
		.flags = FLOW_KEEPALIVE_SHOWN,
		.row_count = rows,
		.peer = {.address = {203, 0, 113, 77}, .port = 31022, .family = ENDPOINT_V4},
	};

	for (unsigned i = 0; i < rows; i++)
		record.rows[i] = (struct row){.uak = i + 1,
			.aor = 2,
			.instance = 3,
			.contact = 4 + i,
			.committed_at_ms = 1700000000123,
			.expires_at_s = 1700003600,
			.reg_id = 2,
			.superseded = i % 2};
	return record;
}

static void assert_rows_equal(const struct flow_record *a, const struct flow_record *b)
{
	for (unsigned i = 0; i < a->row_count; i++) {
		cr_assert(eq(u64, a->rows[i].uak, b->rows[i].uak));
		cr_assert(eq(u64, a->rows[i].contact, b->rows[i].contact));
		cr_assert(eq(u64, a->rows[i].committed_at_ms, b->rows[i].committed_at_ms));
		cr_assert(eq(u32, a->rows[i].expires_at_s, b->rows[i].expires_at_s));
		cr_assert(eq(int, a->rows[i].superseded, b->rows[i].superseded));
	}
}

Test(record, comes_back_as_it_was_stored)
{
	for (uint16_t rows = 0; rows <= FLOW_ROWS_MAX; rows++) {
		uint8_t octets[FLOW_RECORD_OCTETS_MAX];
		struct flow_record record = record_of(rows);
		struct flow_record back;
		size_t length = flow_record_encode(&record, octets);

		cr_assert(flow_record_decode(span_of(octets, length), &back));
		cr_assert(flow_id_equal(record.id, back.id));
		cr_assert(endpoint_equal(&record.peer, &back.peer));
		cr_assert(eq(int, back.row_count, rows));
		assert_rows_equal(&record, &back);
	}
}

Test(record, is_refused_with_any_bit_flipped)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record = record_of(2);
	struct flow_record back;
	size_t length = flow_record_encode(&record, octets);

	for (size_t bit = 0; bit < length * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert(not(flow_record_decode(span_of(octets, length), &back)), "bit %zu", bit);
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(record, is_refused_at_every_other_length)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX + 1] = {0};
	struct flow_record record = record_of(3);
	struct flow_record back;
	size_t length = flow_record_encode(&record, octets);

	for (size_t other = 0; other <= sizeof(octets); other++)
		if (other != length)
			cr_assert(not(flow_record_decode(span_of(octets, other), &back)), "%zu",
				other);
}

Test(record, refuses_rows_on_a_flow_that_is_gone)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record = record_of(1);
	struct flow_record back;

	record.state = FLOW_GONE;
	cr_assert(not(
		flow_record_decode(span_of(octets, flow_record_encode(&record, octets)), &back)));
	record.row_count = 0;
	record.peer = (struct endpoint){0};
	cr_assert(flow_record_decode(span_of(octets, flow_record_encode(&record, octets)), &back));
	cr_assert(eq(int, back.state, FLOW_GONE));
}
