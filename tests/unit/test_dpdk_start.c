// test_dpdk_start.c: DPDK starts, or says why not; pools run dry and recover; workers share devices.

#include "dpdk_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <rte_mempool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(dpdk_start, .timeout = 60);

static char complaint[DPDK_COMPLAINT_MAX];

static int start_with(const char *const *words, unsigned count, const char *device)
{
	const struct dpdk_start_options options = {.devices = &device,
		.device_count = 1,
		.workers = 1,
		.words = words,
		.word_count = count};

	return dpdk_start(&options, complaint);
}

static int start(const char *device)
{
	return start_with(NULL, 0, device);
}

static int open_device(const char *name, unsigned workers)
{
	struct dpdk_device_options options = {.name = name, .workers = workers};

	return dpdk_open_device(&options, complaint);
}

static void assert_said(const char *part)
{
	cr_assert(strstr(complaint, part) != NULL, "'%s' is not in '%s'", part, complaint);
}

Test(dpdk_start, the_calling_threads_processors_stay_as_they_were)
{
	cpu_set_t before;
	cpu_set_t after;

	cr_assert(eq(int, sched_getaffinity(0, sizeof(before), &before), 0));
	cr_assert(eq(int, start("net_null0"), 0));
	cr_assert(eq(int, sched_getaffinity(0, sizeof(after), &after), 0));
	cr_assert(eq(int, memcmp(&before, &after, sizeof(before)), 0));
	dpdk_stop();
}

Test(dpdk_start, a_device_tells_what_it_is)
{
	struct dpdk_device_info info;

	cr_assert(eq(int, start("net_null0"), 0));
	cr_assert(eq(int, open_device("net_null0,size=64", 2), 0));
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(eq(int, info.up, false));
	cr_assert(eq(int, dpdk_run_devices(complaint), 0));
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(info.up);
	cr_assert(eq(str, info.name, "net_null0"));
	cr_assert(eq(str, info.driver, "net_null"));
	cr_assert(eq(u32, info.queues, 2));
	cr_assert(eq(u32, info.interface, 0));
	cr_assert(eq(int, dpdk_read_device(1, &info), false));
	cr_assert(dpdk_read_queue(0, 1) != NULL);
	cr_assert(dpdk_read_queue(0, 2) == NULL);
	cr_assert(dpdk_read_queue(1, 0) == NULL);
	dpdk_stop();
	cr_assert(eq(int, dpdk_read_device(0, &info), false));
}

Test(dpdk_start, what_cannot_be_opened_says_why_and_the_next_can)
{
	cr_assert(lt(int, open_device("net_null0", 1), 0));
	assert_said("not been started");
	cr_assert(eq(int, start("net_null0"), 0));
	cr_assert(lt(int, open_device("net_nonsense0", 1), 0));
	assert_said("net_nonsense0 cannot be opened");
	cr_assert(lt(int, open_device("net_af_packet0,iface=none-such", 1), 0));
	assert_said("net_af_packet0,iface=none-such cannot be opened");
	cr_assert(lt(
		int, open_device("net_pcap0,rx_pcap=/nonexistent.pcap,tx_pcap=/dev/null", 1), 0));
	assert_said("nonexistent.pcap");
	cr_assert(lt(int, open_device("net_ring0", 17), 0));
	assert_said("17 workers");
	cr_assert(lt(int, open_device("net_null0", 0), 0));
	cr_assert(eq(int, open_device("net_null0", 1), 0));
	dpdk_stop();
}

Test(dpdk_start, a_queue_of_workers_is_not_more_than_the_device_has)
{
	char file[] = "/tmp/weir-dpdk-XXXXXX";
	char name[96];
	int fd = mkstemp(file);

	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int, start("net_pcap0"), 0));
	(void)snprintf(name, sizeof(name), "net_pcap0,tx_pcap=%s", file);
	cr_assert(lt(int, open_device(name, 2), 0));
	assert_said("2 workers");
	dpdk_stop();
	close(fd);
	unlink(file);
}

Test(dpdk_start, words_that_the_eal_refuses_are_no_end_of_the_process)
{
	const char *help = "--help";
	const char *nonsense = "--nonsense";
	const char *device = "net_null0";

	cr_assert(eq(int, start_with(&help, 1, device), -EINVAL));
	cr_assert(eq(int, start_with(&help, 17, device), -E2BIG));
	cr_assert(lt(int, start_with(&nonsense, 1, device), 0));
	assert_said("DPDK does not start");
	assert_said("command line");
	dpdk_stop();
}

Test(dpdk_start, words_load_no_library)
{
	const char *const loading[] = {"-d", "-d/tmp/theirs.so", "-vd/tmp/theirs.so", "-vvd"};
	const char *const others[] = {"--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "-v", "--vdev=net_null0"};

	for (unsigned i = 0; i < sizeof(loading) / sizeof(loading[0]); i++) {
		cr_assert(eq(int, start_with(&loading[i], 1, "net_null0"), -EACCES), "%s",
			loading[i]);
		assert_said("would load a library");
	}
	cr_assert(eq(int, start_with(others, 7, "net_null0"), 0), "%s", complaint);
	dpdk_stop();
}

Test(dpdk_start, ordinary_memory_is_taken_where_it_is_asked_for)
{
	const char *device = "net_null0";
	const struct dpdk_start_options options = {
		.devices = &device, .device_count = 1, .memory = DPDK_MEMORY_ORDINARY};
	struct dpdk_device_info info;

	cr_assert(eq(int, dpdk_start(&options, complaint), 0), "%s", complaint);
	cr_assert(eq(int, open_device("net_null0", 1), 0), "%s", complaint);
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(not(info.huge_pages));
	dpdk_stop();
}

Test(dpdk_start, words_of_the_operators_are_the_ones_that_count)
{
	const char *words[] = {"--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "64",
		"--vdev=net_ring_theirs"};
	const char *device = "net_ring_theirs";

	cr_assert(eq(int, start_with(words, 7, device), 0), "%s", complaint);
	cr_assert(eq(int, open_device("net_ring_theirs", 1), 0), "%s", complaint);
	dpdk_stop();
}

Test(dpdk_start, a_port_without_its_device_or_guard_is_refused)
{
	const struct next_hops *_Atomic hops = NULL;
	struct endpoint at;
	int guard;
	struct io_port *port;

	cr_assert(eq(int, start("net_null0"), 0));
	cr_assert(eq(int, open_device("net_null0", 1), 0));
	guard = dpdk_lab_socket(AF_INET, &at);
	struct io_dpdk_listener listeners[] = {{guard, 1, 1, at}, {guard, 1, 0, at}};

	cr_assert(eq(int, io_dpdk_open(0, listeners, 1, &hops, DPDK_IDLE_POLL, 0, &port), -ENODEV));
	listeners[0].device = 0;
	cr_assert(eq(int, io_dpdk_open(1, listeners, 1, &hops, DPDK_IDLE_POLL, 0, &port), -ENODEV));
	cr_assert(eq(int, io_dpdk_open(0, listeners, 2, &hops, DPDK_IDLE_POLL, 0, &port), -EEXIST));
	cr_assert(eq(int, io_dpdk_open(0, listeners, 0, &hops, DPDK_IDLE_POLL, 0, &port), -EINVAL));
	listeners[0].guard = 0;
	cr_assert(lt(int, io_dpdk_open(0, listeners, 1, &hops, DPDK_IDLE_POLL, 0, &port), 0));
	close(guard);
	dpdk_stop();
}

Test(dpdk_start, a_pool_that_ran_dry_recovers_to_the_packet)
{
	struct dpdk_lab lab;
	struct packet *held[256];
	struct packet *packet;
	unsigned count = 0;

	dpdk_lab_open(&lab, 1, 127);
	struct io_port *port = lab.port[0];
	struct endpoint peer = dpdk_lab_endpoint("192.0.2.9", 5070);

	while (count < 256 && (held[count] = port->ops->allocate(port, 100)) != NULL)
		count++;
	cr_assert(eq(uint, count, 127));
	cr_assert(eq(uint, io_dpdk_packets_out(port), lab.baseline + 127));
	cr_assert(eq(int, dpdk_lab_feed(&lab, 0, lab.pool, SPAN("no buffer")), false));
	port->ops->release(port, held, count);
	cr_assert(eq(uint, io_dpdk_packets_out(port), lab.baseline));
	dpdk_lab_feed_datagram(&lab, 0, &peer, 1, SPAN("again"));
	cr_assert(eq(uint, port->ops->receive(port, &packet, 1), 1));
	port->ops->release(port, &packet, 1);
	dpdk_lab_close(&lab);
}

Test(dpdk_start, large_packets_that_ran_dry_are_counted_and_recover)
{
	struct dpdk_lab lab;
	struct packet *held[256];
	uint8_t frame[LAB_FRAME_MAX];
	unsigned count = 0;

	dpdk_lab_open(&lab, 1, 0);
	struct io_port *port = lab.port[0];
	struct endpoint peer = dpdk_lab_endpoint("192.0.2.9", 5070);
	size_t length = dpdk_lab_datagram(
		frame, &peer, &lab.listeners[0].address, 0, SPAN("must be copied"));

	while (count < 256 && (held[count] = port->ops->allocate(port, 60000)) != NULL)
		count++;
	cr_assert(gt(uint, count, BURST_MAX));
	cr_assert(lt(uint, count, 256));
	cr_assert(dpdk_lab_feed(&lab, 0, lab.foreign, span_of(frame, length)));
	cr_assert(eq(uint, port->ops->receive(port, held + count, 1), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, no_buffer), 1));
	port->ops->release(port, held, count);
	dpdk_lab_close(&lab);
}

struct turn {
	struct dpdk_lab *lab;
	unsigned worker;
	unsigned answered;
};

enum { TURNS = 200 };

// Answers what comes, as a worker does, on a thread of its own.
static void *worker_run(void *argument)
{
	struct turn *turn = argument;
	struct io_port *port = turn->lab->port[turn->worker];
	struct packet *packets[BURST_MAX];

	while (turn->answered < TURNS) {
		unsigned count = port->ops->receive(port, packets, BURST_MAX);

		if (count == 0) {
			port->ops->wait(port, 10);
			continue;
		}
		cr_assert(eq(u32, port->ops->send(port, packets, count), 0));
		turn->answered += count;
	}
	return NULL;
}

Test(dpdk_start, two_workers_on_two_queues_serve_any_flow)
{
	struct dpdk_lab lab;
	pthread_t thread[2];
	uint8_t frame[LAB_FRAME_MAX];

	dpdk_lab_open(&lab, 2, 0);
	struct turn turns[] = {{&lab, 0, 0}, {&lab, 1, 0}};

	for (unsigned i = 0; i < TURNS; i++) {
		struct endpoint peer = dpdk_lab_endpoint("192.0.2.9", (uint16_t)(5070 + i));

		// The same flow comes by either queue.
		dpdk_lab_feed_datagram(&lab, 0, &peer, 1, SPAN("one"));
		dpdk_lab_feed_datagram(&lab, 1, &peer, 1, SPAN("two"));
	}
	for (unsigned i = 0; i < 2; i++)
		cr_assert(eq(int, pthread_create(&thread[i], NULL, worker_run, &turns[i]), 0));
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (unsigned worker = 0; worker < 2; worker++)
		for (unsigned i = 0; i < TURNS; i++) {
			struct frame sent;
			size_t length = dpdk_lab_take(&lab, worker, frame);

			cr_assert(eq(int, frame_read(frame, length, 0, &sent), FRAME_DATAGRAM));
			cr_assert(eq(int, sent.destination.port, 5070 + i));
		}
	dpdk_lab_close(&lab);
}

static unsigned long huge_pages(const char *change)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", change == NULL ? "r" : "w");
	unsigned long count = 0;

	if (file == NULL)
		cr_skip("huge pages are not this user's to change");
	if (change != NULL)
		fputs(change, file);
	else if (fscanf(file, "%lu", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

// Two megabytes, where one queue pair takes more.
Test(dpdk_start, a_few_free_huge_pages_are_no_reason_to_fail)
{
	struct dpdk_device_info info;
	int error;

	if (getuid() != 0 || huge_pages(NULL) != 0)
		cr_skip("needs root, and a host without huge pages");
	(void)huge_pages("1");
	error = start("net_null0");
	if (error == 0)
		error = open_device("net_null0", 1);
	(void)huge_pages("0");
	cr_assert(eq(int, error, 0), "%s", complaint);
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(not(info.huge_pages));
	dpdk_stop();
}
