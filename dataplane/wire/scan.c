// scan.c: the kernel table and the kernel that runs everywhere.

#include "scan.h"

#include "kernel.h"
#include "poison.h"

static bool scalar_is_supported(void)
{
	return true;
}

const struct scan_kernel scan_kernels[] = {
#if WIRE_V3
	{"avx2", kernel_v3_is_supported, scan_lines_avx2},
#endif
	{"scalar", scalar_is_supported, scan_lines_scalar},
	{NULL, NULL, NULL},
};

// set before threads start
static scan_lines_fn *chosen = scan_lines_scalar;

__attribute__((constructor)) static void kernel_choose(void)
{
	const struct scan_kernel *kernel = scan_kernels;

	while (!kernel->is_supported())
		kernel++;
	chosen = kernel->lines;
}

void scan_force(const struct scan_kernel *kernel)
{
	chosen = kernel->lines;
}

enum scan_stop scan_lines(const uint8_t *octets, uint32_t length, struct scan *scan)
{
	return chosen(octets, length, scan);
}
