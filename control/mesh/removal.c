#include "removal.h"

#include "pack.h"

void removal_encode(const struct row_removal *removal, uint8_t out[REMOVAL_OCTETS])
{
	struct packer packer = {.octets = out, .capacity = REMOVAL_OCTETS};

	pack_number(&packer, removal->aor, 8);
	pack_number(&packer, removal->uak, 8);
	pack_number(&packer, removal->reg_id, 4);
	pack_number(&packer, removal->at_ms, 8);
}

bool removal_decode(struct span octets, struct row_removal *removal)
{
	struct unpacker unpacker = {.rest = octets};

	if (octets.length != REMOVAL_OCTETS)
		return false;
	removal->aor = unpack_number(&unpacker, 8);
	removal->uak = unpack_number(&unpacker, 8);
	removal->reg_id = (uint32_t)unpack_number(&unpacker, 4);
	removal->at_ms = unpack_number(&unpacker, 8);
	return true;
}
