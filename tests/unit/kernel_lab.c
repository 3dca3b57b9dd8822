// kernel_lab.c: a network namespace of the test's own.

#include "kernel_lab.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 5000, // a picture is due within milliseconds, on a machine with time
	COMMAND_MAX = 256,
};

struct plane *plane;

static bool running;

void ip(const char *format, ...)
{
	char command[COMMAND_MAX] = "ip ";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, arguments);
	va_end(arguments);
	cr_assert(eq(int, system(command), 0), "%s", command);
}

void watch_open(void)
{
	const struct kernel_device device = {if_nametoindex("dev0"), KERNEL_LAB_DEVICE};

	cr_assert(eq(int, kernel_watch_open(plane, &device, 1, &plane->watch), 0));
}

void kernel_lab_setup(void)
{
	const struct link_config config = {
		.workers = 1, .flows_max = 64, .peer_flows_max = 64, .rows_max = 256, .edge = 1};

	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("no right to make a network namespace: 1 test skipped");
	ip("link set lo up");
	ip("link add dev0 address 02:00:00:00:00:01 type veth peer name far0");
	ip("link set dev0 up");
	ip("link set far0 up");
	ip("address add 192.0.2.10/24 dev dev0");
	ip("address add 2001:db8::10/64 dev dev0 nodad");
	cr_assert(eq(int, plane_new(&config, &plane), 0));
	urcu_qsbr_register_thread();
}

void watch_run(void)
{
	cr_assert(eq(int, kernel_watch_start(plane->watch), 0));
	running = true;
}

void watch_start(void)
{
	watch_open();
	watch_run();
}

void kernel_lab_teardown(void)
{
	if (plane == NULL)
		return;
	urcu_qsbr_unregister_thread();
	if (running)
		kernel_watch_stop(plane->watch);
	plane_free(plane);
}

struct endpoint address(const char *text)
{
	bool v4 = strchr(text, ':') == NULL;
	struct endpoint endpoint = {.family = v4 ? ENDPOINT_V4 : ENDPOINT_V6};

	cr_assert(eq(int, inet_pton(v4 ? AF_INET : AF_INET6, text, endpoint.address), 1));
	return endpoint;
}

// False: the kernel sends. As a worker does it, within one burst.
bool find(const char *text, struct next_hop *hop)
{
	struct endpoint destination = address(text);
	const struct next_hop *found = next_hops_find(
		atomic_load_explicit(&plane->hops, memory_order_acquire), &destination);

	if (found != NULL)
		*hop = *found;
	plane_rest(plane);
	return found != NULL;
}

// The last octet of the MAC address it is sent to, or KERNEL.
int last_octet(const char *text)
{
	struct next_hop hop;

	return find(text, &hop) ? hop.destination_mac[5] : KERNEL;
}

static void nap(void)
{
	const struct timespec millisecond = {.tv_nsec = 1000 * 1000};

	urcu_qsbr_thread_offline();
	nanosleep(&millisecond, NULL);
	urcu_qsbr_thread_online();
}

// Waits until the picture says so.
void expect(const char *text, int last)
{
	for (unsigned ms = 0; ms < PATIENCE_MS && last_octet(text) != last; ms++)
		nap();
	cr_assert(eq(int, last_octet(text), last), "%s", text);
}

void expect_stale(const char *text, bool stale)
{
	struct next_hop hop = {.stale = !stale};

	for (unsigned ms = 0; ms < PATIENCE_MS && !(find(text, &hop) && hop.stale == stale); ms++)
		nap();
	cr_assert(eq(int, hop.stale, stale), "%s", text);
}

void expect_mtu(const char *text, unsigned mtu)
{
	struct next_hop hop = {.mtu = 0};

	for (unsigned ms = 0; ms < PATIENCE_MS && !(find(text, &hop) && hop.mtu == mtu); ms++)
		nap();
	cr_assert(eq(uint, hop.mtu, mtu), "%s", text);
}
