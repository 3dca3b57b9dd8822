// response.h: a response on its way back (ROUTING section 9).

#pragma once

#include "stage.h"

[[nodiscard]] enum verdict response_decide(
	const struct world *world, struct burst *burst, unsigned index);
