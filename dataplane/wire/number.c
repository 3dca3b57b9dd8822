// number.c: the one reader of decimal numbers in messages.

#include "poison.h"

#include <weir/uri.h>

bool number_parse(struct span text, uint64_t limit, uint64_t *number)
{
	uint64_t value = 0;

	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)text.octets[i] - '0';

		// A value that wraps is how a length of 2^32 + 32 becomes 32.
		if (digit > 9 || __builtin_mul_overflow(value, 10, &value)
			|| __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (value > limit)
		return false;
	*number = value;
	return true;
}
