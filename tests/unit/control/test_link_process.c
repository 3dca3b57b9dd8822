// test_link_process.c: the link client and weir-dataplane itself, each dying once.

#include "link_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t process;

static void dataplane_start(void)
{
	process = fork();
	if (process != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is ended leaves nothing behind
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	execl(WEIR_DATAPLANE, "weir-dataplane", "--link", link_path, (char *)NULL);
	_exit(127);
}

static void dataplane_kill(void)
{
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

static void setup(void)
{
	link_setup_path();
	dataplane_start();
	link_open();
	fake_wait(&plane, &heard.ups, 1);
}

static void teardown(void)
{
	dataplane_kill();
	link_teardown();
}

static void setup_device(void)
{
	device_count = 1;
	devices[0] = (struct link_device){.name = "net_null0,no-rx=1"};
	link_setup_path();
	listeners[0].driver = LINK_DRIVER_DPDK;
	dataplane_start();
	link_open();
}

TestSuite(link_process_device, .init = setup_device, .fini = teardown, .timeout = 60);

TestSuite(link_process, .init = setup, .fini = teardown, .timeout = 60);

// What the keeper answers comes after all that was put before.
static void ask_keeper(uint64_t request)
{
	struct link_explain question = {.request = request, .length = 1, .text = "x"};
	struct link_explained answer;
	unsigned before = heard.events;

	cr_assert(ne(u64,
		link_client_put(client, LINK_EXPLAIN, span_of(&question, sizeof(question))), 0));
	fake_wait(&plane, &heard.events, before + 1);
	cr_assert(eq(int, heard.event_type, LINK_EVENT_EXPLAINED));
	memcpy(&answer, heard.octets, sizeof(answer));
	cr_assert(eq(u64, answer.request, request));
}

Test(link_process, runs_with_the_workers_that_were_asked_for_and_answers)
{
	cr_assert(eq(uint, link_client_workers(client), FAKE_WORKERS));
	ask_keeper(1);
	for (unsigned worker = 0; worker < FAKE_WORKERS; worker++)
		cr_assert(link_client_counters(client, worker) != NULL);
}

// A word of /proc/PID/status; -1: it is not there.
static long status_read(const char *word)
{
	char path[64], line[256];
	long value = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", process);
	FILE *file = fopen(path, "r");

	cr_assert(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, word, strlen(word)) == 0)
			value = strtol(line + strlen(word), NULL, 16);
	fclose(file);
	return value;
}

Test(link_process, forwards_without_capabilities_and_in_its_sandbox)
{
	ask_keeper(9);
	cr_assert(eq(long, status_read("CapPrm:"), 0));
	cr_assert(eq(long, status_read("NoNewPrivs:"), 1));
	// 2: a filter. The sanitizers' builds have none.
	cr_assert(eq(long, status_read("Seccomp:"), SANDBOXED ? 2 : 0));
}

Test(link_process, ends_in_its_sandbox_when_it_is_told_to_and_takes_its_socket_along)
{
	int status;

	ask_keeper(9);
	kill(process, SIGTERM);
	cr_assert(eq(int, waitpid(process, &status, 0), process));
	cr_assert(eq(int, status, 0));
	cr_assert(ne(int, access(link_path, F_OK), 0));
	dataplane_start();
}

Test(link_process, takes_more_records_than_the_ring_holds)
{
	struct link_peer_state state = {.edge = 2, .incarnation = 1};
	// Two rings full.
	unsigned count = 2 * LINK_TABLE_RING_OCTETS / sizeof(state);

	for (unsigned i = 0; i < count; i++)
		cr_assert(ne(u64,
			link_client_put(client, LINK_PEER_STATE, span_of(&state, sizeof(state))),
			0));
	ask_keeper(2);
	cr_assert(eq(uint, heard.downs, 0));
}

Test(link_process, goes_on_when_control_comes_back)
{
	ask_keeper(3);
	link_client_close(client);
	link_open();
	fake_wait(&plane, &heard.ups, 2);
	ask_keeper(4);
	cr_assert(not(link_was_said("link-refused")));
}

Test(link_process, is_set_up_anew_after_its_death)
{
	dataplane_kill();
	fake_wait(&plane, &heard.downs, 1);
	dataplane_start();
	fake_wait(&plane, &heard.ups, 2);
	ask_keeper(5);
}

// True if every thread of the dataplane has a line that begins so.
static bool threads_have(const char *line, unsigned *threads)
{
	char path[320];
	char text[4096];
	bool all = true;

	*threads = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	DIR *folder = opendir(path);

	for (const struct dirent *thread; (thread = readdir(folder)) != NULL;) {
		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)process,
			thread->d_name);
		FILE *status = fopen(path, "r");

		text[fread(text, 1, sizeof(text) - 1, status)] = 0;
		fclose(status);
		all = all && strstr(text, line) != NULL;
		++*threads;
	}
	closedir(folder);
	return all;
}

// Of ours, and those that DPDK has made.
Test(link_process_device, leaves_no_thread_a_capability_or_a_way_to_one)
{
	unsigned threads;

	fake_wait(&plane, &heard.ups, 1);
	cr_assert(threads_have("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n", &threads));
	cr_assert(threads_have("NoNewPrivs:\t1\n", &threads));
	cr_assert(gt(uint, threads, 1 + FAKE_WORKERS + 1)); // main, workers, keeper: and more
}

Test(link_process_device, tells_of_its_device_again_after_either_has_died)
{
	fake_wait(&plane, &heard.ups, 1);
	fake_wait(&plane, &heard.events, 1);
	cr_assert(eq(int, heard.event_type, LINK_EVENT_DEVICE));
	link_client_close(client);
	link_open();
	fake_wait(&plane, &heard.events, 2);
	dataplane_kill();
	fake_wait(&plane, &heard.downs, 1);
	dataplane_start();
	fake_wait(&plane, &heard.events, 3);
	cr_assert(eq(int, heard.event_type, LINK_EVENT_DEVICE));
}

static void setup_no_device(void)
{
	setup_device();
	devices[0] = (struct link_device){.name = "net_af_packet0,iface=nowhere"};
}

TestSuite(link_process_no_device, .init = setup_no_device, .fini = teardown, .timeout = 60);

Test(link_process_no_device, ends_when_a_device_fails_and_the_next_one_may_do_better)
{
	int status;

	for (unsigned i = 0; i < 5000 && waitpid(process, &status, WNOHANG) == 0; i++)
		fake_turn(&plane, 1);
	cr_assert(eq(int, status, 1 << 8)); // exit(1)
	cr_assert(eq(int, heard.fault.kind, LINK_FAULT_DEVICE));
	cr_assert(eq(int, heard.fault.listener, 0));
	devices[0] = (struct link_device){.name = "net_null0,no-rx=1"};
	dataplane_start();
	fake_wait(&plane, &heard.ups, 1);
}
