#include "outlets.h"

#include "../tls/tls_names.h"

#include <openssl/rand.h>

#include <stdlib.h>

enum outlet_phase {
	OUTLET_FREE,
	OUTLET_WAITING, // until due_ms
	OUTLET_DIALING,
	OUTLET_OPEN,
};

// The flow that requests go by.
struct passage {
	uint32_t slot;
	uint32_t generation; // 0: none
	uint8_t thread;
	bool mutual;
};

struct outlet {
	uint8_t phase; // enum outlet_phase
	struct stream_dial dial; // what it is
	struct passage own;
	struct passage lent; // of the target's own
	bool lost; // it was open once and is not, or could not be opened
	unsigned failures; // in a row
	uint8_t last_end; // enum stream_end, of the last of them
	uint64_t asked_ms;
	uint64_t due_ms;
	uint64_t since_ms; // of outlet_state
};

struct outlets {
	struct outlets_options options;
	uint32_t last; // number given out
	struct outlet items[OUTLETS_MAX];
};

struct outlets *outlets_new(const struct outlets_options *options)
{
	struct outlets *outlets = calloc(1, sizeof(*outlets));

	if (outlets != NULL)
		outlets->options = *options;
	return outlets;
}

void outlets_free(struct outlets *outlets)
{
	free(outlets);
}

void outlets_set_silence(struct outlets *outlets, uint32_t silent_ms)
{
	outlets->options.silent_ms = silent_ms;
}

uint32_t outlet_backoff_ms(unsigned failures, uint32_t drawn)
{
	uint32_t bound = OUTLET_BACKOFF_MIN_MS;

	for (unsigned i = 1; i < failures && bound < OUTLET_BACKOFF_MAX_MS; i++)
		bound *= 2;
	if (bound > OUTLET_BACKOFF_MAX_MS)
		bound = OUTLET_BACKOFF_MAX_MS;
	return drawn % (bound + 1);
}

static uint32_t draw(struct outlets *outlets)
{
	uint32_t drawn = 0;

	if (outlets->options.draw != NULL)
		return outlets->options.draw(outlets->options.context);
	// Without luck all wait for the same time, which is still a time.
	if (RAND_bytes((unsigned char *)&drawn, sizeof(drawn)) != 1)
		drawn = OUTLET_BACKOFF_MIN_MS;
	return drawn;
}

static const struct passage *passage_of(const struct outlet *outlet)
{
	return outlet->own.generation != 0 ? &outlet->own : &outlet->lent;
}

static bool is_open(const struct outlet *outlet)
{
	return passage_of(outlet)->generation != 0;
}

// It may be open now and was not before, or the other way.
static void note(struct outlets *outlets, struct outlet *outlet, bool before, uint64_t now_ms)
{
	bool now = is_open(outlet);

	outlet->lost |= !now;
	if (now && !before)
		outlet->since_ms = outlet->lost ? now_ms : 0;
	outlets->options.changed(outlets->options.context);
}

static void wait_again(struct outlets *outlets, struct outlet *outlet, uint64_t now_ms)
{
	outlet->failures++;
	outlet->lost |= !is_open(outlet);
	outlet->phase = OUTLET_WAITING;
	outlet->due_ms = now_ms + outlet_backoff_ms(outlet->failures, draw(outlets));
}

static void dial(struct outlets *outlets, struct outlet *outlet, uint64_t now_ms)
{
	outlet->phase = OUTLET_DIALING;
	if (outlets->options.dial(outlets->options.context, &outlet->dial) != 0)
		wait_again(outlets, outlet, now_ms);
}

static struct outlet *outlet_find(struct outlets *outlets, const struct outlet_target *target)
{
	for (unsigned i = 0; i < OUTLETS_MAX; i++) {
		struct outlet *outlet = &outlets->items[i];

		if (outlet->phase != OUTLET_FREE && outlet->dial.listener == target->listener
			&& endpoint_equal(&outlet->dial.target, &target->endpoint)
			&& span_equal_nocase(stream_dial_host(&outlet->dial), target->host))
			return outlet;
	}
	return NULL;
}

static struct outlet *outlet_add(
	struct outlets *outlets, const struct outlet_target *target, uint64_t now_ms)
{
	struct outlet *outlet = outlets->items;

	while (outlet < outlets->items + OUTLETS_MAX && outlet->phase != OUTLET_FREE)
		outlet++;
	if (outlet == outlets->items + OUTLETS_MAX || target->host.length > STREAM_HOST_MAX)
		return NULL;
	*outlet = (struct outlet){.asked_ms = now_ms,
		.dial = {.outlet = ++outlets->last,
			.silent_ms = outlets->options.silent_ms,
			.listener = target->listener,
			.target = target->endpoint,
			.host_length = (uint8_t)target->host.length}};
	if (target->host.length > 0)
		memcpy(outlet->dial.host, target->host.octets, target->host.length);
	dial(outlets, outlet, now_ms);
	return outlet;
}

struct outlet_state outlets_ask(
	struct outlets *outlets, const struct outlet_target *target, uint64_t now_ms)
{
	struct outlet *outlet = outlet_find(outlets, target);

	if (outlet == NULL)
		outlet = outlet_add(outlets, target, now_ms);
	if (outlet == NULL)
		return (struct outlet_state){.generation = 0};
	outlet->asked_ms = now_ms;
	const struct passage *passage = passage_of(outlet);

	return (struct outlet_state){
		passage->slot, passage->generation, passage->mutual, outlet->since_ms};
}

void outlets_run(struct outlets *outlets, uint64_t now_ms)
{
	const struct outlets_options *options = &outlets->options;

	for (unsigned i = 0; i < OUTLETS_MAX; i++) {
		struct outlet *outlet = &outlets->items[i];

		if (outlet->phase == OUTLET_FREE)
			continue;
		if (now_ms - outlet->asked_ms > OUTLET_UNASKED_MS) {
			if (outlet->phase == OUTLET_OPEN)
				options->hang_up(options->context, outlet->own.thread,
					outlet->own.slot, outlet->own.generation);
			outlet->phase = OUTLET_FREE;
		} else if (outlet->phase == OUTLET_WAITING && now_ms >= outlet->due_ms) {
			dial(outlets, outlet, now_ms);
		}
	}
}

static struct outlet *number_find(struct outlets *outlets, uint32_t number)
{
	for (unsigned i = 0; i < OUTLETS_MAX; i++)
		if (outlets->items[i].phase != OUTLET_FREE
			&& outlets->items[i].dial.outlet == number)
			return &outlets->items[i];
	return NULL;
}

bool outlets_is_wanted(const struct outlets *outlets, uint32_t number)
{
	return number_find((struct outlets *)outlets, number) != NULL;
}

static struct passage passage_of_mail(const struct stream_mail *mail)
{
	return (struct passage){mail->slot, mail->generation, mail->thread, mail->mutual};
}

void outlets_opened(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms)
{
	struct outlet *outlet = number_find(outlets, mail->outlet);

	if (outlet == NULL)
		return;
	bool before = is_open(outlet);

	outlet->phase = OUTLET_OPEN;
	outlet->own = passage_of_mail(mail);
	note(outlets, outlet, before, now_ms);
}

bool outlets_closed(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms)
{
	struct outlet *outlet = number_find(outlets, mail->outlet);

	if (outlet == NULL)
		return false;
	bool before = is_open(outlet);
	bool news = outlet->own.generation != 0 || outlet->failures == 0
		|| outlet->last_end != mail->end;

	outlet->own = (struct passage){.generation = 0};
	outlet->last_end = mail->end;
	if (mail->heard)
		outlet->failures = 0;
	wait_again(outlets, outlet, now_ms);
	if (before)
		note(outlets, outlet, before, now_ms);
	return news;
}

// Its address is where the connection comes from, its port what the Via says.
static bool lends_to(const struct outlet *outlet, const struct stream_mail *mail)
{
	struct endpoint reached = mail->peer;

	reached.port = mail->alias.port;
	return outlet->phase != OUTLET_FREE && outlet->dial.host_length > 0
		&& outlet->dial.listener == mail->listener
		&& endpoint_equal(&outlet->dial.target, &reached)
		&& tls_names_cover(mail->alias.certificate, stream_dial_host(&outlet->dial));
}

void outlets_lend(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms)
{
	for (unsigned i = 0; mail->alias.certificate != NULL && i < OUTLETS_MAX; i++) {
		struct outlet *outlet = &outlets->items[i];

		if (!lends_to(outlet, mail))
			continue;
		bool before = is_open(outlet);

		outlet->lent = passage_of_mail(mail);
		note(outlets, outlet, before, now_ms);
	}
}

void outlets_take_back(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms)
{
	for (unsigned i = 0; i < OUTLETS_MAX; i++) {
		struct outlet *outlet = &outlets->items[i];

		if (outlet->phase == OUTLET_FREE || outlet->lent.generation == 0
			|| outlet->lent.slot != mail->slot
			|| outlet->lent.generation != mail->generation)
			continue;
		bool before = is_open(outlet);

		outlet->lent = (struct passage){.generation = 0};
		note(outlets, outlet, before, now_ms);
	}
}
