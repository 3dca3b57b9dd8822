// name_address.h: what a parser of whole messages needs of name-addrs, beside uri.h.

#pragma once

#include <weir/uri.h>

// As name_address_parse(), but the parameters are not read: who walks them for their values judges them too.
[[nodiscard]] bool name_address_divide(
	const uint8_t *base, struct slice value, struct name_address *address);
