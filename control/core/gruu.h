// gruu.h: URIs that reach one instance of an address of record from anywhere (RFC 5627).
//
// A public one is the AOR with the instance-id in `gr`, for all time. A temporary one hides both: its user part is sealed with a
// key of this process and names AOR, instance and the Call-ID that it was registered with, so that nothing has to be remembered. It
// holds as long as the instance is registered under that Call-ID (RFC 5627 section 5.1).

#pragma once

#include "../base/text.h"

#include <weir/uri.h>

enum {
	GRUU_KEY_OCTETS = 32,
	GRUU_TEXT_MAX = 512, // of AOR, instance-id and Call-ID each
};

struct gruu_key {
	uint8_t octets[GRUU_KEY_OCTETS];
};

enum gruu_kind {
	GRUU_NONE, // a plain URI
	GRUU_PUBLIC,
	GRUU_TEMPORARY,
	GRUU_INVALID, // looks like one and is none of ours: 404
};

// What a GRUU says.
struct gruu {
	size_t aor_length; // canonical (location.h)
	size_t instance_length; // as it stands in +sip.instance, quotes and brackets included
	size_t call_id_length; // temporary alone
	uint8_t aor[GRUU_TEXT_MAX];
	uint8_t instance[GRUU_TEXT_MAX];
	uint8_t call_id[GRUU_TEXT_MAX];
};

// 0 or -EIO: no randomness.
[[nodiscard]] int gruu_key_draw(struct gruu_key *key);
// Add ";pub-gruu=...;temp-gruu=..." for a Contact of the AOR that `to` (parsed against base) spells. What is too long, or has no
// instance-id of the usual form "<urn>", adds nothing.
void gruu_add(const struct gruu_key *key, struct text *out, const uint8_t *base,
	const struct uri *to, struct span instance, struct span call_id);
// Read a request-URI of one of our domains.
[[nodiscard]] enum gruu_kind gruu_read(
	const struct gruu_key *key, const uint8_t *base, const struct uri *uri, struct gruu *gruu);
