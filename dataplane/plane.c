// plane.c: the threads of the dataplane and what they share.

#include "plane.h"

#include "clock.h"
#include "table/publish.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	PLANE_WAIT_MS = 50, // a worker's longest sleep until the keeper knows better
};

static bool config_is_valid(const struct link_config *config)
{
	return config->workers >= 1 && config->workers <= LINK_WORKERS_MAX && config->edge != 0
		&& config->flows_max >= 1 && config->rows_max >= 1;
}

// The table's maker is registered with urcu; the thread that calls here sleeps for long, so only while it must be.
static struct flow_table *flows_new(const struct link_config *config)
{
	const struct flow_limits limits = {
		.own_flows = config->flows_max,
		.peer_flows = config->peer_flows_max,
		.rows = config->rows_max,
	};

	urcu_qsbr_register_thread();
	struct flow_table *flows = flow_table_new(config->edge, &limits);

	urcu_qsbr_unregister_thread();
	return flows;
}

static void flows_free(struct flow_table *flows)
{
	urcu_qsbr_register_thread();
	flow_table_free(flows);
	urcu_qsbr_unregister_thread();
}

static void workers_fini(struct plane *plane)
{
	for (uint32_t i = 0; i < plane->worker_count; i++)
		worker_fini(&plane->worker[i]);
	free(plane->worker);
}

static int workers_init(struct plane *plane, uint32_t count)
{
	int error = 0;

	plane->worker = aligned_alloc(_Alignof(struct worker), count * sizeof(struct worker));
	if (plane->worker == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && error == 0; i++) {
		error = worker_init(&plane->worker[i], plane, i);
		if (error == 0)
			plane->worker_count++;
	}
	if (error < 0)
		workers_fini(plane);
	return error;
}

int plane_new(const struct link_config *config, struct plane **plane)
{
	struct plane *created;
	int error = -ENOMEM;

	if (!config_is_valid(config))
		return -EINVAL;
	created = aligned_alloc(_Alignof(struct plane), sizeof(*created));
	if (created == NULL)
		return -ENOMEM;
	memset(created, 0, sizeof(*created));
	created->config = *config;
	atomic_store(&created->wait_ms, PLANE_WAIT_MS);
	created->flows = flows_new(config);
	if (created->flows == NULL)
		goto free_plane;
	created->broken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (created->broken < 0) {
		error = -errno;
		goto free_flows;
	}
	error = keeper_init(&created->keeper, created);
	if (error < 0)
		goto close_broken;
	error = workers_init(created, config->workers);
	if (error < 0)
		goto fini_keeper;
	*plane = created;
	return 0;

fini_keeper:
	keeper_fini(&created->keeper);
close_broken:
	close(created->broken);
free_flows:
	flows_free(created->flows);
free_plane:
	free(created);
	return error;
}

static void workers_stop(struct plane *plane, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		worker_stop(&plane->worker[i]);
}

int plane_start(struct plane *plane)
{
	int error;

	atomic_store(&plane->peers.started_ms, clock_us() / 1000);
	for (uint32_t i = 0; i < plane->worker_count; i++) {
		error = worker_start(&plane->worker[i], plane->config.cpus[i] - 1);
		if (error < 0) {
			workers_stop(plane, i);
			return error;
		}
	}
	error = keeper_start(&plane->keeper);
	if (error < 0)
		goto stop_workers;
	error = plane->watch == NULL ? 0 : kernel_watch_start(plane->watch);
	if (error < 0)
		goto stop_keeper;
	return 0;

stop_keeper:
	keeper_stop(&plane->keeper);
stop_workers:
	workers_stop(plane, plane->worker_count);
	return error;
}

void plane_stop(struct plane *plane)
{
	if (plane->watch != NULL)
		kernel_watch_stop(plane->watch);
	keeper_stop(&plane->keeper);
	workers_stop(plane, plane->worker_count);
}

static void shared_free(struct plane *plane)
{
	struct directory *directory = atomic_load(&plane->directory);
	struct hash_keys *hashes = atomic_load(&plane->hashes);

	if (directory != NULL)
		directory_free(directory);
	OPENSSL_clear_free(hashes, sizeof(*hashes));
}

void plane_free(struct plane *plane)
{
	workers_fini(plane);
	keeper_fini(&plane->keeper);
	if (plane->watch != NULL)
		kernel_watch_close(plane->watch);
	close(plane->broken);
	shared_free(plane);
	flows_free(plane->flows);
	free(plane);
}

struct session *plane_attach(struct plane *plane, struct session *session)
{
	struct session *before =
		atomic_exchange_explicit(&plane->session, session, memory_order_acq_rel);

	keeper_wake(&plane->keeper);
	for (uint32_t i = 0; i < plane->worker_count; i++)
		worker_wake(&plane->worker[i]);
	plane_await_grace(plane);
	return before;
}

struct session *plane_session(const struct plane *plane)
{
	return atomic_load_explicit(&plane->session, memory_order_acquire);
}

void plane_rest(const struct plane *plane)
{
	publish_rest(plane->flows);
	urcu_qsbr_quiescent_state();
}

void plane_sleep(const struct plane *plane)
{
	publish_rest(plane->flows);
	urcu_qsbr_thread_offline();
}

void plane_awake(const struct plane *plane)
{
	(void)plane;
	urcu_qsbr_thread_online();
}

void plane_await_grace(const struct plane *plane)
{
	urcu_qsbr_synchronize_rcu();
	publish_grace(plane->flows);
}

void plane_break_session(struct plane *plane, struct session *session)
{
	session_break(session);
	(void)eventfd_write(plane->broken, 1);
}
