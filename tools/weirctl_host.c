// weirctl_host.c: "host check": what this host has for an edge, without a daemon.

#include "config/config.h"
#include "host/host.h"
#include "weirctl.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char default_file[] = "/etc/weir/weir.yaml";

static const char *const state_names[] = {
	[HOST_OK] = "ok",
	[HOST_ADVICE] = "advice",
	[HOST_MISSING] = "missing",
};

struct host_words {
	const char *file; // NULL: none
	const char *root;
};

// "host check [FILE] [--root FOLDER]"
static bool words_read(const char *const *words, size_t count, struct host_words *out)
{
	*out = (struct host_words){.root = ""};
	for (size_t i = 2; i < count; i++) {
		if (strcmp(words[i], "--root") == 0 && i + 1 < count)
			out->root = words[++i];
		else if (words[i][0] != '-' && out->file == NULL)
			out->file = words[i];
		else
			return false;
	}
	if (out->file == NULL && access(default_file, R_OK) == 0)
		out->file = default_file;
	return true;
}

static void print_json(const struct host_report *report)
{
	json_t *rows = json_array();

	for (const struct host_row *row = report->rows; row != NULL; row = row->next) {
		json_t *object = json_pack("{s:s, s:s, s:s}", "topic", row->topic, "state",
			state_names[row->state], "what", row->what);

		if (row->command != NULL)
			json_object_set_new(object, "command", json_string(row->command));
		json_array_append_new(rows, object);
	}
	json_t *whole = json_pack("{s:b, s:i, s:i, s:i, s:o}", "ok",
		report->count[HOST_MISSING] == 0, "ok_count", (int)report->count[HOST_OK],
		"advice_count", (int)report->count[HOST_ADVICE], "missing_count",
		(int)report->count[HOST_MISSING], "rows", rows);

	json_dumpf(whole, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(whole);
}

static void print_text(const struct host_report *report, bool color)
{
	static const char *const paints[] = {
		[HOST_OK] = "\033[32m", [HOST_ADVICE] = "\033[33m", [HOST_MISSING] = "\033[31m"};

	int width = 0;

	for (const struct host_row *row = report->rows; row != NULL; row = row->next)
		if ((int)strlen(row->topic) > width)
			width = (int)strlen(row->topic);
	for (const struct host_row *row = report->rows; row != NULL; row = row->next) {
		printf("%s%-7s%s  %-*s  %s\n", color ? paints[row->state] : "",
			state_names[row->state], color ? "\033[0m" : "", width, row->topic,
			row->what);
		if (row->command != NULL)
			printf("%*s= %s\n", width + 11, "", row->command);
	}
	printf("%u ok, %u advice, %u missing\n", report->count[HOST_OK], report->count[HOST_ADVICE],
		report->count[HOST_MISSING]);
}

static enum weirctl_exit check(
	const struct weirctl *weirctl, const struct host_words *words, const struct config *config)
{
	const struct host_options options = {.root = words->root, .config = config};
	struct host_report report;
	enum weirctl_exit status = WEIRCTL_CHECK_FAILED;

	if (host_check(&options, &report) != 0) {
		fputs("weirctl: out of memory\n", stderr);
	} else {
		if (weirctl->json)
			print_json(&report);
		else
			print_text(&report, weirctl->color);
		status = report.count[HOST_MISSING] > 0 ? WEIRCTL_CHECK_FAILED : WEIRCTL_OK;
	}
	host_report_free(&report);
	return status;
}

static enum weirctl_exit check_with_file(
	const struct weirctl *weirctl, const struct host_words *words)
{
	struct config_report report = {0};
	struct config *config = config_load(words->file, &report);
	enum weirctl_exit status = WEIRCTL_CHECK_FAILED;

	if (config == NULL)
		config_report_print(&report, stderr);
	else
		status = check(weirctl, words, config);
	config_report_free(&report);
	config_free(config);
	return status;
}

bool weirctl_host(const struct weirctl *weirctl, const char *const *words, size_t count,
	enum weirctl_exit *status)
{
	struct host_words read;

	if (count < 1 || strcmp(words[0], "host") != 0)
		return false;
	if (count < 2 || strcmp(words[1], "check") != 0 || !words_read(words, count, &read)) {
		fputs("weirctl: write 'host check [FILE]'; see weirctl -h\n", stderr);
		*status = WEIRCTL_USAGE;
	} else if (read.file == NULL) {
		*status = check(weirctl, &read, NULL);
	} else {
		*status = check_with_file(weirctl, &read);
	}
	return true;
}
