// handshakes.c: bench-handshakes: what a TLS handshake costs weir-control, beside OpenSSL in memory; see bench/handshakes.
//
//   bench-handshakes ADDRESS TLS-PORT TCP-PORT PID CERTIFICATE KEY [--seconds S] [--runs N]
//
// In memory the server's part alone counts: making its SSL, its steps of the handshake over a pair of BIOs, freeing it. Of weir-control all
// processor time counts: that, the socket, the loop and the connection.

#include "handshakes.h"

#include <openssl/err.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNS_MAX = 32,
};

static const struct kind kinds[] = {
	{"TLS 1.3, full", TLS1_3_VERSION, false},
	{"TLS 1.3, resumed", TLS1_3_VERSION, true},
	{"TLS 1.2, full", TLS1_2_VERSION, false},
	{"TLS 1.2, resumed", TLS1_2_VERSION, true},
};

enum {
	KINDS = sizeof(kinds) / sizeof(kinds[0]),
};

struct row {
	double memory_us[RUNS_MAX];
	double control_us[RUNS_MAX];
	double times[RUNS_MAX];
	char how[64];
};

static int order(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static double median(double *samples, unsigned count)
{
	qsort(samples, count, sizeof(*samples), order);
	return samples[count / 2];
}

static int run_once(const struct job *job, unsigned kind, struct row *row, unsigned run)
{
	char memory_how[sizeof(row->how)];

	if (memory_measure(job, &kinds[kind], &row->memory_us[run], memory_how) != 0
		|| control_measure(job, &kinds[kind], &row->control_us[run], row->how) != 0) {
		fprintf(stderr, "bench-handshakes: %s failed\n", kinds[kind].name);
		ERR_print_errors_fp(stderr);
		return 1;
	}
	if (strcmp(memory_how, row->how) != 0) {
		fprintf(stderr, "bench-handshakes: %s in memory, but %s with weir-control\n",
			memory_how, row->how);
		return 1;
	}
	row->times[run] = row->control_us[run] / row->memory_us[run];
	return 0;
}

static void rows_print(struct row *rows, double *plain_us, unsigned runs)
{
	printf("| handshake | how | OpenSSL in memory, us | a second a core | weir-control, us | a "
	       "second a core | times | min | max |\n"
	       "|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
	for (unsigned i = 0; i < KINDS; i++) {
		double memory = median(rows[i].memory_us, runs);
		double control = median(rows[i].control_us, runs);
		double times = median(rows[i].times, runs);

		printf("| %s | %s | %.1f | %.0f | %.1f | %.0f | %.2f | %.2f | %.2f |\n",
			kinds[i].name, rows[i].how, memory, 1e6 / memory, control, 1e6 / control,
			times, rows[i].times[0], rows[i].times[runs - 1]);
	}
	printf("\nA connection without TLS, which comes and goes: %.1f us of weir-control.\n",
		median(plain_us, runs));
}

static int measure(const struct job *job, unsigned runs)
{
	static struct row rows[KINDS];
	double plain_us[RUNS_MAX];

	for (unsigned run = 0; run < runs; run++) {
		for (unsigned i = 0; i < KINDS; i++)
			if (run_once(job, i, &rows[i], run) != 0)
				return 1;
		if (plain_measure(job, &plain_us[run]) != 0)
			return 1;
	}
	rows_print(rows, plain_us, runs);
	return 0;
}

int main(int count, char **arguments)
{
	static const struct option words[] = {
		{"seconds", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	struct job job = {.seconds = 0.5};
	unsigned runs = 7;
	int word;

	while ((word = getopt_long(count, arguments, "", words, NULL)) != -1) {
		if (word == 's')
			job.seconds = strtod(optarg, NULL);
		else if (word == 'r')
			runs = (unsigned)strtoul(optarg, NULL, 10);
		else
			count = 0;
	}
	if (count - optind != 6 || job.seconds <= 0 || job.seconds > 60 || runs == 0
		|| runs > RUNS_MAX) {
		fprintf(stderr,
			"usage: bench-handshakes ADDRESS TLS-PORT TCP-PORT PID CERTIFICATE KEY "
			"[--seconds S] "
			"[--runs N]\n");
		return 2;
	}
	job.address = arguments[optind];
	job.port = (uint16_t)strtoul(arguments[optind + 1], NULL, 10);
	job.plain_port = (uint16_t)strtoul(arguments[optind + 2], NULL, 10);
	job.server = (pid_t)strtol(arguments[optind + 3], NULL, 10);
	job.certificate = arguments[optind + 4];
	job.key = arguments[optind + 5];
	return measure(&job, runs);
}
