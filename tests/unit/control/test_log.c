// The log through a pipe.

#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int ends[2];
static struct log *log_;
static char text[65536];

static void setup(void)
{
	cr_assert(eq(int, pipe2(ends, O_NONBLOCK), 0));
	log_ = log_new(ends[1], LOG_LEVEL_INFO, true);
}

static void teardown(void)
{
	log_free(log_);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(log, .init = setup, .fini = teardown);

static char *written(void)
{
	ssize_t length = read(ends[0], text, sizeof(text) - 1);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}

Test(log, writes_one_line_an_event_with_its_priority)
{
	const struct endpoint endpoint = {
		.address = {192, 0, 2, 1}, .port = 5060, .family = ENDPOINT_V4};

	log_event(log_, LOG_LEVEL_WARNING, "flow-lost", LOG_NUMBER("slot", 81244),
		LOG_ENDPOINT("peer", endpoint), LOG_TEXT("why", "expired"));
	cr_assert(eq(
		str, written(), "<4>event=flow-lost slot=81244 peer=192.0.2.1:5060 why=expired\n"));
	log_event(log_, LOG_LEVEL_INFO, "started");
	cr_assert(eq(str, written(), "<6>event=started\n"));
}

Test(log, lets_no_value_forge_a_line_or_a_field)
{
	log_event(log_, LOG_LEVEL_INFO, "heard", LOG_TEXT("a", "x\nevent=forged"),
		LOG_TEXT("b", "1 c=2"), LOG_TEXT("d", "say \"hi\" \\"), LOG_TEXT("e", ""),
		LOG_TEXT("f", NULL), LOG_SPAN("g", SPAN("\x1b[2J")));
	cr_assert(eq(str, written(),
		"<6>event=heard a=\"x\\x0aevent=forged\" b=\"1 c=2\" d=\"say \\\"hi\\\" \\\\\" "
		"e=\"\" f=\"\" g=\"\\x1b[2J\"\n"));
}

Test(log, writes_nothing_below_its_level)
{
	log_event(log_, LOG_LEVEL_DEBUG, "detail");
	cr_assert(eq(str, written(), ""));
	log_set_level(log_, LOG_LEVEL_DEBUG);
	log_event(log_, LOG_LEVEL_DEBUG, "detail");
	cr_assert(eq(str, written(), "<7>event=detail\n"));
	log_event(NULL, LOG_LEVEL_ERROR, "nobody-hears");
	cr_assert(eq(str, written(), ""));
}

Test(log, leaves_out_a_field_that_does_not_fit)
{
	char *large = calloc(1, 4001);

	memset(large, 'x', 4000);
	log_event(log_, LOG_LEVEL_INFO, "large", LOG_TEXT("a", large), LOG_TEXT("b", "still here"));
	cr_assert(eq(str, written(), "<6>event=large b=\"still here\"\n"));
	free(large);
}

Test(log, holds_back_an_event_that_comes_too_often_and_says_how_many)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < 200; i++)
		log_event(log_, LOG_LEVEL_INFO, "storm", LOG_NUMBER("i", i));
	for (const char *at = written(); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	cr_assert(ge(uint, lines, 50));
	cr_assert(lt(uint, lines, 60));
	log_event(log_, LOG_LEVEL_INFO, "calm");
	cr_assert(eq(str, written(), "<6>event=calm\n"));
	usleep(150000);
	log_event(log_, LOG_LEVEL_INFO, "storm");
	cr_assert(strstr(written(), "event=storm suppressed=1") != NULL);
}

Test(log, writes_time_and_level_where_no_journal_adds_them)
{
	struct log *plain = log_new(ends[1], LOG_LEVEL_INFO, false);

	log_event(plain, LOG_LEVEL_ERROR, "broken");
	cr_assert(strstr(written(), "Z level=error event=broken\n") != NULL);
	cr_assert(eq(chr, text[4], '-'));
	cr_assert(eq(chr, text[10], 'T'));
	log_free(plain);
}

Test(log, knows_the_journal_by_the_device_and_inode_it_is_told)
{
	unsetenv("JOURNAL_STREAM");
	cr_assert(not(log_is_journal(ends[1])));
	setenv("JOURNAL_STREAM", "1:2", 1);
	cr_assert(not(log_is_journal(ends[1])));
}
