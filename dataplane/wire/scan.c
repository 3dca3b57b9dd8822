// scan.c: the kernel table and the kernel that runs everywhere.

#include "scan.h"

#include "poison.h"

static bool scalar_is_supported(void)
{
	return true;
}

#if SCAN_AVX2
// What the compiler may use in a file built for x86-64-v3, as far as it can be asked by name.
static bool avx2_is_supported(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
		&& __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}
#endif

const struct scan_kernel scan_kernels[] = {
#if SCAN_AVX2
	{"avx2", avx2_is_supported, scan_lines_avx2},
#endif
	{"scalar", scalar_is_supported, scan_lines_scalar},
	{NULL, NULL, NULL},
};

// set before threads start
static scan_lines_fn *chosen = scan_lines_scalar;

__attribute__((constructor)) static void kernel_choose(void)
{
	const struct scan_kernel *kernel = scan_kernels;

	__builtin_cpu_init();
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
