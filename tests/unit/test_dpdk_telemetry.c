// test_dpdk_telemetry.c: what is counted can be asked for by DPDK's telemetry socket.

#include "io_dpdk.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <rte_eal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(dpdk_telemetry, .timeout = 60);

static char complaint[DPDK_COMPLAINT_MAX];
static char answer[16384];
static char prefix[48];

// The EAL takes its socket away when the process ends, but not the folder.
static void folder_remove(void)
{
	(void)rmdir(rte_eal_get_runtime_dir());
}

static void start(void)
{
	const char *const words[] = {"--no-huge", "--no-pci", "--no-shconf", "-m", "128", prefix};
	const char *device = "net_null0";
	const struct dpdk_start_options options = {
		.words = words, .word_count = 6, .devices = &device, .device_count = 1};
	const struct dpdk_device_options null = {.name = device, .workers = 2};

	// What is said first is done last, after the EAL's own.
	(void)atexit(folder_remove);
	(void)snprintf(prefix, sizeof(prefix), "--file-prefix=weir-test-%d", (int)getpid());
	cr_assert(eq(int, dpdk_start(&options, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_open_device(&null, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_run_devices(complaint), 0), "%s", complaint);
}

static int connected(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/dpdk_telemetry.v2",
		rte_eal_get_runtime_dir());
	cr_assert(eq(int, connect(fd, (struct sockaddr *)&at, sizeof(at)), 0), "%s", at.sun_path);
	// It says who it is first.
	cr_assert(gt(long, recv(fd, answer, sizeof(answer) - 1, 0), 0));
	return fd;
}

static const char *ask(int fd, const char *command)
{
	ssize_t length;

	cr_assert(eq(long, send(fd, command, strlen(command), 0), (long)strlen(command)));
	length = recv(fd, answer, sizeof(answer) - 1, 0);
	cr_assert(gt(long, length, 0));
	answer[length] = '\0';
	return answer;
}

static void assert_has(const char *part)
{
	cr_assert(strstr(answer, part) != NULL, "'%s' is not in '%s'", part, answer);
}

Test(dpdk_telemetry, devices_and_what_their_queues_count_can_be_asked_for)
{
	start();
	int fd = connected();

	ask(fd, "/weir/ports");
	assert_has("net_null0");
	ask(fd, "/weir/ports,0");
	assert_has("\"driver\":\"net_null\"");
	assert_has("\"up\":1");
	assert_has("\"queues\":2");
	assert_has("\"received\":0");
	assert_has("\"by_kernel\":0");
	ask(fd, "/weir/ports,0,1");
	assert_has("\"malformed\":0");
	ask(fd, "/weir/ports,0,2");
	cr_assert(strstr(answer, "received") == NULL);
	ask(fd, "/weir/ports,1");
	cr_assert(strstr(answer, "received") == NULL);
	ask(fd, "/weir/ports,nonsense");
	cr_assert(strstr(answer, "received") == NULL);
	close(fd);
	dpdk_stop();
}
