// identity_row.h: as which of its flow's registrations a phone speaks (ROUTING section 3, "Minting").

#pragma once

#include "request.h"

// NOTE_NONE: the source's flow gets a route token for *uak (0: for none). Else why it gets none.
[[nodiscard]] enum note identity_row_find(const struct request *request, uint64_t *uak);
