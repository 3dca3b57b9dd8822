// limit.h: what one source, all strangers, and a worker that cannot keep up may cost, judged before a message is parsed.
//
// On access listeners and over UDP only: a connection has limits of its own in weir-control, and core and peers are trusted. A
// source that is a flow has a bucket in that flow, so no crowd of strangers empties it; everybody else has one by address, and one
// that all strangers share. From each bucket a request that opens something may take the upper half alone, a REGISTER and STUN
// three quarters, what belongs to a dialog or transaction all: as a bucket runs low, what was begun still ends well.

#pragma once

#include "limits.h"
#include "stage.h"

// VERDICT_NONE, VERDICT_LIMITED (to be answered, if it parses), or the verdict under which it is dropped unread. burst->source is there.
[[nodiscard]] enum verdict limit_judge(
	const struct world *world, const struct burst *burst, unsigned index);
// A source may be told "no" so many times a second: this once more?
[[nodiscard]] bool limit_take_refusal(const struct world *world, const struct endpoint *peer);
