#include "report.h"

#include "rows.h"

#include <string.h>
#include <sys/utsname.h>

enum {
	LINE_MAX_OCTETS = 256,
};

// What /proc/cpuinfo says behind "model name", or "unknown".
static void processor_name(char *out, size_t capacity)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[LINE_MAX_OCTETS];

	snprintf(out, capacity, "unknown");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *value = strstr(line, ": ");

		if (strncmp(line, "model name", strlen("model name")) != 0 || value == NULL)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(out, capacity, "%s", value + 2);
		break;
	}
	fclose(file);
}

// Of a core cycle, by the chain of multiplies of this very run.
static double cycle_ns(const struct run *run)
{
	return measure_spread(&run->floors[FLOOR_CLOCK], run->effort.samples, FIGURE_NS).median;
}

static void row_print(const struct run *run, const struct measurement *measurement, FILE *out)
{
	const struct bench_row *row = measurement->row;
	const struct measurement *floor = &run->floors[row->floor];
	struct spread ns = measure_spread(measurement, run->effort.samples, FIGURE_NS);

	if (measurement->state == NULL) {
		fprintf(out, "%-44s cannot be measured here: %s\n", row->name,
			strerror(measurement->error));
		return;
	}
	fprintf(out, "%-44s %-8s %8.2f %8.2f %8.2f %8.1f", row->name, row->unit, ns.median, ns.min,
		ns.max, ns.median / cycle_ns(run));
	if (row->floor > FLOOR_CLOCK && floor->state != NULL) {
		struct spread ratio = measure_ratio(measurement, floor, run->effort.samples);

		fprintf(out, " %7.2f  %s", ratio.median, floor->row->name);
	}
	fputc('\n', out);
}

static void rows_print(
	const struct run *run, const struct measurement *measurements, unsigned count, FILE *out)
{
	for (unsigned i = 0; i < count; i++)
		row_print(run, &measurements[i], out);
}

void report_table(const struct run *run, FILE *out)
{
	char processor[LINE_MAX_OCTETS];

	processor_name(processor, sizeof(processor));
	fprintf(out,
		"weir %s, %s, core %d at %.2f GHz, %u samples of %.0f ms, random loads over %.0f "
		"MiB\n"
		"%s\n\n",
		run->commit, processor, run->core, 1 / cycle_ns(run), run->effort.samples,
		(double)run->effort.sample_ns / 1e6, (double)loads_octets() / 1048576, BENCH_FLAGS);
	fprintf(out, "%-44s %-8s %8s %8s %8s %8s %7s  %s\n", "", "a", "ns", "min", "max", "cycles",
		"times", "its floor");
	rows_print(run, run->floors + FLOOR_CLOCK, FLOOR_COUNT - FLOOR_CLOCK, out);
	fputc('\n', out);
	rows_print(run, run->stages, run->stage_count, out);
}

static void string_put(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void member_put(const char *name, const char *value, FILE *out)
{
	fprintf(out, "  \"%s\": ", name);
	string_put(value, out);
	fputs(",\n", out);
}

static void spread_put(const char *name, struct spread spread, FILE *out)
{
	fprintf(out, ", \"%s\": {\"median\": %.4f, \"min\": %.4f, \"max\": %.4f}", name,
		spread.median, spread.min, spread.max);
}

static void row_put(const struct run *run, const struct measurement *measurement, FILE *out)
{
	const struct bench_row *row = measurement->row;
	unsigned samples = run->effort.samples;

	fputs("    {\"name\": ", out);
	string_put(row->name, out);
	fputs(", \"unit\": ", out);
	string_put(row->unit, out);
	if (measurement->state == NULL) {
		fputs(", \"error\": ", out);
		string_put(strerror(measurement->error), out);
		fputc('}', out);
		return;
	}
	spread_put("ns", measure_spread(measurement, samples, FIGURE_NS), out);
	spread_put("ticks", measure_spread(measurement, samples, FIGURE_TICKS), out);
	if (row->floor != FLOOR_NONE && run->floors[row->floor].state != NULL) {
		fputs(", \"floor\": ", out);
		string_put(run->floors[row->floor].row->name, out);
		spread_put("times", measure_ratio(measurement, &run->floors[row->floor], samples),
			out);
	}
	fputs(", \"samples_ns\": [", out);
	for (unsigned i = 0; i < samples; i++)
		fprintf(out, "%s%.4f", i == 0 ? "" : ", ", measurement->samples[i].ns);
	fputs("]}", out);
}

static void rows_put(const struct run *run, const char *name,
	const struct measurement *measurements, unsigned count, FILE *out)
{
	fprintf(out, "  \"%s\": [\n", name);
	for (unsigned i = 0; i < count; i++) {
		row_put(run, &measurements[i], out);
		fputs(i + 1 < count ? ",\n" : "\n", out);
	}
	fputs("  ]", out);
}

void report_json(const struct run *run, FILE *out)
{
	char processor[LINE_MAX_OCTETS];
	struct utsname system = {0};

	processor_name(processor, sizeof(processor));
	uname(&system);
	fputs("{\n", out);
	member_put("commit", run->commit, out);
	member_put("processor", processor, out);
	member_put("kernel", system.release, out);
	member_put("compiler", BENCH_COMPILER, out);
	member_put("flags", BENCH_FLAGS, out);
	fprintf(out, "  \"core\": %d,\n  \"ghz\": %.4f,\n  \"samples\": %u,\n", run->core,
		1 / cycle_ns(run), run->effort.samples);
	fprintf(out, "  \"sample_ms\": %.3f,\n  \"load_octets\": %llu,\n",
		(double)run->effort.sample_ns / 1e6, (unsigned long long)loads_octets());
	rows_put(run, "floors", run->floors + FLOOR_CLOCK, FLOOR_COUNT - FLOOR_CLOCK, out);
	fputs(",\n", out);
	rows_put(run, "stages", run->stages, run->stage_count, out);
	fputs("\n}\n", out);
}
