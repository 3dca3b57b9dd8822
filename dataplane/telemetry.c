// telemetry.c: the workers' counters by DPDK's telemetry socket, on a thread of DPDK's.

#include "telemetry.h"

#include "plane.h"

#include <rte_telemetry.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// Its names are made of letters, digits and underscores.
enum {
	TELEMETRY_NAME_MAX = 64,
};

struct verdict_word {
	const char *word;
};

#define VERDICT_WORD(NAME, word_, class_, text) {word_},
static const struct verdict_word words[] = {VERDICTS(VERDICT_WORD)};
#undef VERDICT_WORD

// DPDK takes no command back, so whoever asks finds out here whether there is a plane.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plane *shown; // under the lock
static bool registered; // set before threads start

static uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void put(struct rte_tel_data *data, const char *word, uint64_t count)
{
	char name[TELEMETRY_NAME_MAX] = "";

	for (size_t i = 0; word[i] != 0 && i < sizeof(name) - 1; i++)
		name[i] = word[i] == '-' ? '_' : word[i];
	(void)rte_tel_data_add_dict_u64(data, name, count);
}

// Of workers first to last.
static void verdicts_put(
	const struct plane *plane, uint32_t first, uint32_t last, struct rte_tel_data *data)
{
	for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		uint64_t sum = 0;

		for (uint32_t i = first; i <= last; i++)
			sum += counter_read(&plane->worker[i].counters.verdicts[verdict]);
		put(data, words[verdict].word, sum);
	}
}

static int all_show(const struct plane *plane, const char *parameter, struct rte_tel_data *data)
{
	(void)parameter;
	(void)rte_tel_data_start_dict(data);
	verdicts_put(plane, 0, plane->worker_count - 1, data);
	return 0;
}

static int list_show(const struct plane *plane, const char *parameter, struct rte_tel_data *data)
{
	(void)parameter;
	(void)rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
	for (uint32_t i = 0; i < plane->worker_count; i++)
		(void)rte_tel_data_add_array_int(data, (int)i);
	return 0;
}

static int one_show(const struct plane *plane, const char *parameter, struct rte_tel_data *data)
{
	char *end;
	unsigned long index =
		parameter == NULL ? plane->worker_count : strtoul(parameter, &end, 10);

	if (index >= plane->worker_count || end == parameter || *end != 0)
		return -EINVAL;
	const struct link_counters *counters = &plane->worker[index].counters;

	(void)rte_tel_data_start_dict(data);
	put(data, "received", counter_read(&counters->received));
	put(data, "sent", counter_read(&counters->sent));
	put(data, "bursts", counter_read(&counters->bursts));
	verdicts_put(plane, (uint32_t)index, (uint32_t)index, data);
	return 0;
}

static int show(int (*what)(const struct plane *, const char *, struct rte_tel_data *),
	const char *parameter, struct rte_tel_data *data)
{
	int error = -ENODEV;

	pthread_mutex_lock(&lock);
	if (shown != NULL)
		error = what(shown, parameter, data);
	pthread_mutex_unlock(&lock);
	return error;
}

static int verdicts_ask(const char *command, const char *parameter, struct rte_tel_data *data)
{
	(void)command;
	return show(all_show, parameter, data);
}

static int workers_ask(const char *command, const char *parameter, struct rte_tel_data *data)
{
	(void)command;
	return show(list_show, parameter, data);
}

static int worker_ask(const char *command, const char *parameter, struct rte_tel_data *data)
{
	(void)command;
	return show(one_show, parameter, data);
}

static int commands_register(void)
{
	int error = rte_telemetry_register_cmd("/weir/verdicts", verdicts_ask,
		"What became of messages, over all workers. Takes no parameters");

	if (error == 0)
		error = rte_telemetry_register_cmd(
			"/weir/workers", workers_ask, "The workers there are. Takes no parameters");
	if (error == 0)
		error = rte_telemetry_register_cmd("/weir/worker", worker_ask,
			"What one worker has counted. Parameters: int worker");
	return error;
}

int telemetry_open(struct plane *plane)
{
	int error = registered ? 0 : commands_register();

	if (error < 0)
		return error;
	registered = true;
	pthread_mutex_lock(&lock);
	shown = plane;
	pthread_mutex_unlock(&lock);
	return 0;
}

void telemetry_close(void)
{
	pthread_mutex_lock(&lock);
	shown = NULL;
	pthread_mutex_unlock(&lock);
}
