// worker.c: a worker's life: bursts, and sleep between them.

#include "worker.h"

#include "clock.h"
#include "counters.h"
#include "dispatch.h"
#include "inbox.h"
#include "plane.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	WORKER_REPORTS = 8, // ICMP errors passed to the keeper a turn
};

static void keys_take(struct worker *worker)
{
	// The old ones have not been fetched yet: the new ones can wait.
	if (atomic_load_explicit(&worker->old_keys, memory_order_relaxed) != NULL)
		return;
	// Pairs with the keeper's release: the keyring is whole.
	struct keyring *next =
		atomic_exchange_explicit(&worker->next_keys, NULL, memory_order_acquire);

	if (next == NULL)
		return;
	atomic_store_explicit(&worker->old_keys, worker->keys, memory_order_release);
	worker->keys = next;
}

static struct world world_now(struct worker *worker)
{
	struct plane *plane = worker->plane;

	return (struct world){
		.flows = plane->flows,
		.directory = atomic_load_explicit(&plane->directory, memory_order_acquire),
		.peers = &plane->peers,
		.addresses = &plane->addresses,
		.hashes = atomic_load_explicit(&plane->hashes, memory_order_acquire),
		.keys = worker->keys,
		.now_ms = clock_us() / 1000,
		.now_s = (uint32_t)clock_wall_s(),
		.moved = &worker->moved,
		.limits = &worker->limits,
	};
}

static void wire_take(struct worker *worker)
{
	struct burst *burst = worker->burst;
	unsigned room = BURST_MAX - burst->count;
	unsigned count =
		worker->port->ops->receive(worker->port, burst->packet + burst->count, room);

	worker->limits.full = count == room;

	memset(burst->origin + burst->count, ORIGIN_WIRE, count);
	burst->count += count;
}

static void burst_run(struct worker *worker, struct session *session)
{
	struct world world = world_now(worker);
	struct burst *burst = worker->burst;

	limits_note_burst(&worker->limits, world.now_ms);
	parse_burst(&world, burst);
	redeem_burst(&world, burst);
	decide_burst(&world, burst);
	rewrite_burst(&world, burst);
	dispatch_burst(worker, &world, session);
}

static void unreachable_report(struct worker *worker)
{
	struct io_unreachable reports[WORKER_REPORTS];
	unsigned count = worker->port->ops->unreachable(worker->port, reports, WORKER_REPORTS);

	for (unsigned i = 0; i < count; i++)
		(void)channel_write(&worker->to_keeper, CHANNEL_UNREACHABLE, &reports[i].peer,
			reports[i].listener, span_of(NULL, 0));
	if (count > 0 && ring_needs_signal(&worker->to_keeper.writer))
		keeper_wake(&worker->plane->keeper);
}

// One burst. False: there was nothing to do.
static bool worker_turn(struct worker *worker, struct session *session)
{
	bool busy;

	keys_take(worker);
	inbox_run_errands(worker);
	inbox_take(worker, session);
	wire_take(worker);
	busy = worker->burst->count > 0;
	if (busy)
		burst_run(worker, session);
	unreachable_report(worker);
	counter_add(&worker->counters.bursts, 1);
	if (session != NULL)
		counters_publish(
			&worker->counters, region_counters(&session->region, worker->index));
	return busy;
}

static void worker_wait(struct worker *worker, struct session *session)
{
	struct plane *plane = worker->plane;

	if (!inbox_sleep(worker, session))
		return;
	plane_sleep(plane);
	worker->port->ops->wait(
		worker->port, atomic_load_explicit(&plane->wait_ms, memory_order_relaxed));
	plane_awake(plane);
	// The session of before the wait may be gone.
	inbox_wake(worker, plane_session(plane));
}

static void *worker_run(void *argument)
{
	struct worker *worker = argument;

	urcu_qsbr_register_thread();
	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		struct session *session = plane_session(worker->plane);

		if (!worker_turn(worker, session))
			worker_wait(worker, session);
		plane_rest(worker->plane);
	}
	urcu_qsbr_unregister_thread();
	return NULL;
}

// The seed is drawn here: a sandboxed worker could, but has no reason to.
static int sources_new(struct sources **sources)
{
	ssize_t drawn;

	*sources = aligned_alloc(_Alignof(struct sources), sizeof(**sources));
	if (*sources == NULL)
		return -ENOMEM;
	memset(*sources, 0, sizeof(**sources));
	drawn = getrandom((*sources)->seed, sizeof((*sources)->seed), 0);
	return drawn == sizeof((*sources)->seed) ? 0 : -EIO;
}

int worker_init(struct worker *worker, struct plane *plane, unsigned index)
{
	int error;

	*worker = (struct worker){.plane = plane, .index = index};
	error = sources_new(&worker->limits.sources);
	if (error < 0)
		goto free_sources;
	error = -ENOMEM;
	worker->burst = calloc(1, sizeof(*worker->burst));
	if (worker->burst == NULL)
		goto free_sources;
	if (channel_init(&worker->to_keeper) < 0)
		goto free_burst;
	if (channel_init(&worker->from_keeper) < 0)
		goto fini_to_keeper;
	worker->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wakeup < 0) {
		error = -errno;
		goto fini_from_keeper;
	}
	return 0;

fini_from_keeper:
	channel_fini(&worker->from_keeper);
fini_to_keeper:
	channel_fini(&worker->to_keeper);
free_burst:
	free(worker->burst);
free_sources:
	free(worker->limits.sources);
	return error;
}

void worker_fini(struct worker *worker)
{
	if (worker->port != NULL)
		worker->port->ops->close(worker->port);
	keyring_free(worker->keys);
	keyring_free(atomic_load(&worker->next_keys));
	keyring_free(atomic_load(&worker->old_keys));
	close(worker->wakeup);
	channel_fini(&worker->from_keeper);
	channel_fini(&worker->to_keeper);
	free(worker->burst);
	free(worker->limits.sources);
}

int worker_start(struct worker *worker, int cpu)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return -error;
	if (cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		error = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	if (error == 0)
		error = pthread_create(&worker->thread, &attributes, worker_run, worker);
	pthread_attr_destroy(&attributes);
	return -error;
}

void worker_stop(struct worker *worker)
{
	atomic_store_explicit(&worker->stop, true, memory_order_relaxed);
	worker_wake(worker);
	pthread_join(worker->thread, NULL);
}

void worker_wake(struct worker *worker)
{
	(void)eventfd_write(worker->wakeup, 1);
}
