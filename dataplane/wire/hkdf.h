// hkdf.h: HKDF-SHA256 (RFC 5869) without salt: one secret, many keys, each with its own info.

#pragma once

#include <weir/span.h>

enum {
	// A cluster name is a host name of 255 octets at most; the rest is ours.
	HKDF_INFO_MAX = 288,
	CLUSTER_NAME_MAX = 255,
};

// What tells one derived key from another: parts in a row.
struct hkdf_info {
	uint8_t octets[HKDF_INFO_MAX];
	size_t length;
};
void hkdf_info_add(struct hkdf_info *info, struct span part);
void hkdf_info_add_number(
	struct hkdf_info *info, uint64_t number, unsigned octets); // network order

// 0, -ENOMEM or -EIO.
[[nodiscard]] int hkdf_derive(
	uint8_t *key, size_t length, struct span secret, const struct hkdf_info *info);
