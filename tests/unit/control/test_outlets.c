// Connections to targets as the main loop sees them: when they are opened, and what they are taken for. The threads are played.

#include "certificate_maker.h"
#include "streams/outlets.h"

#include <criterion/new/assert.h>

static struct outlets *outlets;
static uint64_t now_ms;
static unsigned dials;
static struct stream_dial last;
static int dial_status;
static unsigned hang_ups;
static uint32_t hung_up;
static unsigned changes;
static uint32_t drawn;

static int dial_note(void *context, const struct stream_dial *dial)
{
	dials++;
	last = *dial;
	return dial_status;
}

static void hang_up_note(void *context, uint8_t thread, uint32_t slot, uint32_t generation)
{
	hang_ups++;
	hung_up = slot;
}

static void change_note(void *context)
{
	changes++;
}

static uint32_t draw(void *context)
{
	return drawn;
}

static void setup(void)
{
	const struct outlets_options options = {.silent_ms = 1500,
		.draw = draw,
		.dial = dial_note,
		.hang_up = hang_up_note,
		.changed = change_note};

	now_ms = 1000000;
	drawn = UINT32_MAX;
	outlets = outlets_new(&options);
	cr_assert(ne(ptr, outlets, NULL));
}

static void teardown(void)
{
	outlets_free(outlets);
}

TestSuite(outlets, .init = setup, .fini = teardown);

static struct outlet_target target_of(uint8_t number)
{
	return (struct outlet_target){.listener = 2,
		.endpoint = {.address = {192, 0, 2, number}, .port = 5061, .family = ENDPOINT_V4}};
}

static struct outlet_state ask(uint8_t number)
{
	const struct outlet_target target = target_of(number);

	return outlets_ask(outlets, &target, now_ms);
}

static struct stream_mail mail_of(uint32_t outlet, uint32_t slot, uint32_t generation)
{
	return (struct stream_mail){.outlet = outlet,
		.slot = slot,
		.generation = generation,
		.listener = 2,
		.transport = TRANSPORT_TLS,
		.thread = 1};
}

static void open_it(uint32_t slot, uint32_t generation)
{
	const struct stream_mail mail = mail_of(last.outlet, slot, generation);

	outlets_opened(outlets, &mail, now_ms);
}

static bool end_it(bool heard, uint8_t end)
{
	struct stream_mail mail = mail_of(last.outlet, 0, 0);

	mail.heard = heard;
	mail.end = end;
	return outlets_closed(outlets, &mail, now_ms);
}

static void close_it(bool heard)
{
	(void)end_it(heard, 0);
}

Test(outlets, a_target_that_is_asked_for_is_opened_once)
{
	cr_assert(eq(u32, ask(1).generation, 0));
	cr_assert(eq(u32, ask(1).generation, 0));
	cr_assert(eq(uint, dials, 1));
	cr_assert(eq(int, last.target.address[3], 1));
	cr_assert(eq(u32, last.silent_ms, 1500));
	open_it(4, 7);
	cr_assert(eq(uint, changes, 1));
	cr_assert(eq(u32, ask(1).slot, 4));
	cr_assert(eq(u32, ask(1).generation, 7));
	// Never lost.
	cr_assert(eq(u64, ask(1).since_ms, 0));
	(void)ask(2);
	cr_assert(eq(uint, dials, 2));
}

Test(outlets, a_lost_connection_is_told_at_once_and_opened_again_later)
{
	(void)ask(1);
	open_it(4, 7);
	close_it(true);
	cr_assert(eq(uint, changes, 2));
	cr_assert(eq(u32, ask(1).generation, 0));
	cr_assert(eq(uint, dials, 1));
	now_ms += OUTLET_BACKOFF_MIN_MS;
	outlets_run(outlets, now_ms);
	cr_assert(eq(uint, dials, 2));
	open_it(5, 8);
	cr_assert(eq(u32, ask(1).generation, 8));
	cr_assert(eq(u64, ask(1).since_ms, now_ms));
}

// AWS Architecture Blog, "Exponential Backoff And Jitter", 2015: between 0 and a bound that doubles.
Test(outlets, the_wait_is_drawn_under_a_bound_that_doubles_and_ends)
{
	static const uint32_t bounds[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

	for (unsigned i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		cr_assert(eq(u32, outlet_backoff_ms(i + 1, bounds[i]), bounds[i]));
		cr_assert(eq(u32, outlet_backoff_ms(i + 1, bounds[i] + 1), 0));
		cr_assert(eq(u32, outlet_backoff_ms(i + 1, 77), 77));
	}
	for (uint32_t i = 0; i < 10000; i++)
		cr_assert(outlet_backoff_ms(i % 40 + 1, i * 2654435761u) <= OUTLET_BACKOFF_MAX_MS);
	cr_assert(outlet_backoff_ms(UINT32_MAX, UINT32_MAX) <= OUTLET_BACKOFF_MAX_MS);
}

Test(outlets, failures_make_it_wait_longer_and_what_carried_something_begins_anew)
{
	uint32_t waited = 0;

	drawn = 29999;
	(void)ask(1);
	for (unsigned failures = 1; failures < 9; failures++) {
		close_it(false);
		uint64_t at_ms = now_ms;

		while (dials == failures) {
			(void)ask(1);
			outlets_run(outlets, ++now_ms);
		}
		waited = (uint32_t)(now_ms - at_ms);
		cr_assert(waited <= outlet_backoff_ms(failures, drawn) + 1);
	}
	cr_assert(waited > 29000);
	// It stood, but said nothing: that is no success.
	open_it(4, 7);
	close_it(false);
	(void)ask(1);
	outlets_run(outlets, now_ms + 16000);
	cr_assert(eq(uint, dials, 9));
	outlets_run(outlets, now_ms + 30000);
	cr_assert(eq(uint, dials, 10));
	open_it(4, 8);
	close_it(true);
	outlets_run(outlets, now_ms + OUTLET_BACKOFF_MIN_MS);
	cr_assert(eq(uint, dials, 11));
}

Test(outlets, what_goes_on_failing_in_the_same_way_is_news_once)
{
	(void)ask(1);
	cr_assert(end_it(false, 3));
	cr_assert(not(end_it(false, 3)));
	cr_assert(end_it(false, 4));
	cr_assert(not(end_it(false, 4)));
	open_it(4, 7);
	cr_assert(end_it(true, 4));
	cr_assert(not(end_it(false, 4)));
}

Test(outlets, one_that_cannot_even_be_begun_is_tried_again)
{
	dial_status = -12;
	(void)ask(1);
	dial_status = 0;
	outlets_run(outlets, now_ms + OUTLET_BACKOFF_MIN_MS);
	cr_assert(eq(uint, dials, 2));
}

Test(outlets, what_nobody_asks_for_is_closed_when_no_transaction_waits_for_it)
{
	(void)ask(1);
	open_it(4, 7);
	outlets_run(outlets, now_ms + OUTLET_UNASKED_MS);
	cr_assert(eq(uint, hang_ups, 0));
	cr_assert(outlets_is_wanted(outlets, last.outlet));
	outlets_run(outlets, now_ms + OUTLET_UNASKED_MS + 1);
	cr_assert(eq(uint, hang_ups, 1));
	cr_assert(eq(u32, hung_up, 4));
	cr_assert(not(outlets_is_wanted(outlets, last.outlet)));
	// Its end is no news.
	close_it(true);
	outlets_run(outlets, now_ms + 100000);
	cr_assert(eq(uint, dials, 1));
}

Test(outlets, there_are_so_many_and_no_more)
{
	for (unsigned i = 0; i < OUTLETS_MAX; i++)
		(void)ask((uint8_t)i);
	cr_assert(eq(uint, dials, OUTLETS_MAX));
	cr_assert(eq(u32, ask(200).generation, 0));
	cr_assert(eq(uint, dials, OUTLETS_MAX));
}

// --- RFC 5923: a connection of the target's own ---

static struct made_certificate authority, made;

static struct stream_mail lent(uint32_t slot, uint16_t port)
{
	struct stream_mail mail = mail_of(0, slot, 9);

	mail.peer = target_of(1).endpoint;
	mail.peer.port = 40000;
	mail.alias = (struct stream_alias){made.certificate, port};
	return mail;
}

static struct outlet_state ask_core(void)
{
	struct outlet_target target = target_of(1);

	target.host = SPAN("core.test");
	return outlets_ask(outlets, &target, now_ms);
}

static void certify(const struct made_name *name)
{
	certificate_make(&authority, NULL, NULL, 0);
	certificate_make(&made, &authority, name, 1);
}

static void certificates_drop(void)
{
	certificate_drop(&made);
	certificate_drop(&authority);
}

Test(outlets, the_targets_own_connection_stands_in_while_there_is_none_of_ours)
{
	const struct made_name name = {GEN_DNS, SPAN("core.test")};

	certify(&name);
	const struct stream_mail mail = lent(6, 5061);

	(void)ask_core();
	outlets_lend(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().slot, 6));
	// Ours goes first, and says itself whether it may be used both ways.
	open_it(4, 7);
	cr_assert(eq(u32, ask_core().slot, 4));
	close_it(true);
	cr_assert(eq(u32, ask_core().slot, 6));
	cr_assert(not(ask_core().mutual));
	outlets_take_back(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().generation, 0));
	certificates_drop();
}

Test(outlets, a_connection_of_another_name_or_place_stands_for_nobody)
{
	const struct made_name name = {GEN_DNS, SPAN("core.test\0.evil.test")};
	struct stream_mail mail;

	certify(&name);
	(void)ask_core();
	mail = lent(6, 5061);
	outlets_lend(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().generation, 0));
	certificates_drop();
	certify(&(const struct made_name){GEN_DNS, SPAN("core.test")});
	mail = lent(6, 5062);
	outlets_lend(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().generation, 0));
	mail = lent(6, 5061);
	mail.listener = 3;
	outlets_lend(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().generation, 0));
	mail = lent(6, 5061);
	mail.alias.certificate = NULL;
	outlets_lend(outlets, &mail, now_ms);
	cr_assert(eq(u32, ask_core().generation, 0));
	certificates_drop();
}
