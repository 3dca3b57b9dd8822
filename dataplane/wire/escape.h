// escape.h: compares URI parts in which "%61" is another way to write "a".

#pragma once

#include <weir/span.h>

#include <stdbool.h>

// RFC 3261 section 19.1.4: escapes of octets that are not reserved (RFC 2396 section 2.2) equal the octets themselves;
// "%40" is not "@". Escapes are well-formed in what uri_parse() has taken.
[[nodiscard]] bool escaped_equal(struct span a, struct span b);
[[nodiscard]] bool escaped_equal_nocase(struct span a, struct span b);
