// soak_messages.c: a dataplane that is never given rest, and must not grow.
//
//     soak_messages [COUNT] SAMPLES   messages; default 300000; SAMPLES: a folder of messages
//
// At the end of each of twenty stretches everything has been answered, and then: no packet is out, the table holds the flows and rows
// that the book does, slots come back, every message had one verdict, and the process has no more memory than after the first stretches.

#include "traffic.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	COUNT = 300000,
	STRETCHES = 20,
	WARM = 4, // stretches after which all that is ever allocated has been
	BURST = 512,
	HEAP_SPARE = 1 << 20, // REGISTERs that wait come and go
	RESIDENT_SPARE = 4 << 20, // the rings are touched one page after the other
};

struct memory {
	uint64_t heap; // in use; 0: not known
	uint64_t resident;
};

static unsigned failed;

static void judge(bool promise, const char *what, uint64_t got, uint64_t wanted)
{
	if (promise)
		return;
	printf("# %s: %" PRIu64 ", not %" PRIu64 "\n", what, got, wanted);
	failed++;
}

static struct memory memory_now(void)
{
	struct mallinfo2 heap = mallinfo2();
	unsigned long size, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu", &size, &resident) != 2)
		abort();
	fclose(file);
	return (struct memory){
		heap.uordblks + heap.hblkhd, (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE)};
}

static bool stretch_run(struct traffic *traffic, uint64_t until)
{
	while (traffic->fed < until) {
		for (unsigned i = 0; i < BURST; i++)
			traffic_feed(traffic, traffic_draw(traffic));
		if (!traffic_settle(traffic))
			return false;
	}
	fake_await_applied(&traffic->control, traffic->control.sequence);
	return true;
}

static void rest_judge(const struct traffic *traffic, const struct memory *warm, struct memory now)
{
	struct flow_usage usage;
	struct flow_book_usage book;

	flow_table_count(traffic->plane->flows, &usage);
	flow_book_count(traffic->book, &book);
	judge(usage.own_flows == book.held, "flows in the table", usage.own_flows, book.held);
	judge(usage.rows == book.rows, "rows in the table", usage.rows, book.rows);
	judge(usage.peer_flows == 0 && usage.refused == 0, "records refused", usage.refused, 0);
	// Each slot is given out again and again: one that did not come back would be missed.
	judge(book.refused[FLOW_FULL] == 0, "flows for which no slot was left",
		book.refused[FLOW_FULL], 0);
	judge(book.held + book.reserved < FLOWS_MAX / 2, "flows at one time",
		book.held + book.reserved, FLOWS_MAX / 2);
	judge(io_memory_packets_out(traffic->port) == 0, "packets that are out",
		io_memory_packets_out(traffic->port), 0);
	judge(traffic_judged(traffic) == traffic_received(traffic), "verdicts",
		traffic_judged(traffic), traffic_received(traffic));
	if (warm == NULL)
		return;
	judge(now.heap <= warm->heap + HEAP_SPARE, "heap in use", now.heap, warm->heap);
	// The sanitizers keep what was freed for a while.
	judge(SANITIZED || now.resident <= warm->resident + RESIDENT_SPARE, "memory", now.resident,
		warm->resident);
}

static void told(const struct traffic *traffic, struct memory now)
{
	struct flow_book_usage book;

	flow_book_count(traffic->book, &book);
	printf("# %12" PRIu64 " messages, %12" PRIu64
	       " sent, %4u flows, %4u other slots used, heap %" PRIu64 " KiB, memory %" PRIu64
	       " KiB\n",
		traffic->fed, traffic->answered, book.held, book.resting, now.heap >> 10,
		now.resident >> 10);
	fflush(stdout);
}

static bool soak(struct traffic *traffic, uint64_t count)
{
	struct memory warm = {0};

	for (uint64_t stretch = 1; stretch <= STRETCHES; stretch++) {
		if (!stretch_run(traffic, count / STRETCHES * stretch))
			return false;
		struct memory now = memory_now();

		rest_judge(traffic, stretch > WARM ? &warm : NULL, now);
		told(traffic, now);
		if (stretch == WARM)
			warm = now;
	}
	return true;
}

// What became of all messages; and the ways that this is about were taken.
static void verdicts_judge(const struct traffic *traffic)
{
	static const char *const words[] = {
#define WORD(NAME, word, class, text) [VERDICT_##NAME] = word,
		VERDICTS(WORD)
#undef WORD
	};
	static const enum verdict wanted[] = {VERDICT_R1_OWN, VERDICT_UPSTREAM, VERDICT_RESPONSE,
		VERDICT_REGISTER, VERDICT_REGISTERED, VERDICT_STUN_BINDING, VERDICT_OPTIONS,
		VERDICT_KEEPALIVE, VERDICT_BAD_REQUEST, VERDICT_TOKEN_FORGED};
	uint64_t counts[VERDICT_COUNT];

	printf("#");
	for (unsigned i = 0; i < VERDICT_COUNT; i++) {
		counts[i] = atomic_load(&traffic->plane->worker[0].counters.verdicts[i]);
		if (counts[i] > 0)
			printf(" %s %" PRIu64, words[i], counts[i]);
	}
	puts("");
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		judge(counts[wanted[i]] > 0, words[wanted[i]], counts[wanted[i]], 1);
}

int main(int count, char **words)
{
	static struct traffic traffic;
	uint64_t wanted = count > 2 ? strtoull(words[1], NULL, 10) : COUNT;

	if (count < 2 || wanted < STRETCHES * BURST || !traffic_open(&traffic, words[count - 1])) {
		fputs("soak_messages [COUNT] SAMPLES\n", stderr);
		return 2;
	}
	puts("1..2");
	bool ended = soak(&traffic, wanted);

	verdicts_judge(&traffic);
	printf("%sok 1 - every message is answered or refused\n", ended ? "" : "not ");
	printf("%sok 2 - memory, slots and buffers do not grow over %" PRIu64 " messages\n",
		ended && failed == 0 ? "" : "not ", traffic.fed);
	if (ended)
		traffic_close(&traffic);
	return !ended || failed > 0;
}
