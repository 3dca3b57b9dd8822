#include "base64url_kernel.h"
#include "guard.h"
#include "random.h"

#include <weir/base64url.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const uint8_t alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_in_alphabet(int octet)
{
	return octet != 0 && memchr(alphabet, octet, 64) != NULL;
}

static void encodes_to(struct span octets, struct span text)
{
	uint8_t out[16];
	size_t length = base64url_encode(out, octets.octets, octets.length);

	cr_assert(span_equal(span_of(out, length), text));
	cr_assert(eq(sz, length, base64url_length(octets.length)));
}

Test(base64url, encodes_the_vectors_of_rfc_4648_without_padding)
{
	encodes_to(SPAN(""), SPAN(""));
	encodes_to(SPAN("f"), SPAN("Zg"));
	encodes_to(SPAN("fo"), SPAN("Zm8"));
	encodes_to(SPAN("foo"), SPAN("Zm9v"));
	encodes_to(SPAN("foob"), SPAN("Zm9vYg"));
	encodes_to(SPAN("fooba"), SPAN("Zm9vYmE"));
	encodes_to(SPAN("foobar"), SPAN("Zm9vYmFy"));
	encodes_to(SPAN("\xfb\xef\xff"), SPAN("--__"));
}

Test(base64url, decodes_what_it_encodes_at_every_length)
{
	struct random random = {1};

	for (size_t length = 1; length <= 100; length++) {
		uint8_t octets[100];
		uint8_t text[136];
		uint8_t back[100];

		random_fill(&random, octets, length);
		size_t characters = base64url_encode(text, octets, length);

		cr_assert(
			eq(sz, base64url_decode(back, length, span_of(text, characters)), length));
		cr_assert(eq(int, memcmp(back, octets, length), 0));
	}
}

Test(base64url, refuses_every_octet_outside_the_alphabet_at_every_place)
{
	for (int octet = 0; octet < 256; octet++)
		for (size_t place = 0; place < 8; place++) {
			uint8_t text[8] = {'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A'};
			uint8_t out[6];

			text[place] = (uint8_t)octet;
			cr_assert(eq(sz,
				base64url_decode(out, sizeof(out), span_of(text, sizeof(text))),
				is_in_alphabet(octet) ? 6 : 0));
		}
}

// All texts of two characters and all of three that begin with "Q": whatever decodes encodes back to the same text.
Test(base64url, gives_every_octet_string_one_text)
{
	unsigned pairs = 0;
	unsigned triples = 0;

	for (unsigned i = 0; i < 65536; i++) {
		uint8_t two[] = {(uint8_t)(i >> 8), (uint8_t)i};
		uint8_t three[] = {'Q', (uint8_t)(i >> 8), (uint8_t)i};
		uint8_t octets[2];
		uint8_t text[3];

		if (base64url_decode(octets, 2, span_of(two, 2)) != 0) {
			pairs++;
			cr_assert(eq(sz, base64url_encode(text, octets, 1), 2));
			cr_assert(eq(int, memcmp(text, two, 2), 0));
		}
		if (base64url_decode(octets, 2, span_of(three, 3)) != 0) {
			triples++;
			cr_assert(eq(sz, base64url_encode(text, octets, 2), 3));
			cr_assert(eq(int, memcmp(text, three, 3), 0));
		}
	}
	cr_assert(eq(uint, pairs, 256));
	cr_assert(eq(uint, triples, 64 * 16));
}

Test(base64url, refuses_lengths_that_no_octets_have)
{
	uint8_t text[64];
	uint8_t out[64];

	memset(text, 'A', sizeof(text));
	cr_assert(eq(sz, base64url_decode(out, sizeof(out), span_of(text, 0)), 0));
	for (size_t length = 1; length < sizeof(text); length += 4)
		cr_assert(eq(sz, base64url_decode(out, sizeof(out), span_of(text, length)), 0));
}

Test(base64url, writes_nothing_when_it_refuses)
{
	uint8_t out[6] = {1, 2, 3, 4, 5, 6};
	const uint8_t before[6] = {1, 2, 3, 4, 5, 6};

	cr_assert(eq(sz, base64url_decode(out, sizeof(out), SPAN("AAAAAAA=")), 0));
	cr_assert(eq(sz, base64url_decode(out, sizeof(out), SPAN("AAAAAAB")), 0));
	cr_assert(eq(sz, base64url_decode(out, 5, SPAN("AAAAAAAA")), 0));
	cr_assert(eq(int, memcmp(out, before, sizeof(out)), 0));
}

Test(base64url, stays_inside_text_and_output)
{
	struct guard guard = guard_new(256);
	struct guard out = guard_new(256);

	for (size_t octets = 1; octets <= 64; octets++) {
		size_t length = base64url_length(octets);
		uint8_t *ends[2][2] = {{guard_end(&guard, length), guard_end(&out, octets)},
			{guard_begin(&guard), guard_begin(&out)}};

		for (unsigned i = 0; i < 2; i++) {
			memset(ends[i][0], 'A', length);
			cr_assert(eq(sz,
				base64url_decode(ends[i][1], octets, span_of(ends[i][0], length)),
				octets));
			cr_assert(eq(sz, base64url_encode(ends[i][0], ends[i][1], octets), length));
		}
	}
	guard_free(&guard);
	guard_free(&out);
}

// Octets and their text, each at the end of a page that may not be touched beyond.
struct twin {
	struct guard in, out;
	size_t octets, length;
	uint8_t *text, *raw;
};

static void twin_set(struct twin *twin, size_t octets)
{
	twin->octets = octets;
	twin->length = base64url_length(octets);
	twin->text = guard_end(&twin->in, twin->length);
	twin->raw = guard_end(&twin->out, octets);
}

static const struct base64url_kernel *kernel_scalar(void)
{
	const struct base64url_kernel *kernel = base64url_kernels;

	while (kernel[1].name != NULL)
		kernel++;
	return kernel;
}

static void expect_same_text_and_octets(
	const struct base64url_kernel *kernel, struct twin *twin, struct random *random)
{
	uint8_t octets[60], text[80];

	random_fill(random, octets, twin->octets);
	memcpy(twin->raw, octets, twin->octets);
	base64url_force(kernel_scalar());
	cr_assert(eq(sz, base64url_encode(text, octets, twin->octets), twin->length));
	base64url_force(kernel);
	cr_assert(eq(sz, base64url_encode(twin->text, twin->raw, twin->octets), twin->length));
	cr_assert(eq(int, memcmp(twin->text, text, twin->length), 0), "%s", kernel->name);
	memset(twin->raw, 0, twin->octets);
	cr_assert(
		eq(sz, base64url_decode(twin->raw, twin->octets, span_of(twin->text, twin->length)),
			twin->octets));
	cr_assert(eq(int, memcmp(twin->raw, octets, twin->octets), 0), "%s", kernel->name);
}

// At one place after the other every octet that there is.
static void expect_alphabet_alone(const struct base64url_kernel *kernel, struct twin *twin)
{
	for (size_t place = 0; place < twin->octets / 3 * 4; place++) {
		uint8_t kept = twin->text[place];

		for (int octet = 0; octet < 256; octet++) {
			twin->text[place] = (uint8_t)octet;
			cr_assert(eq(sz,
					  base64url_decode(twin->raw, twin->octets,
						  span_of(twin->text, twin->length)),
					  is_in_alphabet(octet) ? twin->octets : 0),
				"%s, %d at %zu", kernel->name, octet, place);
		}
		twin->text[place] = kept;
	}
}

Test(base64url, kernels_agree_at_every_length_and_about_every_octet_at_every_place)
{
	struct twin twin = {.in = guard_new(128), .out = guard_new(128)};
	struct random random = {2};

	for (const struct base64url_kernel *kernel = base64url_kernels; kernel->name != NULL;
		kernel++) {
		if (!kernel->is_supported())
			continue;
		for (size_t octets = 24; octets <= 60; octets++) {
			twin_set(&twin, octets);
			expect_same_text_and_octets(kernel, &twin, &random);
			expect_alphabet_alone(kernel, &twin);
		}
	}
	guard_free(&twin.in);
	guard_free(&twin.out);
}

Test(base64url, kernels_write_nothing_when_they_refuse)
{
	uint8_t text[60], out[45];

	for (const struct base64url_kernel *kernel = base64url_kernels; kernel->name != NULL;
		kernel++) {
		if (!kernel->is_supported())
			continue;
		base64url_force(kernel);
		memset(text, 'Q', sizeof(text));
		memset(out, 1, sizeof(out));
		text[59] = '=';
		cr_assert(
			eq(sz, base64url_decode(out, sizeof(out), span_of(text, sizeof(text))), 0));
		for (size_t i = 0; i < sizeof(out); i++)
			cr_assert(eq(int, out[i], 1));
	}
}

static bool runs_nowhere(void)
{
	return false;
}

static bool runs_everywhere(void)
{
	return true;
}

Test(base64url, takes_the_first_kernel_that_the_processor_runs)
{
	const struct base64url_kernel kernels[] = {{"none", runs_nowhere, NULL, NULL},
		{"some", runs_everywhere, NULL, NULL}, {"all", runs_everywhere, NULL, NULL}};

	cr_assert(eq(ptr, (void *)base64url_choose(kernels), (void *)&kernels[1]));
	cr_assert(eq(ptr, (void *)base64url_choose(kernels + 2), (void *)&kernels[2]));
}
