// report.h: a run as a table to read and as JSON to keep and compare.

#pragma once

#include "measure.h"

#include <stdio.h>

struct run {
	struct measurement *floors; // FLOOR_COUNT of them, by enum floor
	struct measurement *stages;
	unsigned stage_count;
	struct effort effort;
	int core;
	const char *commit; // git's name of what was built
};

void report_table(const struct run *run, FILE *out);
void report_json(const struct run *run, FILE *out);
