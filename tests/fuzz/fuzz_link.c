// fuzz_link.c: what must hold of all that one process reads of the other's, whatever the octets are.
//
// The first octet says what the rest is: an encoded flow record, the memory of a ring, or records of a directory.

#include "directory.h"
#include "fuzz.h"

#include <weir/record.h>
#include <weir/ring.h>

#include <errno.h>

enum {
	RING_OCTETS = 4096,
	RECORDS_MAX = RING_OCTETS / 8 + 1,
};

// --- A flow record ---

// The checksum of record.c, so that the fuzzer comes past it.
static void checksum_write(uint8_t *octets, size_t length)
{
	uint64_t hash = 14695981039346656037u ^ length;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ octets[i]) * 1099511628211u;
	for (unsigned i = 0; i < 8; i++)
		octets[length + i] = (uint8_t)(hash >> (8 * i));
}

static void record_check(struct span octets)
{
	uint8_t again[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record;

	if (!flow_record_decode(octets, &record))
		return;
	CHECK(record.id.edge != 0 && record.row_count <= FLOW_ROWS_MAX);
	CHECK(record.state <= FLOW_LIVE && (record.state != FLOW_GONE || record.row_count == 0));
	for (unsigned i = 0; i < record.row_count; i++)
		CHECK(record.rows[i].uak != 0);
	size_t length = flow_record_encode(&record, again);

	CHECK(span_equal(span_of(again, length), octets));
}

static void record_run(struct span octets)
{
	uint8_t summed[FLOW_RECORD_OCTETS_MAX];

	record_check(octets);
	if (octets.length > sizeof(summed) - 8)
		return;
	if (octets.length > 0)
		memcpy(summed, octets.octets, octets.length);
	checksum_write(summed, octets.length);
	record_check(span_of(summed, octets.length + 8));
}

// --- A ring ---

static _Alignas(64) uint8_t memory[RING_DATA_OFFSET + RING_OCTETS];

// The other side's word and the data, as it may have left them.
static void ring_spoil(struct span octets, uint64_t *word)
{
	memset(memory, 0, sizeof(memory));
	*word = 0;
	if (octets.length >= 8)
		memcpy(word, octets.octets, 8);
	for (size_t i = 8; i < octets.length && i < 8 + RING_OCTETS; i++)
		memory[RING_DATA_OFFSET + i - 8] = octets.octets[i];
}

static void ring_read_all(struct ring *ring)
{
	uint8_t out[RING_OCTETS];
	struct record_header header;

	for (unsigned i = 0; i <= RECORDS_MAX; i++) {
		uint64_t before = ring->position;
		int64_t looked = ring_peek_payload(ring, out, 16);
		if (looked < 0) {
			CHECK(looked == -EAGAIN || looked == -EBADMSG);
			return;
		}
		int64_t length = ring_read(ring, &header, out, sizeof(out));
		CHECK(length >= 0);
		CHECK(header.type != 0 && length == header.length);
		CHECK((size_t)length <= ring_payload_max(ring));
		CHECK(looked == (length < 16 ? length : 16));
		CHECK(ring->position > before && ring->position - before <= 2 * RING_OCTETS);
	}
	CHECK(!"a ring gave more records than it holds");
}

static void ring_run(struct span octets)
{
	struct ring ring;
	uint64_t word;

	ring_spoil(octets, &word);
	ring_attach(&ring, memory, RING_OCTETS);
	ring.position = word >> 8 & ~(uint64_t)7;
	atomic_store(&ring.shared->head, ring.position + (word & 0xff) * 64);
	ring_read_all(&ring);

	ring_spoil(octets, &word);
	ring_attach(&ring, memory, RING_OCTETS);
	atomic_store(&ring.shared->tail, word);
	for (unsigned i = 0; i < 16; i++) {
		int status = ring_write(&ring, 1, 0, span_of(octets.octets, octets.length % 700),
			span_of(octets.octets, octets.length % 300));
		CHECK(status == 0 || status == -EAGAIN);
		CHECK(ring_free_share(&ring) <= 256);
	}
}

// --- A directory ---

static size_t record_length(uint16_t type)
{
	static const size_t LENGTHS[] = {sizeof(struct link_settings), sizeof(struct link_name),
		sizeof(struct link_peer), sizeof(struct link_peer_listener),
		sizeof(struct link_target), sizeof(struct link_prefix),
		sizeof(struct link_directory_listener)};

	return LENGTHS[type - LINK_SETTINGS];
}

// One octet of type, then as much of the record as there is; the rest is zero.
static size_t directory_feed(struct directory_builder *builder, struct span octets)
{
	uint8_t record[sizeof(struct link_directory_listener)] = {0};
	uint16_t type = (uint16_t)(LINK_SETTINGS + octets.octets[0] % 7);
	size_t length = record_length(type);
	size_t rest = octets.length - 1 < length ? octets.length - 1 : length;

	if (rest > 0)
		memcpy(record, octets.octets + 1, rest);
	int status = directory_builder_add(builder, type, span_of(record, length));

	CHECK(status == 0 || status == -EINVAL || status == -ENOSPC || status == -ENOMEM);
	CHECK(directory_builder_add(builder, type, span_of(record, length - 1)) == -EINVAL);
	return 1 + rest;
}

// What goes into headers ends no line and no value.
static void written_check(struct span written)
{
	CHECK(written.length > 0);
	for (size_t i = 0; i < written.length; i++)
		CHECK(written.octets[i] > ' ' && written.octets[i] < 0x7f
			&& written.octets[i] != ';' && written.octets[i] != '>'
			&& written.octets[i] != ',');
}

static void listeners_check(const struct directory *directory)
{
	for (unsigned id = 0; id < 256; id++) {
		const struct directory_listener *listener =
			directory_listener(directory, (uint8_t)id);
		if (listener == NULL)
			continue;
		CHECK(listener->listener.id == id);
		written_check(listener->written);
		written_check(listener->sent_by);
		CHECK(directory_is_listener(directory, &listener->listener.address));
		// One of an address that moves is nobody's first.
		CHECK(listener->owner != 0
			|| directory_side_listener(directory, (enum side)listener->listener.side,
				   (enum transport)listener->listener.transport,
				   listener->listener.address.family)
				!= NULL);
	}
}

static void directory_check(const struct directory *directory, struct span octets)
{
	struct span host = span_of(octets.octets, octets.length < 40 ? octets.length : 40);
	const struct link_target *target = directory_pick_target(directory, octets.length);
	struct directory_via via = {0};

	CHECK(directory_settings(directory)->edge != 0);
	CHECK(target == NULL
		|| (target->balanced && directory_is_target(directory, &target->endpoint)));
	if (target != NULL)
		CHECK(directory_find_target(directory, span_of(target->host, target->host_length),
			      target->port, 5060)
			!= NULL);
	CHECK(!directory_find_sent_by(directory, host, 0, &via) || via.edge != 0);
	(void)!directory_is_own(directory, host, 5060, 5060);
	listeners_check(directory);
	for (unsigned edge = 0; edge < 256; edge++) {
		const struct directory_peer *peer = directory_peer(directory, (uint8_t)edge);
		CHECK(peer == NULL || (peer->edge == edge && edge != 0));
		CHECK(peer == NULL || directory_is_peer_relay(directory, &peer->relay));
	}
}

static void directory_run(struct span octets)
{
	static const struct link_settings SETTINGS = {.edge = 1};
	struct directory_builder *builder = directory_builder_new();
	struct span rest = octets;

	while (builder != NULL && rest.length > 0) {
		size_t taken = directory_feed(builder, rest);
		rest = span_of(rest.octets + taken, rest.length - taken);
	}
	if (builder == NULL)
		return;
	(void)!directory_builder_add(builder, LINK_SETTINGS, span_of(&SETTINGS, sizeof(SETTINGS)));
	struct directory *directory = directory_builder_finish(builder);

	CHECK(directory != NULL);
	directory_check(directory, octets);
	directory_free(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static void (*const RUNS[])(struct span octets) = {record_run, ring_run, directory_run};

	if (length > 0)
		RUNS[octets[0] % 3](span_of(octets + 1, length - 1));
	return 0;
}
