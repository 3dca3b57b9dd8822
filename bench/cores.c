// cores.c: bench-cores [--seconds S] [--runs N]: what a second worker adds, in memory; see bench/cores.
//
// Two threads take bursts of BYEs through all stages, over the same tables, each with a keyring, a burst and packets of its own, as
// workers have. Rates are by the processor time of each thread, so that other work on the machine does not look like contention;
// what caches, memory and shared lines cost does.

#include "scene.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WORKERS = 2,
	RUNS_MAX = 32,
	BURSTS_A_LOOK = 64, // between two looks at the clock
};

struct worker {
	pthread_t thread;
	struct scene *scene; // worker
	int core; // set before threads start
	pthread_barrier_t *start; // set before threads start
	uint64_t length_ns; // of CPU time; set before threads start
	double rate; // messages a second of CPU time; worker
	int error; // worker
};

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *worker_run(void *argument)
{
	struct worker *worker = argument;
	uint64_t messages = 0;
	uint64_t spent;

	worker->error = measure_pin(worker->core) < 0;
	urcu_qsbr_register_thread();
	bye_rewritten_run(worker->scene, BURSTS_A_LOOK);
	pthread_barrier_wait(worker->start);
	uint64_t begin = cpu_ns();

	do {
		bye_rewritten_run(worker->scene, BURSTS_A_LOOK);
		messages += BURSTS_A_LOOK * BURST;
		urcu_qsbr_quiescent_state();
		spent = cpu_ns() - begin;
	} while (spent < worker->length_ns);
	worker->rate = (double)messages / (double)spent * 1e9;
	urcu_qsbr_unregister_thread();
	return NULL;
}

// Messages a second of so many workers together; negative: they could not run.
static double workers_run(struct scene **scenes, unsigned count, double seconds)
{
	struct worker workers[WORKERS];
	pthread_barrier_t start;
	unsigned started = 0;
	double rate = 0;

	pthread_barrier_init(&start, NULL, count);
	for (; started < count; started++) {
		workers[started] = (struct worker){
			.scene = scenes[started],
			.core = (int)started,
			.start = &start,
			.length_ns = (uint64_t)(seconds * 1e9),
		};
		if (pthread_create(&workers[started].thread, NULL, worker_run, &workers[started])
			!= 0)
			exit(1);
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		rate = workers[i].error || rate < 0 ? -1 : rate + workers[i].rate;
	}
	pthread_barrier_destroy(&start);
	return rate;
}

static int order(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static int compare(struct scene **scenes, unsigned runs, double seconds)
{
	double ratios[RUNS_MAX];

	for (unsigned run = 0; run < runs; run++) {
		double one = workers_run(scenes, 1, seconds);
		double two = workers_run(scenes, WORKERS, seconds);

		if (one <= 0 || two <= 0) {
			fprintf(stderr, "bench-cores: two cores are needed\n");
			return 1;
		}
		ratios[run] = two / one;
		printf("one worker %12.0f messages/s, two %12.0f: %.3f times\n", one, two,
			ratios[run]);
	}
	qsort(ratios, runs, sizeof(*ratios), order);
	printf("two workers to one: %.3f (median of %u, %.3f to %.3f); %d flows, %d tokens\n",
		ratios[runs / 2], runs, ratios[0], ratios[runs - 1], SCENE_MANY_FLOWS,
		SCENE_MANY_CALLS);
	return 0;
}

int main(int count, char **arguments)
{
	static const struct option words[] = {
		{"seconds", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	double seconds = 1;
	unsigned runs = 5;
	int word;

	while ((word = getopt_long(count, arguments, "", words, NULL)) != -1) {
		if (word == 's')
			seconds = strtod(optarg, NULL);
		if (word == 'r')
			runs = (unsigned)strtoul(optarg, NULL, 10);
		if (word == '?' || seconds <= 0 || seconds > 60 || runs == 0 || runs > RUNS_MAX) {
			fprintf(stderr, "usage: bench-cores [--seconds S] [--runs N]\n");
			return 2;
		}
	}
	struct scene *scenes[WORKERS] = {scene_many_setup()};

	scenes[1] = scenes[0] == NULL ? NULL : scene_view_new(scenes[0]);
	if (scenes[1] == NULL) {
		fprintf(stderr, "bench-cores: %s\n", strerror(errno));
		return 1;
	}
	int status = compare(scenes, runs, seconds);

	scene_view_free(scenes[1]);
	scene_teardown(scenes[0]);
	return status;
}
