// keeper.h: the one thread that writes the tables.
//
// It applies control's records, makes every worker's keyrings, beats to the other edges and judges by their beats whether they
// live. Nothing a message waits for is done here.

#pragma once

#include "address_watch.h"
#include "beats.h"
#include "channel.h"
#include "device_report.h"
#include "silence.h"
#include "table/directory.h"

#include <weir/keyring.h>

#include <pthread.h>
#include <stdatomic.h>

struct plane;
struct session;

// All of it is the keeper's, but what says otherwise.
struct keeper {
	struct plane *plane; // set before threads start
	int wakeup; // eventfd; set before threads start
	pthread_t thread;
	_Atomic bool stop; // any thread writes
	uint64_t now_us; // of this turn
	struct session *session; // that it serves and holds; NULL: none
	uint64_t applied; // records of that session
	bool complained; // of a record of that session
	bool changed; // flows have been written since the last reclaim
	struct directory_builder *builder; // between BEGIN and END, else NULL
	struct key_material *material; // of libcrypto's heap; rotate_every_s 0: none yet
	uint64_t epoch;
	uint64_t epoch_refused; // no keyring could be made for it; 0: none
	struct keyring *keys;
	// Of the epochs that come after those of `keys`: an edge whose clock is behind learns it from the beats of the others. NULL: none.
	struct keyring *keys_ahead;
	struct beats beats;
	struct device_report devices;
	struct silence silence;
	struct address_watch addresses;
};

// 0 or a negative errno.
[[nodiscard]] int keeper_init(struct keeper *keeper, struct plane *plane);
void keeper_fini(struct keeper *keeper);
// 0 or a negative errno.
[[nodiscard]] int keeper_start(struct keeper *keeper);
void keeper_stop(struct keeper *keeper);
void keeper_wake(struct keeper *keeper);

// --- Between the keeper's own files ---

// Apply records of the table ring. True: there may be more.
bool keeper_apply_records(struct keeper *keeper, struct session *session);
// False: the event ring is full.
bool keeper_send_event(struct session *session, enum link_type type, struct span payload);
// Epoch keys as control sent them: 0 or -EINVAL.
[[nodiscard]] int keeper_set_keys(struct keeper *keeper, const struct key_material *material);
// Follow the wall clock into the next epoch, and free keyrings that workers have put aside.
void keeper_turn_keys(struct keeper *keeper);
