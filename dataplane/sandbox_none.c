// sandbox_none.c: in builds with sanitizers, whose run time opens files and traces threads.

#include "sandbox.h"

int sandbox_close_files(const char *folder)
{
	(void)folder;
	return 0;
}

int sandbox_close_calls(bool devices)
{
	(void)devices;
	return 0;
}
