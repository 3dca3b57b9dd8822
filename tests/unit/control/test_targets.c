// Names and the life of their addresses, against a real DNS server:
//
//     dnsmasq   _sip._udp.core.test  SRV 10 a.core.test, SRV 20 b.core.test
//     a, b      sockets of this test that answer OPTIONS, or do not
//
// Skipped where dnsmasq is not installed.

#include "targets/resolver.h"
#include "targets/target.h"
#include "targets/upstream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	UDP = 1u << TRANSPORT_UDP,
	MANY = 50, // SRV records: more than RESOLVED_MAX
};

static struct event_base *base;
static struct resolver *resolver;
static pid_t dnsmasq;
static int sockets[2]; // a and b
static uint16_t ports[2];
static bool answers[2];
static int out; // probes leave by it
static struct target_set *set;
static unsigned changes;
static struct message message;

static int udp_open(const char *address, uint16_t *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t length = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, address, &in.sin_addr);
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&in, length), 0));
	getsockname(fd, (struct sockaddr *)&in, &length);
	*port = ntohs(in.sin_port);
	return fd;
}

// Also many.core.test, with more records than are kept, the best in the middle.
static void dns_run(uint16_t port)
{
	static char listen[32], services[2 + MANY][96];
	const char *words[] = {"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
		"--no-resolv", "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces",
		"--pid-file=", "--user=", "--group=", "--local=/core.test/", listen,
		"--host-record=a.core.test,127.0.0.2", "--host-record=b.core.test,127.0.0.3",
		"--host-record=six.core.test,::1", "--local-ttl=17",
		"--naptr-record=any.core.test,50,50,s,SIPS+D2T,,_sips._tcp.core.test",
		"--naptr-record=any.core.test,90,50,s,SIP+D2T,,_sip._tcp.core.test",
		"--srv-host=_sips._tcp.core.test,b.core.test,5061,1",
		"--srv-host=_sip._tcp.core.test,a.core.test,5060,1"};
	const char *all[sizeof(words) / sizeof(words[0]) + 2 + MANY + 1] = {0};
	unsigned count = sizeof(words) / sizeof(words[0]);

	snprintf(listen, sizeof(listen), "--port=%u", port);
	memcpy(all, words, sizeof(words));
	for (unsigned i = 0; i < 2; i++)
		snprintf(services[i], sizeof(services[i]),
			"--srv-host=_sip._udp.core.test,%c.core.test,%u,%u", 'a' + i, ports[i],
			10 + 10 * i);
	for (unsigned i = 0; i < MANY; i++)
		snprintf(services[2 + i], sizeof(services[0]),
			"--srv-host=_sip._udp.many.core.test,a.core.test,%u,%u", 7000 + i,
			i < MANY / 2 ? 100 + i : 1 + i - MANY / 2);
	for (unsigned i = 0; i < 2 + MANY; i++)
		all[count++] = services[i];
	dnsmasq = fork();
	if (dnsmasq == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp("dnsmasq", (char **)all);
		_exit(127);
	}
}

static void setup(void)
{
	char server[32];
	uint16_t port, unused;

	if (system("command -v dnsmasq >/dev/null 2>&1") != 0)
		cr_skip_test("dnsmasq is not installed");
	base = event_base_new();
	sockets[0] = udp_open("127.0.0.2", &ports[0]);
	sockets[1] = udp_open("127.0.0.3", &ports[1]);
	answers[0] = answers[1] = true;
	out = udp_open("127.0.0.1", &unused);
	close(udp_open("127.0.0.1", &port));
	dns_run(port);
	snprintf(server, sizeof(server), "127.0.0.1:%u", port);
	cr_assert(eq(int, resolver_open(base, server, &resolver), 0));
}

static void teardown(void)
{
	if (set != NULL)
		target_set_free(set);
	resolver_close(resolver);
	event_base_free(base);
	kill(dnsmasq, SIGKILL);
	waitpid(dnsmasq, NULL, 0);
}

static void turn(unsigned ms)
{
	struct timeval tick = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tick);
	event_base_dispatch(base);
}

static struct {
	bool done;
	int status;
	unsigned count;
	uint32_t ttl_s;
	struct resolved targets[RESOLVED_MAX];
} answer;

static void came(
	void *context, int status, const struct resolved *targets, unsigned count, uint32_t ttl_s)
{
	answer.done = true;
	answer.status = status;
	answer.count = count;
	answer.ttl_s = ttl_s;
	memcpy(answer.targets, targets, count * sizeof(targets[0]));
}

static const struct destination CORE = {.host = SPAN("core.test"), .transport = TRANSPORT_UDP};

static void ask_destination(const struct destination *destination, unsigned transports)
{
	// The server may still be starting: ask until it says something.
	for (unsigned i = 0; i < 20; i++) {
		answer.done = false;
		cr_assert(eq(int, resolver_ask(resolver, destination, transports, came, NULL), 0));
		for (unsigned j = 0; j < 300 && !answer.done; j++)
			turn(10);
		if (answer.done && answer.status != -EAGAIN)
			return;
	}
	cr_assert(answer.done);
}

static void ask(struct span host, uint16_t port)
{
	const struct destination destination = {
		.host = host, .port = port, .transport = TRANSPORT_UDP};

	ask_destination(&destination, UDP);
}

Test(targets, a_name_without_port_is_asked_for_by_srv_in_order, .init = setup, .fini = teardown)
{
	ask(SPAN("core.test"), 0);
	cr_assert(eq(int, answer.status, 0));
	cr_assert(eq(uint, answer.count, 2));
	cr_assert(eq(int, answer.targets[0].endpoint.address[3], 2));
	cr_assert(eq(int, answer.targets[0].endpoint.port, ports[0]));
	cr_assert(eq(int, answer.targets[1].endpoint.address[3], 3));
}

Test(targets, naptr_chooses_among_the_transports_that_can_be_sent_by, .init = setup,
	.fini = teardown)
{
	const struct destination any = {.host = SPAN("any.core.test")};

	ask_destination(&any, UDP | 1u << TRANSPORT_TCP | 1u << TRANSPORT_TLS);
	cr_assert(eq(int, answer.status, 0));
	cr_assert(eq(uint, answer.count, 1));
	cr_assert(eq(int, answer.targets[0].transport, TRANSPORT_TLS));
	cr_assert(eq(int, answer.targets[0].endpoint.address[3], 3));
	cr_assert(eq(int, answer.targets[0].endpoint.port, 5061));
	ask_destination(&any, UDP | 1u << TRANSPORT_TCP);
	cr_assert(eq(int, answer.targets[0].transport, TRANSPORT_TCP));
	cr_assert(eq(int, answer.targets[0].endpoint.address[3], 2));
}

Test(targets, an_answer_lives_as_long_as_its_records_say, .init = setup, .fini = teardown)
{
	ask(SPAN("core.test"), 0);
	cr_assert(eq(u32, answer.ttl_s, 17));
	ask(SPAN("b.core.test"), 5099);
	cr_assert(eq(u32, answer.ttl_s, 17));
}

static bool hosts_file_has(const char *name)
{
	char line[256];
	bool has = false;
	FILE *file = fopen("/etc/hosts", "r");

	while (file != NULL && !has && fgets(line, sizeof(line), file) != NULL)
		has = line[0] != '#' && strstr(line, name) != NULL;
	if (file != NULL)
		fclose(file);
	return has;
}

Test(targets, a_name_of_the_hosts_file_is_not_asked_for, .init = setup, .fini = teardown)
{
	if (!hosts_file_has("localhost"))
		cr_skip_test("no localhost in /etc/hosts: 1 test skipped");
	ask(SPAN("localhost"), 5070);
	cr_assert(eq(int, answer.status, 0));
	cr_assert(ge(uint, answer.count, 1));
	cr_assert(eq(int, answer.targets[answer.count - 1].endpoint.address[0], 127));
	cr_assert(eq(u32, answer.ttl_s, 30));
}

static uint8_t probed_by;
static char probe_via[64];

static void probe_note(void *context, const struct target *to, struct span octets)
{
	const char *via = strstr((const char *)octets.octets, "Via: ");

	probed_by = to->transport;
	snprintf(probe_via, sizeof(probe_via), "%.*s", (int)strcspn(via, ";"), via);
}

Test(targets, a_probe_goes_by_the_transport_that_dns_says, .init = setup, .fini = teardown,
	.timeout = 60)
{
	const struct destination any = {.host = SPAN("any.core.test")};
	const struct target_options options = {.base = base,
		.resolver = resolver,
		.transports = 1u << TRANSPORT_TCP | 1u << TRANSPORT_TLS,
		.probe_every_ms = 50,
		.down_after = 3,
		.sent_by = SPAN("127.0.0.1:5061"),
		.send = probe_note};

	set = target_set_new(&options);
	cr_assert(eq(int, target_set_follow(set, &any, true), 0));
	for (unsigned i = 0; i < 100 && probed_by == 0; i++)
		turn(50);
	cr_assert(eq(int, probed_by, TRANSPORT_TLS));
	cr_assert(eq(str, probe_via, "Via: SIP/2.0/TLS 127.0.0.1:5061"));
	const struct endpoint endpoint = target_set_pick(set, &any)->endpoint;
	target_set_refused(set, TRANSPORT_TCP, &endpoint); // another transport's
	cr_assert(not(target_set_is_dead(set, TRANSPORT_TLS, &endpoint)));
	target_set_refused(set, TRANSPORT_TLS, &endpoint);
	cr_assert(target_set_is_dead(set, TRANSPORT_TLS, &endpoint));
}

Test(targets, of_more_addresses_than_are_kept_the_best_stay, .init = setup, .fini = teardown)
{
	ask(SPAN("many.core.test"), 0);
	cr_assert(eq(int, answer.status, 0));
	cr_assert(eq(uint, answer.count, RESOLVED_MAX));
	for (unsigned i = 0; i < RESOLVED_MAX; i++) {
		unsigned wanted = i < MANY / 2 ? 1 + i : 100 + i - MANY / 2;
		cr_assert(eq(uint, answer.targets[i].priority, wanted));
	}
}

Test(targets, a_name_with_a_port_is_asked_for_by_address, .init = setup, .fini = teardown)
{
	ask(SPAN("b.core.test"), 5099);
	cr_assert(eq(uint, answer.count, 1));
	cr_assert(eq(int, answer.targets[0].endpoint.port, 5099));
	ask(SPAN("six.core.test"), 0);
	cr_assert(eq(int, answer.targets[0].endpoint.family, ENDPOINT_V6));
	cr_assert(eq(int, answer.targets[0].endpoint.port, 5060));
}

Test(targets, an_address_is_itself_and_an_unknown_name_is_said, .init = setup, .fini = teardown)
{
	const struct destination nobody = {.transport = TRANSPORT_UDP};

	ask(SPAN("[2001:db8::1]"), 0);
	cr_assert(eq(int, answer.targets[0].endpoint.family, ENDPOINT_V6));
	ask(SPAN("nowhere.core.test"), 0);
	cr_assert(lt(int, answer.status, 0));
	cr_assert(eq(int, resolver_ask(resolver, &nobody, UDP, came, NULL), -EINVAL));
}

static void probe_send(void *context, const struct target *to, struct span octets)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(to->endpoint.port)};

	memcpy(&in.sin_addr, to->endpoint.address, 4);
	sendto(out, octets.octets, octets.length, 0, (struct sockaddr *)&in, sizeof(in));
}

static void note_change(void *context)
{
	changes++;
}

// Answer the probes that came, unless told not to, and bring the answers to the set.
static void serve(unsigned i)
{
	uint8_t octets[2048];
	char response[4096];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	ssize_t got;

	while ((got = recvfrom(
			sockets[i], octets, sizeof(octets), 0, (struct sockaddr *)&from, &length))
		> 0) {
		cr_assert(eq(int, message_parse(&message, octets, (size_t)got), MESSAGE_OK));
		cr_assert(eq(int, message.method, METHOD_OPTIONS));
		if (!answers[i])
			continue;
		const char *headers = strstr((char *)octets, "\r\n") + 2;
		int size = snprintf(response, sizeof(response), "SIP/2.0 200 OK\r\n%.*s",
			(int)(got - (headers - (char *)octets)), headers);
		cr_assert(eq(int, message_parse(&message, (uint8_t *)response, (size_t)size),
			MESSAGE_OK));
		cr_assert(target_set_hear(set, &message));
	}
}

static void run(unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++) {
		turn(10);
		serve(0);
		serve(1);
	}
}

static int picked(void)
{
	const struct target *target = target_set_pick(set, &CORE);

	return target == NULL ? 0 : target->endpoint.address[3];
}

static void open_set(void)
{
	const struct target_options options = {.base = base,
		.resolver = resolver,
		.transports = UDP,
		.probe_every_ms = 50,
		.down_after = 3,
		.sent_by = SPAN("127.0.0.1"),
		.send = probe_send,
		.changed = note_change};

	set = target_set_new(&options);
	cr_assert(ne(ptr, set, NULL));
	cr_assert(eq(int, target_set_follow(set, &CORE, true), 0));
	for (unsigned i = 0; i < 50 && picked() == 0; i++)
		run(100);
}

Test(targets, the_preferred_living_address_is_picked, .init = setup, .fini = teardown,
	.timeout = 60)
{
	open_set();
	cr_assert(eq(int, picked(), 2));
	answers[0] = false;
	run(500);
	cr_assert(eq(int, picked(), 3));
	answers[0] = true;
	run(200);
	cr_assert(eq(int, picked(), 2));
	cr_assert(gt(uint, changes, 2));
}

Test(targets, when_none_answers_the_first_is_tried_all_the_same, .init = setup, .fini = teardown,
	.timeout = 60)
{
	open_set();
	answers[0] = answers[1] = false;
	run(500);
	cr_assert(eq(int, picked(), 2));
}

Test(targets, icmp_takes_an_address_away_at_once, .init = setup, .fini = teardown, .timeout = 60)
{
	struct endpoint first = {.address = {127, 0, 0, 2}, .family = ENDPOINT_V4};

	open_set();
	first.port = ports[0];
	target_set_refused(set, TRANSPORT_UDP, &first);
	cr_assert(eq(int, picked(), 3));
}

Test(targets, a_strangers_response_is_not_taken_for_an_answer, .init = setup, .fini = teardown,
	.timeout = 60)
{
	static const char FORGED[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKcp0123456789abcdef\r\n"
		"From: <sip:a>;tag=1\r\nTo: <sip:a>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n";

	open_set();
	answers[0] = false;
	run(500);
	cr_assert(eq(int, message_parse(&message, (const uint8_t *)FORGED, sizeof(FORGED) - 1),
		MESSAGE_OK));
	cr_assert(target_set_hear(set, &message)); // by its branch it is for us
	cr_assert(eq(int, picked(), 3)); // and it changes nothing
}
