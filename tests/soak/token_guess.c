// token_guess.c: random tokens, of which not one may be accepted.
//
//     token_guess [COUNT [THREADS]]   default 2000000 and 1
//
// They are of the right length and alphabet, half of either family, and claim the epoch that mints, so that the mac judges every one. Genuine
// tokens are strewn among them, and all of those must be accepted: it is the check that refuses, not the reading.

#include "../unit/random.h"

#include <weir/base64url.h>
#include <weir/keyring.h>
#include <weir/token.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	COUNT = 2000000,
	THREADS_MAX = 64,
	EPOCH = 7,
	WEEK_S = 604800,
	GENUINE_EVERY = 1 << 10, // bursts
	TOKEN_OCTETS_MAX = TOKEN_LENGTH_V6 / 4 * 3,
};

struct guesser {
	pthread_t thread;
	struct random random;
	struct keyring *keys;
	uint64_t wanted;
	uint64_t tried; // random ones
	uint64_t accepted;
	uint64_t genuine;
	uint64_t genuine_accepted;
};

struct burst {
	uint8_t headers[2]; // of this epoch: v4, v6
	uint8_t texts[TOKEN_BURST][TOKEN_LENGTH_V6];
	struct span spans[TOKEN_BURST];
};

static const size_t lengths[2] = {TOKEN_LENGTH_V4, TOKEN_LENGTH_V6};

static struct token token_make(struct random *random, unsigned family)
{
	return (struct token){
		.flow = {.edge = 2, .slot = (uint32_t)random_next(random), .generation = 1},
		.peer = {.address = {192, 0, 2, 1},
			.port = 5060,
			.family = family == 0 ? ENDPOINT_V4 : ENDPOINT_V6},
		.uak = random_next(random),
	};
}

static void headers_read(struct guesser *guesser, struct burst *burst)
{
	for (unsigned family = 0; family < 2; family++) {
		struct token token = token_make(&guesser->random, family);
		uint8_t text[TOKEN_LENGTH_V6], octets[TOKEN_OCTETS_MAX];
		size_t length = token_mint(guesser->keys, &token, text);

		if (base64url_decode(octets, sizeof(octets), span_of(text, length)) == 0)
			abort();
		burst->headers[family] = octets[0];
	}
}

static void burst_fill(struct guesser *guesser, struct burst *burst)
{
	for (unsigned i = 0; i < TOKEN_BURST; i++) {
		uint64_t words[TOKEN_OCTETS_MAX / sizeof(uint64_t) + 1];
		uint8_t *octets = (uint8_t *)words;
		unsigned family = i & 1;

		for (unsigned word = 0; word < sizeof(words) / sizeof(words[0]); word++)
			words[word] = random_next(&guesser->random);
		octets[0] = burst->headers[family];
		base64url_encode(burst->texts[i], octets, lengths[family] / 4 * 3);
		burst->spans[i] = span_of(burst->texts[i], lengths[family]);
	}
}

static unsigned accepted_count(struct guesser *guesser, const struct span *spans, unsigned count)
{
	enum token_verdict verdicts[TOKEN_BURST];
	struct token tokens[TOKEN_BURST];
	unsigned accepted = 0;

	token_redeem_burst(guesser->keys, spans, count, tokens, verdicts);
	for (unsigned i = 0; i < count; i++)
		accepted += verdicts[i] == TOKEN_OK;
	return accepted;
}

static void genuine_try(struct guesser *guesser)
{
	struct token token = token_make(&guesser->random, (unsigned)guesser->genuine & 1);
	uint8_t text[TOKEN_LENGTH_V6];
	struct span span = span_of(text, token_mint(guesser->keys, &token, text));

	guesser->genuine++;
	guesser->genuine_accepted += accepted_count(guesser, &span, 1);
}

static void *guess(void *argument)
{
	struct guesser *guesser = argument;
	struct burst burst;

	headers_read(guesser, &burst);
	for (uint64_t round = 0; guesser->tried < guesser->wanted; round++) {
		burst_fill(guesser, &burst);
		guesser->accepted += accepted_count(guesser, burst.spans, TOKEN_BURST);
		guesser->tried += TOKEN_BURST;
		if (round % GENUINE_EVERY == 0)
			genuine_try(guesser);
	}
	return NULL;
}

static struct keyring *keys_new(void)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = "the secret of this cluster alone";
	struct key_material material = {.minting = 0};

	if (key_material_derive(&material, 0, secret, SPAN("edge.example.net"), WEEK_S, EPOCH) != 0)
		return NULL;
	return keyring_new(&material, EPOCH);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(struct guesser *guessers, unsigned threads, uint64_t count)
{
	for (unsigned i = 0; i < threads; i++) {
		guessers[i].random.state = (uint64_t)time(NULL) << 16 | i;
		guessers[i].keys = keys_new();
		guessers[i].wanted = count / threads;
		if (guessers[i].keys == NULL
			|| pthread_create(&guessers[i].thread, NULL, guess, &guessers[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(guessers[i].thread, NULL);
		keyring_free(guessers[i].keys);
	}
}

int main(int count, char **words)
{
	static struct guesser guessers[THREADS_MAX];
	uint64_t wanted = count > 1 ? strtoull(words[1], NULL, 10) : COUNT;
	unsigned threads = count > 2 ? (unsigned)strtoul(words[2], NULL, 10) : 1;
	struct guesser sum = {0};

	if (wanted == 0 || threads == 0 || threads > THREADS_MAX)
		return 2;
	double before = now_s();

	run(guessers, threads, wanted);
	for (unsigned i = 0; i < threads; i++) {
		sum.tried += guessers[i].tried;
		sum.accepted += guessers[i].accepted;
		sum.genuine += guessers[i].genuine;
		sum.genuine_accepted += guessers[i].genuine_accepted;
	}
	double seconds = now_s() - before;

	printf("1..2\n# %" PRIu64 " random tokens in %.1f s, %.2f million/s\n", sum.tried, seconds,
		(double)sum.tried / seconds / 1e6);
	printf("%sok 1 - of %" PRIu64 " random tokens %" PRIu64 " are accepted\n",
		sum.accepted == 0 ? "" : "not ", sum.tried, sum.accepted);
	printf("%sok 2 - of %" PRIu64 " genuine ones among them %" PRIu64 " are accepted\n",
		sum.genuine == sum.genuine_accepted ? "" : "not ", sum.genuine,
		sum.genuine_accepted);
	return sum.accepted != 0 || sum.genuine != sum.genuine_accepted;
}
