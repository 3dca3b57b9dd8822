// token_time.c: does the time of a refusal tell which octet of a token's mac is wrong?
//
//     token_time [SAMPLES]   of each pair of classes; default 100000
//
// Welch's t-test over interleaved classes (Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", 2017): tokens with a
// wrong first, middle or last octet of the SIV are redeemed in random order, and the times of two classes are compared, whole and without
// their slowest part, where interrupts are. |t| below 4.5 shows no difference. A busy machine makes single times slow, of either
// class alike; a pair that reaches 4.5 is measured anew, and fails when it does so every time. That the test can see is tried on a comparison
// that stops at the first difference.

#include "../unit/random.h"
#include "ticks.h"

#include <weir/base64url.h>
#include <weir/keyring.h>
#include <weir/token.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SAMPLES = 100000,
	POOL = 1024,
	EPOCH = 7,
	WEEK_S = 604800,
	SIV_AT = 1, // behind the header
	SIV_OCTETS = 16,
	TOKEN_OCTETS = TOKEN_LENGTH_V4 / 4 * 3,
	CLASSES = 3,
	TRIES = 3,
	CROPS = 6,
};

static const double limit = 4.5;
static const double crops[CROPS] = {
	1, 0.99, 0.95, 0.9, 0.75, 0.5}; // the share of all times that is looked at
static const unsigned wrong_octets[CLASSES] = {0, SIV_OCTETS / 2 - 1, SIV_OCTETS - 1};
static const char *const names[CLASSES] = {"first", "middle", "last"};

struct sample {
	uint32_t ticks;
	uint32_t class;
};

struct scene {
	struct random random;
	struct keyring *keys;
	uint8_t texts[CLASSES][POOL][TOKEN_LENGTH_V4];
	uint8_t sivs[CLASSES][POOL][SIV_OCTETS];
	uint8_t genuine[POOL][SIV_OCTETS];
	unsigned samples;
	struct sample *sample;
};

// What is timed: token `index` of a class.
typedef uint32_t time_one(struct scene *scene, unsigned class, unsigned index);

static uint32_t redeem_timed(struct scene *scene, unsigned class, unsigned index)
{
	// Where it is read from is the same for all.
	static uint8_t text[TOKEN_LENGTH_V4];
	struct token token;

	memcpy(text, scene->texts[class][index], sizeof(text));
	uint64_t before = ticks_begin();
	enum token_verdict verdict = token_redeem(scene->keys, span_of(text, sizeof(text)), &token);
	uint64_t after = ticks_end();

	if (verdict != TOKEN_FORGED)
		abort();
	return (uint32_t)(after - before);
}

static uint32_t careless_timed(struct scene *scene, unsigned class, unsigned index)
{
	static volatile uint8_t one[SIV_OCTETS], other[SIV_OCTETS];
	unsigned at = 0;

	for (unsigned i = 0; i < SIV_OCTETS; i++) {
		one[i] = scene->genuine[index][i];
		other[i] = scene->sivs[class][index][i];
	}
	uint64_t before = ticks_begin();

	while (at < SIV_OCTETS && one[at] == other[at])
		at++;
	uint64_t after = ticks_end();

	if (at != wrong_octets[class])
		abort();
	return (uint32_t)(after - before);
}

static void samples_take(struct scene *scene, time_one *timed, const unsigned classes[2])
{
	for (unsigned i = 0; i < scene->samples; i++) {
		uint64_t drawn = random_next(&scene->random);
		unsigned side = (unsigned)(drawn & 1);

		scene->sample[i] = (struct sample){
			timed(scene, classes[side], (unsigned)(drawn >> 8) % POOL), side};
	}
}

static int by_ticks(const void *a, const void *b)
{
	uint32_t left = ((const struct sample *)a)->ticks;
	uint32_t right = ((const struct sample *)b)->ticks;

	return (left > right) - (left < right);
}

// Over the fastest `count` samples.
static double welch(const struct sample *samples, unsigned count)
{
	double sum[2] = {0}, squares[2] = {0}, number[2] = {0};

	for (unsigned i = 0; i < count; i++) {
		unsigned side = samples[i].class;

		number[side]++;
		sum[side] += samples[i].ticks;
	}
	double mean[2] = {sum[0] / number[0], sum[1] / number[1]};

	for (unsigned i = 0; i < count; i++) {
		double off = samples[i].ticks - mean[samples[i].class];

		squares[samples[i].class] += off * off;
	}
	double error =
		squares[0] / (number[0] - 1) / number[0] + squares[1] / (number[1] - 1) / number[1];

	return error == 0 ? 0 : (mean[0] - mean[1]) / sqrt(error);
}

// The largest |t| of all crops.
static double pair_judge(struct scene *scene, time_one *timed, const unsigned classes[2])
{
	double worst = 0;

	samples_take(scene, timed, classes);
	qsort(scene->sample, scene->samples, sizeof(scene->sample[0]), by_ticks);
	for (unsigned i = 0; i < CROPS; i++) {
		double t = fabs(welch(scene->sample, (unsigned)(scene->samples * crops[i])));

		worst = t > worst ? t : worst;
	}
	return worst;
}

static bool pair_is_even(struct scene *scene, const unsigned classes[2])
{
	for (unsigned try = 0; try < TRIES; try++) {
		double worst = pair_judge(scene, redeem_timed, classes);

		printf("# wrong %s octet against wrong %s octet: |t| %.2f over %u samples\n",
			names[classes[0]], names[classes[1]], worst, scene->samples);
		if (worst < limit)
			return true;
	}
	return false;
}

static void token_spoil(struct scene *scene, unsigned index, const uint8_t *genuine)
{
	for (unsigned class = 0; class < CLASSES; class ++) {
		uint8_t octets[TOKEN_OCTETS];
		unsigned at = SIV_AT + wrong_octets[class];

		memcpy(octets, genuine, sizeof(octets));
		octets[at] ^= (uint8_t)(1 + random_below(&scene->random, UINT8_MAX));
		memcpy(scene->sivs[class][index], octets + SIV_AT, SIV_OCTETS);
		base64url_encode(scene->texts[class][index], octets, sizeof(octets));
	}
}

static bool tokens_make(struct scene *scene)
{
	for (unsigned i = 0; i < POOL; i++) {
		const struct token token = {
			.flow = {.edge = 2, .slot = i + 1, .generation = 0x66000000},
			.peer = {.address = {192, 0, 2, (uint8_t)i},
				.port = 5060,
				.family = ENDPOINT_V4},
			.uak = random_next(&scene->random),
		};
		uint8_t text[TOKEN_LENGTH_V6], octets[TOKEN_OCTETS];
		size_t length = token_mint(scene->keys, &token, text);

		if (base64url_decode(octets, sizeof(octets), span_of(text, length))
			!= sizeof(octets))
			return false;
		memcpy(scene->genuine[i], octets + SIV_AT, SIV_OCTETS);
		token_spoil(scene, i, octets);
	}
	return true;
}

static bool scene_open(struct scene *scene, unsigned samples)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = "the secret of this cluster alone";
	struct key_material material = {.minting = 0};

	if (key_material_derive(&material, 0, secret, SPAN("edge.example.net"), WEEK_S, EPOCH) != 0)
		return false;
	scene->samples = samples;
	scene->sample = calloc(samples, sizeof(*scene->sample));
	scene->keys = keyring_new(&material, EPOCH);
	return scene->sample != NULL && scene->keys != NULL && tokens_make(scene);
}

int main(int count, char **words)
{
	static const unsigned pairs[][2] = {{0, 1}, {0, 2}, {1, 2}};
	static struct scene scene = {.random = {1}};
	unsigned samples = count > 1 ? (unsigned)strtoul(words[1], NULL, 10) : SAMPLES;
	unsigned failed = 0;

	if (samples < 100 || !scene_open(&scene, samples))
		return 2;
	puts("1..4");
	double careless = pair_judge(&scene, careless_timed, pairs[1]);

	failed += careless < limit;
	printf("%sok 1 - a comparison that stops at the first difference is seen: |t| %.1f\n",
		careless < limit ? "not " : "", careless);
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool even = pair_is_even(&scene, pairs[i]);

		failed += !even;
		printf("%sok %u - a wrong %s octet takes as long as a wrong %s one\n",
			even ? "" : "not ", i + 2, names[pairs[i][0]], names[pairs[i][1]]);
	}
	keyring_free(scene.keys);
	free(scene.sample);
	return failed > 0;
}
