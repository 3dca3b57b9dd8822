// dpdk_telemetry.c: counters for whoever asks DPDK's telemetry socket (dpdk-telemetry.py -f weir).
//
// It answers on a thread of DPDK's, from memory alone: no device is asked.

#include "dpdk_private.h"

#include <rte_telemetry.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

// DPDK's callback has no argument of ours, and outlives our devices.
static pthread_mutex_t telemetry_lock = PTHREAD_MUTEX_INITIALIZER;
static bool telemetry_ended;

struct counter_name {
	const char *name;
	size_t offset;
};

#define COUNTER(field) \
	{ \
#field, offsetof(struct dpdk_queue_counters, field) \
	}

static const struct counter_name counter_names[] = {
	COUNTER(received),
	COUNTER(sent),
	COUNTER(other),
	COUNTER(malformed),
	COUNTER(fragments),
	COUNTER(fragments_refused),
	COUNTER(no_listener),
	COUNTER(no_buffer),
	COUNTER(send_failed),
	COUNTER(by_kernel),
};

enum {
	COUNTERS = sizeof(counter_names) / sizeof(counter_names[0]),
};

static_assert(COUNTERS * sizeof(uint64_t) == sizeof(struct dpdk_queue_counters), "all are named");

static uint64_t counter_read(const struct dpdk_queue *queue, size_t offset)
{
	const uint8_t *counters = (const uint8_t *)&queue->counters;

	return atomic_load_explicit(
		(const _Atomic uint64_t *)(counters + offset), memory_order_relaxed);
}

static void counters_add(
	struct rte_tel_data *answer, const struct dpdk_device *device, unsigned first, unsigned end)
{
	for (unsigned i = 0; i < COUNTERS; i++) {
		uint64_t sum = 0;

		for (unsigned worker = first; worker < end; worker++)
			sum += counter_read(&device->queues[worker], counter_names[i].offset);
		(void)rte_tel_data_add_dict_u64(answer, counter_names[i].name, sum);
	}
}

static int names_answer(struct rte_tel_data *answer)
{
	(void)rte_tel_data_start_array(answer, RTE_TEL_STRING_VAL);
	for (unsigned i = 0; i < dpdk_device_count(); i++)
		(void)rte_tel_data_add_array_string(answer, dpdk_device_at(i)->name);
	return 0;
}

// worker below 0: all of them.
static int device_answer(unsigned index, long worker, struct rte_tel_data *answer)
{
	const struct dpdk_device *device = dpdk_device_at(index);

	if (device == NULL || worker >= (long)device->workers)
		return -ENODEV;
	(void)rte_tel_data_start_dict(answer);
	(void)rte_tel_data_add_dict_string(answer, "name", device->name);
	(void)rte_tel_data_add_dict_string(answer, "driver", device->driver);
	(void)rte_tel_data_add_dict_u64(
		answer, "up", atomic_load_explicit(&device->up, memory_order_relaxed));
	(void)rte_tel_data_add_dict_u64(answer, "queues", device->workers);
	counters_add(answer, device, worker < 0 ? 0 : (unsigned)worker,
		worker < 0 ? device->workers : (unsigned)worker + 1);
	return 0;
}

// "/weir/ports": names; "/weir/ports,0": device 0; "/weir/ports,0,1": what worker 1 has counted there.
static int ports_answer(const char *parameters, struct rte_tel_data *answer)
{
	unsigned device;
	unsigned worker;

	if (parameters == NULL || parameters[0] == '\0')
		return names_answer(answer);
	switch (sscanf(parameters, "%3u,%3u", &device, &worker)) {
	case 1:
		return device_answer(device, -1, answer);
	case 2:
		return device_answer(device, (long)worker, answer);
	default:
		return -EINVAL;
	}
}

static int answer_unless_ended(
	const char *command, const char *parameters, struct rte_tel_data *answer)
{
	int error = -ENODEV;

	pthread_mutex_lock(&telemetry_lock);
	if (!telemetry_ended)
		error = ports_answer(parameters, answer);
	pthread_mutex_unlock(&telemetry_lock);
	return error;
}

void dpdk_telemetry_begin(void)
{
	telemetry_ended = false;
	// It fails where the operator wants no telemetry.
	(void)rte_telemetry_register_cmd("/weir/ports", answer_unless_ended,
		"Devices by name. Parameters: device, and worker of it: what it has counted");
}

void dpdk_telemetry_end(void)
{
	pthread_mutex_lock(&telemetry_lock);
	telemetry_ended = true;
	pthread_mutex_unlock(&telemetry_lock);
}
