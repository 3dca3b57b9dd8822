// number.c: the one reader of decimal numbers in messages.

#include "poison.h"

#include <weir/uri.h>

bool number_parse(struct span text, uint64_t limit, uint64_t *number)
{
	const uint64_t tenth = limit / 10;
	uint64_t value = 0;

	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)text.octets[i] - '0';

		// Checked before it is done: a value that wraps is how a length of 2^32 + 32 becomes 32.
		if (digit > 9 || digit > limit || value > tenth || value * 10 > limit - digit)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}
