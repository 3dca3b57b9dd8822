// main.c: weir-control: everything of an edge that may wait, or a whole core (role: core).

#include "base/clock.h"
#include "frame/control.h"
#include "service.h"
#include "tls/tls_check.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
};

struct options {
	const char *config_path;
	bool check;
};

static const char help[] =
	"Usage: weir-control [--config FILE] [--check]\n"
	"\n"
	"Keeps what an edge knows: flows, keys, peers, targets. Hands it to weir-dataplane,\n"
	"which forwards. With 'role: core' in the file it is a registrar and proxy instead.\n"
	"\n"
	"  -c, --config FILE   read FILE (default /etc/weir/weir.yaml)\n"
	"      --check         read and check the file, say what is wrong, and end\n"
	"  -V, --version       print the version and end\n"
	"  -h, --help          print this and end\n"
	"\n"
	"SIGHUP reads the file again; SIGTERM and SIGINT end the process.\n"
	"Ends with 0 when asked to, 1 when it cannot go on, 2 for a bad option.\n";

enum {
	OPTION_CHECK = 256,
};

// Returns -1 to go on, else the exit status.
static int options_read(int count, char **words, struct options *options)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(count, words, "c:Vh", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config_path = optarg;
			break;
		case OPTION_CHECK:
			options->check = true;
			break;
		case 'V':
			puts("weir-control " WEIR_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("weir-control: see --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == count)
		return -1;
	fprintf(stderr, "weir-control: unexpected '%s'; see --help\n", words[optind]);
	return EXIT_USAGE;
}

static struct config *load(const char *path)
{
	struct config_report report = {0};
	struct config *config = tls_config_load(path, &report);

	config_report_print(&report, stderr);
	config_report_free(&report);
	return config;
}

static void stop(evutil_socket_t number, short what, void *context)
{
	struct service *service = context;
	struct control *control = service->control;

	log_event(control->log, LOG_LEVEL_NOTICE, "stopping", LOG_NUMBER("signal", number));
	event_base_loopbreak(control->base);
}

static void reload(evutil_socket_t number, short what, void *context)
{
	struct service *service = context;

	service_tell_reload(service);
	(void)control_reload(service->control, NULL, NULL);
	service_tell_reloaded(service);
}

static int run_open(struct control *control, struct service *service)
{
	int status = control_open(control);

	if (status != 0)
		return status;
	log_event(control->log, LOG_LEVEL_NOTICE, "started", LOG_TEXT("version", WEIR_VERSION),
		LOG_SPAN("name", control->config->node.name));
	// An edge is ready when it serves; it says so itself.
	if (control->config->role == ROLE_CORE)
		control_set_ready(control, NULL);
	status = service_open(service, control);
	if (status == 0)
		status = event_base_dispatch(control->base) < 0 ? -EIO : 0;
	service_close(service);
	control_close(control);
	return status;
}

// Signals become events of the loop.
static int run_signals(struct control *control)
{
	struct {
		int number;
		event_callback_fn handler;
		struct event *event;
	} signals[] = {{SIGTERM, stop, NULL}, {SIGINT, stop, NULL}, {SIGHUP, reload, NULL}};
	enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
	struct service service = {.control = control};
	int status = 0;

	for (unsigned i = 0; i < SIGNALS; i++) {
		signals[i].event = evsignal_new(
			control->base, signals[i].number, signals[i].handler, &service);
		if (signals[i].event == NULL || event_add(signals[i].event, NULL) != 0)
			status = -ENOMEM;
	}
	if (status == 0)
		status = run_open(control, &service);
	for (unsigned i = 0; i < SIGNALS; i++)
		if (signals[i].event != NULL)
			event_free(signals[i].event);
	return status;
}

static int run(struct control *control)
{
	enum config_log_format format = control->config->log.format;
	bool journal = format == LOG_FORMAT_JOURNAL
		|| (format == LOG_FORMAT_AUTO && log_is_journal(STDERR_FILENO));
	int status = -ENOMEM;

	control->log = log_new(STDERR_FILENO, control->config->log.level, journal);
	control->base = event_base_new();
	control->started_ms = clock_ms();
	control->wall_started_ms = clock_wall_ms();
	if (control->log != NULL && control->base != NULL)
		status = run_signals(control);
	if (control->base != NULL)
		event_base_free(control->base);
	log_free(control->log);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **words)
{
	struct options options = {.config_path = "/etc/weir/weir.yaml"};
	struct control control = {0};
	int status = options_read(count, words, &options);

	if (status >= 0)
		return status;
	control.config_path = options.config_path;
	control.config = load(options.config_path);
	if (control.config == NULL)
		return EXIT_FAILURE;
	if (options.check) {
		printf("%s: ok\n", options.config_path);
		status = EXIT_SUCCESS;
	} else {
		// Secrets are in memory: no core dump, no debugger of another user.
		prctl(PR_SET_DUMPABLE, 0);
		// A client that hangs up must not end the process; files it makes are its own.
		signal(SIGPIPE, SIG_IGN);
		umask(S_IRWXG | S_IRWXO);
		status = run(&control);
	}
	config_free(control.config);
	return status;
}
