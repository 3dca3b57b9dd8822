// test_telemetry.c: DPDK's telemetry socket shows what workers count, and nothing once they are gone.

#include "io/io_dpdk.h"
#include "plane.h"
#include "telemetry.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	WORKERS = 2,
	ANSWER_MAX = 16384,
};

static char folder[] = "/tmp/weir-telemetry-XXXXXX";
static struct plane *plane;
static int fd;
static char answer[ANSWER_MAX];

static void setup(void)
{
	const struct link_config config = {.workers = WORKERS,
		.flows_max = 16,
		.peer_flows_max = 16,
		.rows_max = 64,
		.edge = 1};
	const char *device = "net_null0";
	const struct dpdk_start_options start = {
		.devices = &device, .device_count = 1, .memory = DPDK_MEMORY_ORDINARY};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char complaint[DPDK_COMPLAINT_MAX] = "";

	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	setenv("RUNTIME_DIRECTORY", folder, 1); // the EAL's files
	cr_assert(eq(int, dpdk_start(&start, complaint), 0), "%s", complaint);
	cr_assert(eq(int, plane_new(&config, &plane), 0));
	cr_assert(eq(int, telemetry_open(plane), 0));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk/weir/dpdk_telemetry.v2",
		folder);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	cr_assert(gt(long, recv(fd, answer, sizeof(answer), 0), 0)); // who it is
}

static void teardown(void)
{
	char command[128];

	close(fd);
	telemetry_close();
	plane_free(plane);
	dpdk_stop();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(telemetry, .init = setup, .fini = teardown, .timeout = 60);

static bool answers(const char *question, const char *wanted)
{
	cr_assert(gt(long, send(fd, question, strlen(question), 0), 0));
	ssize_t length = recv(fd, answer, sizeof(answer) - 1, 0);

	cr_assert(gt(long, length, 0));
	answer[length] = 0;
	return strstr(answer, wanted) != NULL;
}

Test(telemetry, shows_verdicts_over_all_workers_and_of_each)
{
	atomic_store(&plane->worker[0].counters.verdicts[VERDICT_R1_OWN], 40);
	atomic_store(&plane->worker[1].counters.verdicts[VERDICT_R1_OWN], 2);
	atomic_store(&plane->worker[1].counters.received, 7);
	cr_assert(answers("/weir/verdicts", "\"r1_own\":42,"), "%s", answer);
	cr_assert(answers("/weir/workers", "[0,1]"), "%s", answer);
	cr_assert(answers("/weir/worker,1", "\"received\":7,"), "%s", answer);
	cr_assert(answers("/weir/worker,1", "\"r1_own\":2,"), "%s", answer);
}

Test(telemetry, shows_every_verdict_there_is)
{
	unsigned names = 0;

	cr_assert(answers("/weir/verdicts", "{"));
	for (const char *at = answer; (at = strchr(at, ':')) != NULL; at++)
		names++;
	cr_assert(eq(uint, names, 1 + VERDICT_COUNT));
}

Test(telemetry, knows_no_worker_that_is_none)
{
	cr_assert(answers("/weir/worker,2", "null"), "%s", answer);
	cr_assert(answers("/weir/worker,x", "null"), "%s", answer);
	cr_assert(answers("/weir/worker", "null"), "%s", answer);
	cr_assert(answers("/weir/worker,-1", "null"), "%s", answer);
}

Test(telemetry, asks_no_plane_that_is_gone)
{
	telemetry_close();
	cr_assert(answers("/weir/verdicts", "null"), "%s", answer);
	cr_assert(eq(int, telemetry_open(plane), 0));
	cr_assert(answers("/weir/workers", "[0,1]"), "%s", answer);
}
