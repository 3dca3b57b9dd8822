// A configuration file of any octets is taken or refused with a report that can be printed; what was taken can be shown, and
// what is shown has no secret.

#include "config/config.h"
#include "config/render.h"
#include "fuzz.h"

#include <stdlib.h>

static void report_print(const struct config_report *report)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return;
	config_report_print(report, stream);
	fclose(stream);
	CHECK(report->errors + report->warnings == 0 || length > 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_report report = {0};
	struct config *config = config_read("fuzz.yaml", span_of(data, size), &report);

	CHECK((config == NULL) == (report.errors > 0));
	report_print(&report);
	if (config != NULL) {
		json_t *shown = config_render(config, true);

		CHECK(json_is_object(shown));
		json_decref(shown);
	}
	config_free(config);
	config_report_free(&report);
	return 0;
}
