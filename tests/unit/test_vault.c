// Where secrets lie: in pages and in a heap that no core dump holds. A plain program, since libraries of the test framework use libcrypto
// before main().

#include <weir/vault.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINE = 512,
	PAGE = 4096,
};

// The flags of the mapping that an address lies in, as the kernel shows them; "": it lies in none.
static void flags_read(const void *address, char out[LINE])
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	uintptr_t at = (uintptr_t)address;
	bool inside = false;
	char line[LINE];

	out[0] = 0;
	if (maps == NULL)
		abort();
	while (fgets(line, sizeof(line), maps) != NULL) {
		uintptr_t start, end;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
			inside = at >= start && at < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			strcpy(out, line);
	}
	fclose(maps);
}

static bool has_flag(const void *address, const char *flag)
{
	char flags[LINE];

	flags_read(address, flags);
	return strstr(flags, flag) != NULL;
}

static unsigned number;
static bool failed;

static void judge(const char *sentence, bool holds)
{
	printf("%sok %u - %s\n", holds ? "" : "not ", ++number, sentence);
	failed |= !holds;
}

static bool pages_hide(void)
{
	static const uint8_t zeros[PAGE];
	uint8_t *pages = vault_map(PAGE);
	uint8_t *plain = malloc(PAGE);
	bool hidden = pages != NULL && memcmp(pages, zeros, PAGE) == 0 && has_flag(pages, " dd")
		&& has_flag(pages, " dc") && has_flag(pages, " lo");

	// What is not of the vault would be in a dump: the question can be answered with no.
	hidden = hidden && !has_flag(plain, " dd");
	if (pages != NULL)
		vault_unmap(pages, PAGE);
	free(plain);
	return hidden;
}

static void *thread_allocate(void *argument)
{
	void **out = argument;

	*out = OPENSSL_zalloc(48);
	return NULL;
}

static bool heap_hides(void)
{
	void *memory[4] = {OPENSSL_malloc(32), OPENSSL_malloc(1 << 20), EVP_CIPHER_CTX_new()};
	pthread_t thread;
	bool hidden = pthread_create(&thread, NULL, thread_allocate, &memory[3]) == 0
		&& pthread_join(thread, NULL) == 0;

	memory[0] = OPENSSL_realloc(memory[0], 1 << 16);
	for (unsigned i = 0; i < 4; i++)
		hidden = hidden && has_flag(memory[i], " dd");
	EVP_CIPHER_CTX_free(memory[2]);
	memory[2] = NULL;
	for (unsigned i = 0; i < 4; i++)
		OPENSSL_free(memory[i]);
	return hidden;
}

// Ordinary memory does not come from what libcrypto has given back, nor the other way round.
static bool heaps_are_apart(void)
{
	enum { ROUNDS = 1000 };
	void *plain[ROUNDS];
	bool apart = true;

	for (unsigned i = 0; i < ROUNDS; i++) {
		void *secret = OPENSSL_malloc(64);

		plain[i] = malloc(64);
		OPENSSL_free(secret);
	}
	for (unsigned i = 0; i < ROUNDS; i += 100)
		apart = apart && !has_flag(plain[i], " dd");
	for (unsigned i = 0; i < ROUNDS; i++)
		free(plain[i]);
	return apart;
}

int main(void)
{
	puts("1..4");
	judge("pages are zero, locked, and in no dump nor child", pages_hide());
	judge("libcrypto gets a heap of its own before it has memory", vault_open_heap(true) == 0);
	judge("the heap is in no dump, whichever thread asks", heap_hides());
	judge("ordinary memory and the heap stay apart", heaps_are_apart());
	return failed;
}
