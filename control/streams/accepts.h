// accepts.h: how a stream thread takes new connections, and when it takes none.

#pragma once

#include "thread.h"

// From all listeners. 0 or -ENOMEM.
[[nodiscard]] int accepts_open(struct stream_thread *thread);
void accepts_close(struct stream_thread *thread);
// Nothing is accepted until accepts_resume(); then, by a thread that is spare, nothing still.
void accepts_pause(struct stream_thread *thread);
void accepts_resume(struct stream_thread *thread);
