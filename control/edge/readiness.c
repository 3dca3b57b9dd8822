#include "readiness.h"

#include <stddef.h>

const char *readiness_judge(const struct readiness *readiness)
{
	if (!readiness->linked)
		return "the dataplane";
	if (!readiness->keyed)
		return "keys";
	if (readiness->epoch_is_foreign)
		return "the clock: the other edges are in another epoch";
	if (readiness->secret_is_foreign)
		return "the secret: the other edges hold another one";
	if (readiness->replaced)
		return "an id of its own: a newer edge with this node.id is connected to the "
		       "others";
	if (readiness->coreless)
		return "the core: its address, or a connection to it";
	// A generation is a second: none is given out in the one in which an earlier process may have done so.
	if (readiness->behind_s == 1)
		return "the next second";
	if (readiness->behind_s > 1)
		return "the clock: it is behind the flows that this edge has given out";
	return NULL;
}
