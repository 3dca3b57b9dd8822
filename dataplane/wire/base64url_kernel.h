// base64url_kernel.h: whole blocks of base64url, one kernel for every machine and one for x86-64-v3.
//
// Chosen once before main(), and by tests at will.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BASE64URL_BLOCK_TEXT = 32, // characters of one block, which are 24 octets
	BASE64URL_BLOCK_OCTETS = 24,
};

struct base64url_kernel {
	const char *name;
	bool (*is_supported)(void);
	// Both lengths are of the text: a multiple of 4 and at least BASE64URL_BLOCK_TEXT. Nothing beside text and out is touched.
	// False: an octet is outside the alphabet, and nothing was written.
	bool (*decode)(uint8_t *out, const uint8_t *text, size_t length);
	void (*encode)(uint8_t *out, const uint8_t *octets, size_t length);
};

// All kernels of this build, best first; the last one runs everywhere. The row behind it has no name.
extern const struct base64url_kernel base64url_kernels[];
// The first that this processor runs; the last one always is.
const struct base64url_kernel *base64url_choose(const struct base64url_kernel *kernels);
// Use this kernel from now on. Not while another thread may code.
void base64url_force(const struct base64url_kernel *kernel);

bool base64url_decode_avx2(uint8_t *out, const uint8_t *text, size_t length);
void base64url_encode_avx2(uint8_t *out, const uint8_t *octets, size_t length);
