#include "config/render.h"
#include "config/schema.h"
#include "tls/tls_check.h"
#include "weirctl.h"

#include <stdio.h>
#include <string.h>

static enum weirctl_exit check_file(const struct weirctl *weirctl, const char *file)
{
	struct config_report report = {0};
	struct config *config = tls_config_load(file, &report);
	json_t *json = weirctl->json ? config_render_report(&report) : NULL;

	if (json != NULL) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		config_report_print(&report, stderr);
		if (config != NULL)
			printf("%s: ok\n", file);
	}
	json_decref(json);
	config_report_free(&report);
	config_free(config);
	return config == NULL ? WEIRCTL_CHECK_FAILED : WEIRCTL_OK;
}

bool weirctl_config(const struct weirctl *weirctl, const char *const *words, size_t count,
	enum weirctl_exit *status)
{
	if (count < 2 || strcmp(words[0], "config") != 0)
		return false;
	if (strcmp(words[1], "check") == 0 && count == 3 && words[2][0] != '-') {
		*status = check_file(weirctl, words[2]);
		return true;
	}
	if (strcmp(words[1], "schema") != 0 || weirctl->json)
		return false;
	*status = WEIRCTL_OK;
	if (count == 2)
		schema_print_text(stdout);
	else if (count == 3 && strcmp(words[2], "--markdown") == 0)
		schema_print_markdown(stdout);
	else
		return false;
	return true;
}
