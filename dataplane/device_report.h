// device_report.h: what control is told of DPDK devices: a record when one changes, and the counters of its queues.

#pragma once

#include <weir/link.h>

#include <stdbool.h>

struct session;

// All of it is the keeper's.
struct device_report {
	uint64_t due_us;
	bool told[LINK_DEVICES_MAX]; // this session's control
	struct link_event_device last[LINK_DEVICES_MAX]; // as told
};

// Control is another one: it has been told nothing.
void device_report_forget(struct device_report *report);
// From time to time.
void device_report_tick(
	struct device_report *report, struct session *session, uint32_t workers, uint64_t now_us);
