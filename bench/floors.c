#include "bye.h"
#include "rows.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	MULTIPLIES = 16, // in one round
	MULTIPLY_CYCLES = 3, // 64-bit multiply on every x86-64 of the last ten years
	CELLS = 64,
};

void *stateless_setup(void)
{
	static char nothing;

	return &nothing;
}

void stateless_teardown(void *state)
{
}

// Each multiplication waits for the one before it: their time is the core's clock, whatever frequency it runs at.
static void clock_run(void *state, uint64_t rounds)
{
	uint64_t x = 3;

	for (; rounds > 0; rounds--)
		for (unsigned i = 0; i < MULTIPLIES; i++)
			__asm__ volatile("imulq %0, %0" : "+r"(x));
	measure_keep(x);
}

static void *aes_setup(void)
{
	static const uint8_t key[16] = {1};
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context != NULL && EVP_EncryptInit_ex2(context, EVP_aes_128_ecb(), key, NULL, NULL) == 1
		&& EVP_CIPHER_CTX_set_padding(context, 0) == 1)
		return context;
	EVP_CIPHER_CTX_free(context);
	errno = ENOMEM;
	return NULL;
}

static void aes_run(void *state, uint64_t rounds)
{
	uint8_t blocks[FLOOR_AES_BLOCKS][16] = {{0}};
	int written = 0;

	for (; rounds > 0; rounds--)
		if (EVP_EncryptUpdate(state, blocks[0], &written, blocks[0], sizeof(blocks)) != 1)
			abort();
	measure_keep(blocks[0][0]);
}

static void aes_teardown(void *state)
{
	EVP_CIPHER_CTX_free(state);
}

static void move_run(void *state, uint64_t rounds)
{
	static uint8_t from[MOVE_OCTETS];
	static uint8_t to[MOVE_OCTETS];

	for (; rounds > 0; rounds--) {
		memmove(to, from, sizeof(to));
		measure_keep((uintptr_t)to);
	}
}

// One cell into a ring between two threads and out of it again, by one thread: what the orders cost, without the caches' way
// from core to core.
static void cells_run(void *state, uint64_t rounds)
{
	static _Alignas(64) _Atomic uint64_t head;
	static _Alignas(64) _Atomic uint64_t tail;
	static uint64_t cells[CELLS];

	for (; rounds > 0; rounds--) {
		uint64_t at = atomic_load_explicit(&head, memory_order_relaxed);

		if (at - atomic_load_explicit(&tail, memory_order_acquire) < CELLS) {
			cells[at % CELLS] = rounds;
			atomic_store_explicit(&head, at + 1, memory_order_release);
		}
		at = atomic_load_explicit(&tail, memory_order_relaxed);
		if (at != atomic_load_explicit(&head, memory_order_acquire)) {
			measure_keep(cells[at % CELLS]);
			atomic_store_explicit(&tail, at + 1, memory_order_release);
		}
	}
}

// clang-format off
const struct bench_row floors[FLOOR_COUNT] = {
	[FLOOR_CLOCK] = {"clock: dependent multiplies", "cycle", FLOOR_NONE, MULTIPLIES * MULTIPLY_CYCLES, stateless_setup, clock_run, stateless_teardown},
	[FLOOR_SCAN] = {"line scan, AVX2, of a BYE of 430 octets", "message", FLOOR_CLOCK, 1, scan_setup, scan_run, stateless_teardown},
	[FLOOR_AES] = {"AES-128 block, bursts of 32", "block", FLOOR_CLOCK, FLOOR_AES_BLOCKS, aes_setup, aes_run, aes_teardown},
	[FLOOR_LOAD] = {"random load, batches of 32", "load", FLOOR_CLOCK, LOADS_BATCH, loads_setup, loads_run, loads_teardown},
	[FLOOR_DEPENDENT_LOAD] = {"random load, dependent", "load", FLOOR_CLOCK, LOADS_BATCH, loads_setup, loads_dependent_run, loads_teardown},
	[FLOOR_MOVE] = {"memmove of 512 octets in L1", "move", FLOOR_CLOCK, 1, stateless_setup, move_run, stateless_teardown},
	[FLOOR_RING] = {"ring of cells, one in and out, one thread", "cell", FLOOR_CLOCK, 1, stateless_setup, cells_run, stateless_teardown},
};
// clang-format on
