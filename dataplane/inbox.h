// inbox.h: what other threads and control give a worker to do.

#pragma once

#include "session.h"
#include "worker.h"

// Append messages of control's down ring to the burst, in order; a record that waits for table records stays, and all behind it.
void inbox_take(struct worker *worker, struct session *session);
// Send what the keeper wants sent.
void inbox_run_errands(struct worker *worker);
// True if nothing is left to do: the worker may wait. Every true is followed by inbox_wake(), whatever session there is then.
[[nodiscard]] bool inbox_sleep(struct worker *worker, struct session *session);
void inbox_wake(struct worker *worker, struct session *session);
