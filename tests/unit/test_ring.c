// The ring between the processes: order, limits, sleep, and a peer that writes what it should not.

#include <weir/ring.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum {
	SIZE = 4096,
};

static struct ring producer;
static struct ring consumer;
static uint8_t *memory;

static void setup(void)
{
	memory = aligned_alloc(64, RING_DATA_OFFSET + SIZE);
	memset(memory, 0, RING_DATA_OFFSET + SIZE);
	ring_attach(&producer, memory, SIZE);
	ring_attach(&consumer, memory, SIZE);
}

static void teardown(void)
{
	free(memory);
}

static int put(uint16_t type, size_t length)
{
	static const uint8_t octets[SIZE];

	return ring_write(&producer, type, 0, span_of(octets, length / 2),
		span_of(octets, length - length / 2));
}

static int64_t get(uint16_t *type)
{
	uint8_t out[SIZE];
	struct record_header header;
	int64_t length = ring_read(&consumer, &header, out, sizeof(out));

	*type = header.type;
	return length;
}

Test(ring, gives_back_records_in_order_whatever_their_lengths, .init = setup, .fini = teardown)
{
	uint16_t type;

	for (unsigned round = 0; round < 5000; round++) {
		size_t first = round % 1025, second = round * 7 % 1000;
		cr_assert(eq(int, put(1, first), 0));
		cr_assert(eq(int, put(2, second), 0));
		cr_assert(eq(i64, get(&type), (int64_t)first));
		cr_assert(eq(int, type, 1));
		cr_assert(eq(i64, get(&type), (int64_t)second));
		cr_assert(eq(int, type, 2));
	}
	cr_assert(eq(i64, get(&type), -EAGAIN));
}

Test(ring, refuses_what_does_not_fit_and_takes_it_when_there_is_room, .init = setup,
	.fini = teardown)
{
	uint16_t type;

	cr_assert(eq(int, put(1, SIZE / 4 + 1), -EMSGSIZE));
	while (put(1, 100) == 0)
		;
	cr_assert(eq(int, put(1, 100), -EAGAIN));
	cr_assert(lt(uint, ring_free_share(&producer), 16));
	cr_assert(eq(i64, get(&type), 100));
	cr_assert(eq(int, put(1, 100), 0));
}

Test(ring, leaves_a_record_in_place_that_is_only_looked_at, .init = setup, .fini = teardown)
{
	uint8_t out[8];
	struct record_header header;
	uint16_t type;

	cr_assert(eq(int, ring_peek(&consumer, &header), 0));
	cr_assert(eq(int, put(7, 100), 0));
	cr_assert(eq(int, ring_peek(&consumer, &header), 1));
	cr_assert(eq(i64, ring_peek_payload(&consumer, out, sizeof(out)), 8));
	cr_assert(eq(i64, ring_read(&consumer, &header, out, sizeof(out)), -EMSGSIZE));
	cr_assert(eq(i64, get(&type), 100));
	cr_assert(eq(int, type, 7));
}

Test(ring, wipes_a_secret_when_it_is_taken, .init = setup, .fini = teardown)
{
	static const uint8_t zeros[32];
	struct record_header header;
	uint8_t out[32];

	cr_assert(eq(int,
		ring_write(&producer, 1, 0, SPAN("0123456789abcdef"), SPAN("0123456789abcdef")),
		0));
	cr_assert(eq(int,
		ring_write(&producer, 2, RING_SECRET, SPAN("0123456789abcdef"),
			SPAN("0123456789abcdef")),
		0));
	const uint8_t *first = memory + RING_DATA_OFFSET + sizeof(header);
	const uint8_t *second = first + sizeof(out) + sizeof(header);

	cr_assert(eq(i64, ring_read(&consumer, &header, out, sizeof(out)), 32));
	cr_assert(eq(int, memcmp(first, out, sizeof(out)), 0));
	cr_assert(eq(i64, ring_read(&consumer, &header, out, sizeof(out)), 32));
	cr_assert(eq(int, memcmp(out, "0123456789abcdef0123456789abcdef", sizeof(out)), 0));
	cr_assert(eq(int, memcmp(second, zeros, sizeof(zeros)), 0));
}

Test(ring, asks_for_a_signal_only_when_the_consumer_sleeps, .init = setup, .fini = teardown)
{
	cr_assert(not(ring_needs_signal(&producer)));
	cr_assert(ring_sleep(&consumer));
	cr_assert(eq(int, put(1, 1), 0));
	cr_assert(ring_needs_signal(&producer));
	cr_assert(not(ring_needs_signal(&producer)));
	cr_assert(not(ring_sleep(&consumer)));
}

Test(ring, survives_a_producer_that_writes_anything, .init = setup, .fini = teardown)
{
	uint8_t out[SIZE];
	struct record_header header;

	srand(1);
	for (unsigned round = 0; round < 200000; round++) {
		for (unsigned i = 0; i < 8; i++)
			memory[RING_DATA_OFFSET + rand() % SIZE] = (uint8_t)rand();
		atomic_store(&consumer.shared->head,
			(uint64_t)rand() % 3 == 0
				? (uint64_t)rand()
				: consumer.position + (uint64_t)(rand() % (2 * SIZE)));
		int64_t length = ring_read(&consumer, &header, out, sizeof(out));
		cr_assert(le(i64, length, SIZE / 4));
	}
}

Test(ring, survives_a_consumer_that_claims_anything, .init = setup, .fini = teardown)
{
	srand(2);
	for (unsigned round = 0; round < 200000; round++) {
		atomic_store(&producer.shared->tail, (uint64_t)rand() * (uint64_t)rand());
		int status = put(1, (size_t)(rand() % 1024));
		cr_assert(status == 0 || status == -EAGAIN);
	}
}

enum {
	RECORDS = 1000000,
};

static const uint8_t PADDING[60];

static void *produce(void *unused)
{
	for (uint32_t i = 0; i < RECORDS;)
		if (ring_write(&producer, 1, 0, span_of(&i, sizeof(i)), span_of(PADDING, i % 60))
			== 0)
			i++;
		else
			sched_yield();
	return NULL;
}

Test(ring, loses_and_reorders_nothing_between_two_threads, .init = setup, .fini = teardown)
{
	uint8_t out[SIZE];
	struct record_header header;
	pthread_t thread;

	cr_assert(eq(int, pthread_create(&thread, NULL, produce, NULL), 0));
	for (uint32_t i = 0; i < RECORDS;) {
		uint32_t number;
		int64_t length = ring_read(&consumer, &header, out, sizeof(out));
		if (length == -EAGAIN) {
			sched_yield();
			continue;
		}
		memcpy(&number, out, sizeof(number));
		cr_expect(length == 4 + i % 60 && number == i, "record %u", i);
		i++;
	}
	pthread_join(thread, NULL);
}
