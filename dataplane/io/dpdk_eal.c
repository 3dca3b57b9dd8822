// dpdk_eal.c: start and end of DPDK's environment.

#include "dpdk_private.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EAL_OWN_WORDS = 12, // program, what suits the host, processors
	EAL_WORD_MAX = DPDK_DEVICE_NAME_MAX,
	// Without huge pages the EAL is told how much memory it may have; what is never used is never touched. For each device as
	// much as LINK_WORKERS_MAX queues may want at most, and some for the EAL.
	EAL_MEMORY_MB = 128,
	EAL_DEVICE_MEMORY_MB = 768,
	// Huge pages are taken when they are there, and must be enough: the EAL's own and those of each queue pair.
	EAL_HUGE_MEMORY_MB = 32,
	EAL_QUEUE_MEMORY_MB = 24,
};

// The EAL keeps pointers to its words: they live as long as the process, of which it is a part.
static char eal_word[EAL_OWN_WORDS + DPDK_DEVICES_MAX * 2 + DPDK_WORDS_MAX][EAL_WORD_MAX];
static char *eal_argument[sizeof(eal_word) / sizeof(eal_word[0]) + 1];
static bool eal_started;
static bool eal_alone;

__attribute__((format(printf, 2, 3))) static int word_add(int count, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(eal_word[count], EAL_WORD_MAX, format, arguments);
	va_end(arguments);
	eal_argument[count] = eal_word[count];
	return count + 1;
}

static unsigned long file_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long value = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu", &value) != 1)
		value = 0;
	(void)fclose(file);
	return value;
}

static unsigned long huge_pages_free_mb(void)
{
	return 2 * file_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
		+ 1024 * file_number("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");
}

static unsigned long memory_wanted_mb(const struct dpdk_start_options *options)
{
	return EAL_HUGE_MEMORY_MB
		+ (unsigned long)options->device_count * options->workers * EAL_QUEUE_MEMORY_MB;
}

// A few pages that somebody left free must not be what a start fails by.
static bool huge_pages_suffice(const struct dpdk_start_options *options)
{
	unsigned long there = huge_pages_free_mb();
	unsigned long wanted = memory_wanted_mb(options);

	if (there >= wanted)
		return true;
	(void)fprintf(stderr,
		"weir-dataplane: %lu MB of huge pages are free and %lu are wanted: packets are in "
		"ordinary memory, where each costs nearly three times as much to handle: write the "
		"number of pages to /proc/sys/vm/nr_hugepages   [W-HUGE-PAGES]\n",
		there, wanted);
	return false;
}

static int memory_words_add(int count, const struct dpdk_start_options *options, bool pci)
{
	if (options->memory == DPDK_MEMORY_HUGE
		|| (options->memory == DPDK_MEMORY_AUTO && huge_pages_suffice(options))) {
		count = word_add(count, "--in-memory");
		return pci ? count : word_add(count, "--iova-mode=va");
	}
	count = word_add(count, "--no-huge");
	count = word_add(count, "--no-shconf");
	return word_add(
		count, "-m%u", EAL_MEMORY_MB + options->device_count * EAL_DEVICE_MEMORY_MB);
}

static int suiting_words_add(int count, const struct dpdk_start_options *options)
{
	bool pci = false;

	for (unsigned i = 0; i < options->device_count; i++) {
		if (!dpdk_name_is_pci(options->devices[i]))
			continue;
		pci = true;
		count = word_add(count, "-a");
		count = word_add(count, "%s", options->devices[i]);
	}
	if (!pci)
		count = word_add(count, "--no-pci");
	count = memory_words_add(count, options, pci);
	// It says at every start that it does not do what nobody asked for.
	count = word_add(count, "--log-level=lib.telemetry:error");
	return word_add(count, "--file-prefix=weir");
}

static bool word_is_about_processors(const char *word)
{
	return strncmp(word, "-l", 2) == 0 || strncmp(word, "-c", 2) == 0
		|| strncmp(word, "--lcores", 8) == 0 || strncmp(word, "-S", 2) == 0;
}

// Help ends the process.
static bool word_is_help(const char *word)
{
	return strcmp(word, "-h") == 0 || (strncmp(word, "--h", 3) == 0 && word[3] != 'u');
}

// -d has the EAL load a library: whoever may send words would run code with this process's capabilities. -v takes nothing, so that
// another letter may follow it in one word.
static bool word_is_library(const char *word)
{
	const char *letter = word + 1;

	if (word[0] != '-')
		return false;
	while (*letter == 'v')
		letter++;
	return *letter == 'd';
}

// Threads are ours: the EAL gets one processor to be on for a moment, and makes no thread of its own for traffic.
static int processor_words_add(int count, const cpu_set_t *cpus)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, cpus))
		cpu++;
	return word_add(count, "--lcores=0@%d", cpu);
}

static int words_add(const struct dpdk_start_options *options, const cpu_set_t *cpus)
{
	bool processors = false;
	int total = word_add(0, "weir-dataplane");

	if (options->word_count == 0)
		total = suiting_words_add(total, options);
	for (unsigned i = 0; i < options->word_count; i++) {
		processors |= word_is_about_processors(options->words[i]);
		total = word_add(total, "%s", options->words[i]);
	}
	return processors ? total : processor_words_add(total, cpus);
}

static int words_judge(const char *const *words, unsigned count, char complaint[DPDK_COMPLAINT_MAX])
{
	if (count > DPDK_WORDS_MAX)
		return dpdk_complain(complaint, -E2BIG,
			"%u words for the EAL: at most %d can be given", count, DPDK_WORDS_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (word_is_help(words[i]))
			return dpdk_complain(
				complaint, -EINVAL, "'%s' is no word for a running EAL", words[i]);
		if (word_is_library(words[i]))
			return dpdk_complain(complaint, -EACCES,
				"'%.40s' would load a library, which only DPDK's own folder of "
				"drivers "
				"may bring",
				words[i]);
		if (strlen(words[i]) >= EAL_WORD_MAX)
			return dpdk_complain(complaint, -EINVAL,
				"'%.40s...' is longer than %d octets", words[i], EAL_WORD_MAX - 1);
	}
	return 0;
}

static int eal_init(int count, const cpu_set_t *cpus, char complaint[DPDK_COMPLAINT_MAX])
{
	dpdk_log_clear();
	int result = rte_eal_init(count, eal_argument);
	int error = rte_errno;

	// The calling thread was put on the EAL's processor.
	(void)sched_setaffinity(0, sizeof(*cpus), cpus);
	if (result < 0)
		return dpdk_complain(complaint, error > 0 ? -error : -EIO, "DPDK does not start");
	return 0;
}

static int options_judge(
	const struct dpdk_start_options *options, char complaint[DPDK_COMPLAINT_MAX])
{
	if (options->device_count > DPDK_DEVICES_MAX)
		return dpdk_complain(complaint, -E2BIG, "%u devices: at most %d can be had",
			options->device_count, DPDK_DEVICES_MAX);
	if (options->word_count == 0 && options->memory == DPDK_MEMORY_HUGE
		&& huge_pages_free_mb() == 0)
		return dpdk_complain(complaint, -ENOMEM,
			"no huge pages are free, and packets are to be in nothing else");
	return words_judge(options->words, options->word_count, complaint);
}

int dpdk_start(const struct dpdk_start_options *options, char complaint[DPDK_COMPLAINT_MAX])
{
	cpu_set_t cpus;
	int error = options_judge(options, complaint);

	if (error < 0)
		return error;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0 || dpdk_log_open() < 0)
		return dpdk_complain(complaint, -ENOMEM, "no memory to start DPDK");
	eal_alone = options->device_count == 1;
	error = eal_init(words_add(options, &cpus), &cpus, complaint);
	eal_started = error == 0;
	if (eal_started)
		dpdk_telemetry_begin();
	return error;
}

bool dpdk_is_started(void)
{
	return eal_started;
}

bool dpdk_is_alone(void)
{
	return eal_alone;
}

void dpdk_stop(void)
{
	if (!eal_started)
		return;
	dpdk_telemetry_end();
	dpdk_devices_close();
	(void)rte_eal_cleanup();
	eal_started = false;
}
