// keeper_keys.c: keyrings of all threads, made here and handed over whole.

#include "clock.h"
#include "keeper.h"
#include "log.h"
#include "plane.h"

#include <errno.h>

static void worker_give_keys(struct worker *worker, struct keyring *keys)
{
	// Release: the keyring is whole. What comes back was never taken.
	keyring_free(atomic_exchange_explicit(&worker->next_keys, keys, memory_order_acq_rel));
	worker_wake(worker);
}

static void keys_collect(struct plane *plane)
{
	for (uint32_t i = 0; i < plane->worker_count; i++)
		// Acquire: pairs with the worker's release, it is done with this keyring.
		keyring_free(atomic_exchange_explicit(
			&plane->worker[i].old_keys, NULL, memory_order_acquire));
}

// 0, or a negative errno: then some threads keep the keyring that they have.
static int keys_give(struct keeper *keeper, uint64_t epoch)
{
	struct plane *plane = keeper->plane;
	struct keyring *own = keyring_new(keeper->material, epoch);

	if (own == NULL)
		return -errno;
	keyring_free(keeper->keys);
	keeper->keys = own;
	// Nothing but an alarm depends on it: without memory there is none.
	keyring_free(keeper->keys_ahead);
	keeper->keys_ahead =
		keyring_new(keeper->material, epoch + KEYRING_FUTURE + 1 + KEYRING_PAST);
	for (uint32_t i = 0; i < plane->worker_count; i++) {
		struct keyring *keys = keyring_new(keeper->material, epoch);

		if (keys == NULL)
			return -errno;
		worker_give_keys(&plane->worker[i], keys);
	}
	return 0;
}

static uint64_t epoch_now(const struct key_material *material)
{
	return clock_wall_s() / material->rotate_every_s;
}

// -EINVAL and -ERANGE last until control sends other keys; what else fails is tried again.
static int epoch_begin(struct keeper *keeper, uint64_t epoch)
{
	int error = keys_give(keeper, epoch);

	if (error == 0) {
		keeper->epoch = epoch;
		return 0;
	}
	if (keeper->epoch_refused != epoch)
		log_say("E-KEYS", "no token keys for epoch %llu: %s", (unsigned long long)epoch,
			strerror(-error));
	keeper->epoch_refused = epoch;
	return error;
}

int keeper_set_keys(struct keeper *keeper, const struct key_material *material)
{
	struct key_material before = *keeper->material;
	int error;

	if (material->rotate_every_s == 0)
		return -EINVAL;
	*keeper->material = *material;
	keeper->epoch_refused = 0;
	error = epoch_begin(keeper, epoch_now(material));
	if (error == -EINVAL)
		*keeper->material = before;
	explicit_bzero(&before, sizeof(before));
	return error == -EINVAL ? error : 0;
}

void keeper_turn_keys(struct keeper *keeper)
{
	keys_collect(keeper->plane);
	if (keeper->material->rotate_every_s == 0)
		return;
	uint64_t epoch = epoch_now(keeper->material);

	// A wall clock that was set back must not call retired keys into use.
	if (epoch > keeper->epoch && epoch != keeper->epoch_refused)
		(void)epoch_begin(keeper, epoch);
}
