// removal.h: a row_removal on the wire of the mesh.

#pragma once

#include <weir/record.h>

enum {
	REMOVAL_OCTETS = 28, // aor u64, uak u64, reg-id u32, at u64; little-endian
};

void removal_encode(const struct row_removal *removal, uint8_t out[REMOVAL_OCTETS]);
// Hostile input: any octets give a removal of their length, or false.
[[nodiscard]] bool removal_decode(struct span octets, struct row_removal *removal);
