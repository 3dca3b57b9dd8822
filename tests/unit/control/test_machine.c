// The four state machines against the figures of RFC 3261 and RFC 6026, written down once more as text: every state and every event.

#include "transaction/machine.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

static const char *const EVENTS[TRANSACTION_EVENTS] = {
	"request", "ack", "1xx", "2xx", "3xx-6xx", "repeat", "end", "error"};

// "state event: next actions", one for every arrow of the figure; any other pair changes nothing.
static const char *const INVITE_CLIENT[] = {
	"trying 1xx: proceeding tell",
	"trying 2xx: accepted tell",
	"trying 3xx-6xx: completed tell ack",
	"trying repeat: same send",
	"trying end: terminated timeout",
	"trying error: terminated error",
	"proceeding 1xx: same tell",
	"proceeding 2xx: accepted tell",
	"proceeding 3xx-6xx: completed tell ack",
	"proceeding end: terminated timeout",
	"accepted 2xx: same tell",
	"accepted end: terminated",
	"completed 3xx-6xx: same ack",
	"completed end: terminated",
	"completed error: terminated error",
	NULL,
};
static const char *const CLIENT[] = {
	"trying 1xx: proceeding tell",
	"trying 2xx: completed tell",
	"trying 3xx-6xx: completed tell",
	"trying repeat: same send",
	"trying end: terminated timeout",
	"trying error: terminated error",
	"proceeding 1xx: same tell",
	"proceeding 2xx: completed tell",
	"proceeding 3xx-6xx: completed tell",
	"proceeding repeat: same send",
	"proceeding end: terminated timeout",
	"proceeding error: terminated error",
	"completed end: terminated",
	NULL,
};
static const char *const INVITE_SERVER[] = {
	"proceeding request: same send",
	"proceeding 1xx: same send",
	"proceeding 2xx: accepted send",
	"proceeding 3xx-6xx: completed send",
	"proceeding error: terminated error",
	"accepted ack: same tell",
	"accepted 2xx: same send",
	"accepted end: terminated",
	"accepted error: same error",
	"completed request: same send",
	"completed ack: confirmed",
	"completed repeat: same send",
	"completed end: terminated timeout",
	"completed error: terminated error",
	"confirmed end: terminated",
	NULL,
};
static const char *const SERVER[] = {
	"trying 1xx: proceeding send",
	"trying 2xx: completed send",
	"trying 3xx-6xx: completed send",
	"proceeding request: same send",
	"proceeding 1xx: same send",
	"proceeding 2xx: completed send",
	"proceeding 3xx-6xx: completed send",
	"proceeding error: terminated error",
	"completed request: same send",
	"completed end: terminated",
	"completed error: terminated error",
	NULL,
};

static void write_step(enum transaction_kind kind, enum transaction_state state,
	enum transaction_event event, char out[128])
{
	struct transaction_step step = machine_step(kind, state, event);

	snprintf(out, 128, "%s %s: %s%s%s%s%s%s", machine_state_name(state), EVENTS[event],
		machine_state_name(step.state), step.actions & TRANSACTION_TELL ? " tell" : "",
		step.actions & TRANSACTION_SEND ? " send" : "",
		step.actions & TRANSACTION_ACKNOWLEDGE ? " ack" : "",
		step.actions & TRANSACTION_TIMED_OUT ? " timeout" : "",
		step.actions & TRANSACTION_UNREACHABLE ? " error" : "");
}

static const char *expected_step(const char *const *figure, const char *text)
{
	size_t length = strcspn(text, ":") + 1;

	for (; *figure != NULL; figure++)
		if (strncmp(*figure, text, length) == 0)
			return *figure;
	return NULL;
}

static void assert_is_figure(enum transaction_kind kind, const char *const *figure)
{
	char text[128];
	char nothing[128];
	unsigned arrows = 0;
	unsigned listed = 0;

	for (unsigned state = TRANSACTION_TRYING; state < TRANSACTION_STATES; state++) {
		for (unsigned event = 0; event < TRANSACTION_EVENTS; event++) {
			write_step(kind, state, event, text);
			const char *expected = expected_step(figure, text);
			snprintf(nothing, sizeof(nothing), "%s %s: same", machine_state_name(state),
				EVENTS[event]);
			cr_expect(eq(str, text, (char *)(expected != NULL ? expected : nothing)));
			arrows += expected != NULL;
		}
	}
	while (figure[listed] != NULL)
		listed++;
	cr_expect(eq(uint, arrows, listed));
}

Test(machine, invite_client_is_figure_5_as_rfc_6026_has_it)
{
	assert_is_figure(TRANSACTION_INVITE_CLIENT, INVITE_CLIENT);
}

Test(machine, client_is_figure_6_of_rfc_3261)
{
	assert_is_figure(TRANSACTION_CLIENT, CLIENT);
}

Test(machine, invite_server_is_figure_7_as_rfc_6026_has_it)
{
	assert_is_figure(TRANSACTION_INVITE_SERVER, INVITE_SERVER);
}

Test(machine, server_is_figure_8_of_rfc_3261)
{
	assert_is_figure(TRANSACTION_SERVER, SERVER);
}

// "repeat/limit end", of RFC 3261 table 4 and RFC 6026.
static const struct {
	const char *letters;
	enum transaction_kind kind;
	enum transaction_state state;
	const char *unreliable;
	const char *reliable;
} TIMES[] = {
	{"A B", TRANSACTION_INVITE_CLIENT, TRANSACTION_TRYING, "500/32000 32000", "0 32000"},
	{"-", TRANSACTION_INVITE_CLIENT, TRANSACTION_PROCEEDING, "0 never", "0 never"},
	{"M", TRANSACTION_INVITE_CLIENT, TRANSACTION_ACCEPTED, "0 32000", "0 32000"},
	{"D", TRANSACTION_INVITE_CLIENT, TRANSACTION_COMPLETED, "0 32000", "0 0"},
	{"E F", TRANSACTION_CLIENT, TRANSACTION_TRYING, "500/4000 32000", "0 32000"},
	{"E F", TRANSACTION_CLIENT, TRANSACTION_PROCEEDING, "4000/4000 kept", "0 kept"},
	{"K", TRANSACTION_CLIENT, TRANSACTION_COMPLETED, "0 5000", "0 0"},
	{"-", TRANSACTION_INVITE_SERVER, TRANSACTION_PROCEEDING, "0 never", "0 never"},
	{"L", TRANSACTION_INVITE_SERVER, TRANSACTION_ACCEPTED, "0 32000", "0 32000"},
	{"G H", TRANSACTION_INVITE_SERVER, TRANSACTION_COMPLETED, "500/4000 32000", "0 32000"},
	{"I", TRANSACTION_INVITE_SERVER, TRANSACTION_CONFIRMED, "0 5000", "0 0"},
	{"-", TRANSACTION_SERVER, TRANSACTION_TRYING, "0 never", "0 never"},
	{"-", TRANSACTION_SERVER, TRANSACTION_PROCEEDING, "0 never", "0 never"},
	{"J", TRANSACTION_SERVER, TRANSACTION_COMPLETED, "0 32000", "0 0"},
};

static void write_times(struct transaction_times times, char out[64])
{
	char repeat[32] = "0";
	char end[32] = "never";

	if (times.repeat_ms != 0)
		snprintf(repeat, sizeof(repeat), "%u/%u", times.repeat_ms, times.repeat_max_ms);
	if (times.keeps_end)
		snprintf(end, sizeof(end), "kept");
	else if (times.ends)
		snprintf(end, sizeof(end), "%u", times.end_ms);
	snprintf(out, 64, "%s %s", repeat, end);
}

Test(machine, timers_are_those_of_table_4_and_zero_where_the_transport_is_reliable)
{
	char text[64];

	for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
		write_times(machine_times(TIMES[i].kind, TIMES[i].state, false), text);
		cr_expect(
			eq(str, text, (char *)TIMES[i].unreliable), "timers %s", TIMES[i].letters);
		write_times(machine_times(TIMES[i].kind, TIMES[i].state, true), text);
		cr_expect(eq(str, text, (char *)TIMES[i].reliable), "timers %s, reliable",
			TIMES[i].letters);
	}
}
