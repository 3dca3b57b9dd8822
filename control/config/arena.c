#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CHUNK_OCTETS = 16384,
};

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) uint8_t octets[];
};

struct arena {
	struct chunk *chunks; // the newest first: the only one with room
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->chunks != NULL) {
		struct chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	free(arena);
}

static bool arena_grow(struct arena *arena, size_t octets)
{
	size_t size = octets > CHUNK_OCTETS ? octets : CHUNK_OCTETS;
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (chunk == NULL)
		return false;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return true;
}

void *arena_take(struct arena *arena, size_t octets)
{
	size_t unit = _Alignof(max_align_t);

	octets = (octets + unit - 1) / unit * unit;
	if (arena->chunks == NULL || arena->chunks->size - arena->chunks->used < octets)
		if (!arena_grow(arena, octets))
			return NULL;

	void *taken = arena->chunks->octets + arena->chunks->used;

	arena->chunks->used += octets;
	return taken;
}

char *arena_copy(struct arena *arena, struct span text)
{
	char *copy = arena_take(arena, text.length + 1);

	if (copy != NULL && text.length > 0)
		memcpy(copy, text.octets, text.length);
	return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);

	char *text = length < 0 ? NULL : arena_take(arena, (size_t)length + 1);

	if (text == NULL)
		return NULL;
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

// Behind the newest chunk: that one has room left.
void arena_adopt(struct arena *arena, struct arena *other)
{
	struct chunk **end = &arena->chunks;

	while (*end != NULL)
		end = &(*end)->next;
	*end = other->chunks;
	free(other);
}
