// worker.h: one thread that takes bursts of messages through the stages, run to completion.

#pragma once

#include "channel.h"
#include "io/io.h"
#include "pipeline/burst.h"
#include "pipeline/limits.h"

#include <weir/link.h>

#include <pthread.h>
#include <stdatomic.h>

struct plane;
struct session;

struct worker {
	struct plane *plane; // set before threads start
	unsigned index; // set before threads start
	struct io_port *port; // set before threads start
	int wakeup; // eventfd: ends a wait; set before threads start
	pthread_t thread;
	_Atomic bool stop;
	struct burst *burst; // worker
	struct rate moved; // worker
	struct limits limits; // worker
	struct keyring *keys; // worker
	// The keeper puts the next keyring (release), the worker takes it (acquire) and puts the old one where the keeper finds it: a
	// keyring belongs to one thread at a time, and is made and freed off the path.
	struct keyring *_Atomic next_keys;
	struct keyring *_Atomic old_keys;
	struct channel to_keeper;
	struct channel from_keeper;
	// The count that the next record on each lane's down ring waits for; 0: it does not wait.
	uint64_t lane_held[LINK_LANES_MAX]; // worker
	// The least of them. The worker writes it before it looks at session.applied a last time, the keeper reads it after it wrote
	// that (both sequentially consistent).
	_Atomic uint64_t held;
	uint32_t lane_first; // worker: whose turn it is to be read first
	struct link_counters counters; // worker; the keeper reads bursts
};

// 0 or a negative errno.
[[nodiscard]] int worker_init(struct worker *worker, struct plane *plane, unsigned index);
void worker_fini(struct worker *worker);
// 0 or a negative errno. cpu -1: any.
[[nodiscard]] int worker_start(struct worker *worker, int cpu);
void worker_stop(struct worker *worker);
// Ends its wait, whatever it waits for.
void worker_wake(struct worker *worker);
