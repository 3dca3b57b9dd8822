// main.c: bench [--quick] [--core N] [--json FILE] [--commit NAME]; see bench/run.

#include "report.h"
#include "rows.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct effort effort;
	int core;
	const char *json;
	const char *commit;
};

static const struct option words[] = {
	{"quick", no_argument, NULL, 'q'},
	{"core", required_argument, NULL, 'c'},
	{"json", required_argument, NULL, 'j'},
	{"commit", required_argument, NULL, 'm'},
	{NULL, 0, NULL, 0},
};

static bool options_read(struct options *options, int argc, char **argv)
{
	char *end;
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1)
		switch (word) {
		case 'q':
			options->effort = (struct effort){SAMPLES_MIN, 2000000};
			break;
		case 'c':
			options->core = (int)strtol(optarg, &end, 10);
			if (*end != '\0' || options->core < 0)
				return false;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 'm':
			options->commit = optarg;
			break;
		default:
			return false;
		}
	return optind == argc;
}

static int json_write(const struct run *run, const char *path)
{
	FILE *file = fopen(path, "w");
	bool failed;

	if (file == NULL)
		return -errno;
	report_json(run, file);
	failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed)
		return -EIO;
	return 0;
}

// Floors and stages in one array, so that each stage's samples stand beside its floor's.
static struct measurement *measurements_new(void)
{
	struct measurement *all = calloc(FLOOR_COUNT + stage_count, sizeof(*all));

	if (all == NULL)
		return NULL;
	for (unsigned i = 0; i < FLOOR_COUNT; i++)
		all[i].row = &floors[i];
	for (unsigned i = 0; i < stage_count; i++)
		all[FLOOR_COUNT + i].row = &stages[i];
	return all;
}

static int run_all(const struct options *options, struct measurement *all, int core)
{
	struct run run = {
		.floors = all,
		.stages = all + FLOOR_COUNT,
		.stage_count = stage_count,
		.effort = options->effort,
		.core = core,
		.commit = options->commit,
	};
	int error = 0;

	measure_all(all + FLOOR_CLOCK, FLOOR_COUNT - FLOOR_CLOCK + stage_count, &options->effort);
	report_table(&run, stdout);
	if (options->json != NULL)
		error = json_write(&run, options->json);
	if (error != 0)
		fprintf(stderr, "bench: %s: %s\n", options->json, strerror(-error));
	return error;
}

int main(int argc, char **argv)
{
	struct options options = {
		.effort = {15, 20000000},
		.core = -1,
		.commit = "unknown",
	};

	if (!options_read(&options, argc, argv)) {
		fprintf(stderr,
			"usage: bench [--quick] [--core N] [--json FILE] [--commit NAME]\n");
		return 2;
	}
	int core = measure_pin(options.core);
	struct measurement *all = measurements_new();

	if (core < 0 || all == NULL) {
		fprintf(stderr, "bench: cannot use core %d: %s\n", options.core,
			strerror(core < 0 ? -core : ENOMEM));
		return 1;
	}
	int error = run_all(&options, all, core);

	free(all);
	return error == 0 ? 0 : 1;
}
