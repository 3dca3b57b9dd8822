// text.h: text that is put together piece by piece in memory of the caller.

#pragma once

#include <weir/span.h>

struct text {
	uint8_t *octets;
	size_t length;
	size_t capacity;
	bool overflow; // something did not fit: do not use it
};

static inline struct text text_begin(uint8_t *octets, size_t capacity)
{
	return (struct text){.octets = octets, .capacity = capacity};
}

static inline struct span text_span(const struct text *text)
{
	return span_of(text->octets, text->length);
}

void text_add(struct text *text, struct span piece);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
