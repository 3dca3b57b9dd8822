// fuzz.h: what every fuzz target shares. A target takes any octets and checks what must hold whatever they are.

#pragma once

#include <weir/span.h>

#include <stdio.h>
#include <stdlib.h>

// A promise that was broken: says which one, and ends the run where the fuzzer and the sanitizers see it.
#define CHECK(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

static inline bool slice_is_inside(struct slice slice, size_t begin, size_t end)
{
	return slice.length == 0
		|| (slice.offset >= begin && (size_t)slice.offset + slice.length <= end);
}
