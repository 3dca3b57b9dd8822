// vault_heap_none.c: in builds with sanitizers, whose allocator is to see every allocation.

#include <weir/vault.h>

int vault_open_heap(bool locked)
{
	(void)locked;
	return 0;
}
