// checksum.h: the Internet checksum (RFC 1071), in the order in which octets lie: sums are read and written as memory is, so that
// nothing is swapped (section 2 B).

#pragma once

#include <stddef.h>
#include <stdint.h>

// Adds octets to a sum; only the last ones that are added may be odd in number. A sum begins as 0.
[[nodiscard]] uint64_t checksum_add(uint64_t sum, const uint8_t *octets, size_t length);
// Adds one field of 16 bits.
[[nodiscard]] uint64_t checksum_add_field(uint64_t sum, uint16_t field);
// The sum in 16 bits, not complemented: 0xffff when what was added holds its own checksum.
[[nodiscard]] uint16_t checksum_fold(uint64_t sum);
