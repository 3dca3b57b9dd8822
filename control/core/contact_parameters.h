// contact_parameters.h: the parameters of a Contact that a registrar keeps and gives back.

#pragma once

#include "../base/text.h"

#include <weir/message.h>

// Add the parameters to `out`, but those that the answer states anew: expires, and the GRUUs, which are the registrar's to give (RFC
// 5627 section 5.1). Returns what was added.
struct span contact_keep_parameters(
	const struct message *request, struct slice parameters, struct text *out);
