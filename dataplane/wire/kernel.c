#include "kernel.h"

#include "poison.h"

#if WIRE_V3
// What the compiler may use in a file built for x86-64-v3, as far as it can be asked by name.
bool kernel_v3_is_supported(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
		&& __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}
#else
bool kernel_v3_is_supported(void)
{
	return false;
}
#endif
