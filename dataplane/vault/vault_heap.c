// vault_heap.c: an arena of jemalloc whose pages are left out of dumps.

#include <weir/vault.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <sys/mman.h>

// Set before threads start.
static unsigned arena;
static bool is_locked;
static extent_hooks_t *ordinary;
static extent_hooks_t hooks;
// A cache a thread: without one every allocation would take the arena's lock.
static _Thread_local unsigned cache;
static _Thread_local bool has_cache;

static void *extent_allocate(extent_hooks_t *these, void *address, size_t size, size_t alignment,
	bool *zero, bool *commit, unsigned index)
{
	void *extent = ordinary->alloc(ordinary, address, size, alignment, zero, commit, index);

	(void)these;
	if (extent == NULL)
		return NULL;
	(void)madvise(extent, size, MADV_DONTDUMP);
	if (is_locked)
		(void)mlock(extent, size);
	return extent;
}

static int flags_now(void)
{
	size_t size = sizeof(cache);

	if (!has_cache)
		has_cache = mallctl("tcache.create", &cache, &size, NULL, 0) == 0;
	return MALLOCX_ARENA(arena) | (has_cache ? MALLOCX_TCACHE(cache) : MALLOCX_TCACHE_NONE);
}

static void *heap_allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size == 0 ? NULL : mallocx(size, flags_now());
}

static void heap_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory != NULL)
		dallocx(memory, flags_now());
}

static void *heap_reallocate(void *memory, size_t size, const char *file, int line)
{
	if (memory == NULL)
		return heap_allocate(size, file, line);
	if (size > 0)
		return rallocx(memory, size, flags_now());
	heap_free(memory, file, line);
	return NULL;
}

static int arena_make(void)
{
	size_t size = sizeof(ordinary);
	extent_hooks_t *these = &hooks;
	int error = mallctl("arena.0.extent_hooks", &ordinary, &size, NULL, 0);

	if (error != 0)
		return -error;
	hooks = *ordinary;
	hooks.alloc = extent_allocate;
	// Advice and locks belong to a mapping: none is given back and taken again behind our back.
	hooks.dalloc = NULL;
	hooks.destroy = NULL;
	hooks.decommit = NULL;
	if (is_locked) {
		hooks.purge_lazy = NULL;
		hooks.purge_forced = NULL;
	}
	size = sizeof(arena);
	return -mallctl("arenas.create", &arena, &size, &these, sizeof(these));
}

int vault_open_heap(bool locked)
{
	is_locked = locked;
	int error = arena_make();

	if (error != 0)
		return error;
	return CRYPTO_set_mem_functions(heap_allocate, heap_reallocate, heap_free) == 1 ? 0
											: -EBUSY;
}
