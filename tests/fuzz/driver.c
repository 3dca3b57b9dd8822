// driver.c: runs a fuzz target over files without a fuzzer: each file, and every prefix of it, between two guard pages.
//
//   seeds_NAME FILE-OR-FOLDER...
//
// Prints how many inputs were run. A target that breaks a promise ends the run.

#include "../unit/guard.h"
#include "fuzz.h"

#include <errno.h>
#include <ftw.h>

enum {
	INPUT_MAX = UINT16_MAX,
};

static struct guard room;
static unsigned long files, inputs;

static void input_run(const uint8_t *octets, size_t length)
{
	LLVMFuzzerTestOneInput(memcpy(guard_end(&room, length), octets, length), length);
	LLVMFuzzerTestOneInput(memcpy(guard_begin(&room), octets, length), length);
	inputs += 2;
}

static int file_run(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	static uint8_t octets[INPUT_MAX];
	FILE *file;

	if (type != FTW_F || stat->st_size > INPUT_MAX)
		return 0;
	file = fopen(path, "rb");
	if (file == NULL)
		return -errno;
	size_t length = fread(octets, 1, sizeof(octets), file);

	fclose(file);
	for (size_t prefix = 0; prefix <= length; prefix++)
		input_run(octets, prefix);
	files++;
	return 0;
}

int main(int argc, char **argv)
{
	room = guard_new(INPUT_MAX);
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], file_run, 8, FTW_PHYS) != 0) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
	}
	guard_free(&room);
	printf("%lu files, %lu inputs\n", files, inputs);
	return files == 0;
}
