// device_report.c: devices and queues, as control sees them.

#include "device_report.h"

#include "io/io_dpdk.h"
#include "keeper.h"
#include "session.h"

#include <stdio.h>
#include <string.h>

enum {
	REPORT_EVERY_US = 200 * 1000,
	QUEUE_COUNTERS = sizeof(struct dpdk_queue_counters) / sizeof(uint64_t),
};

// One for one, in the same order.
static_assert(offsetof(struct link_queue_counters, by_kernel)
			== offsetof(struct dpdk_queue_counters, by_kernel)
		&& offsetof(struct link_queue_counters, no_listener)
			== offsetof(struct dpdk_queue_counters, no_listener),
	"counters of a queue");

void device_report_forget(struct device_report *report)
{
	memset(report, 0, sizeof(*report));
}

static struct link_event_device event_of(unsigned device, const struct dpdk_device_info *info)
{
	struct link_event_device event = {
		.interface = info->interface,
		.queues = info->queues,
		.speed_mbit = info->speed_mbit,
		.device = (uint8_t)device,
		.up = info->up,
		.huge_pages = info->huge_pages,
	};

	memcpy(event.mac, info->mac, sizeof(event.mac));
	snprintf(event.driver, sizeof(event.driver), "%s", info->driver);
	return event;
}

// What does not fit into the ring is told next time.
static void device_tell(struct device_report *report, struct session *session, unsigned device,
	const struct dpdk_device_info *info)
{
	struct link_event_device event = event_of(device, info);

	if (report->told[device] && memcmp(&event, &report->last[device], sizeof(event)) == 0)
		return;
	if (!keeper_send_event(session, LINK_EVENT_DEVICE, span_of(&event, sizeof(event))))
		return;
	report->told[device] = true;
	report->last[device] = event;
}

static void queue_publish(struct session *session, uint32_t worker, unsigned device,
	const struct dpdk_device_info *info)
{
	const _Atomic uint64_t *from = (const _Atomic uint64_t *)dpdk_read_queue(device, worker);
	struct link_queue_counters *queue = region_queue_counters(&session->region, worker, device);
	_Atomic uint64_t *to = (_Atomic uint64_t *)queue;

	atomic_store_explicit(&queue->packets_out, info->packets_out, memory_order_relaxed);
	for (size_t i = 0; from != NULL && i < QUEUE_COUNTERS; i++)
		atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
			memory_order_relaxed);
}

void device_report_tick(
	struct device_report *report, struct session *session, uint32_t workers, uint64_t now_us)
{
	struct dpdk_device_info info;

	if (now_us < report->due_us)
		return;
	report->due_us = now_us + REPORT_EVERY_US;
	for (unsigned device = 0; device < LINK_DEVICES_MAX && dpdk_read_device(device, &info);
		device++) {
		device_tell(report, session, device, &info);
		for (uint32_t worker = 0; worker < workers; worker++)
			queue_publish(session, worker, device, &info);
	}
}
