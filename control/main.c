// main.c: weir-control: everything of an edge that may wait, or a whole core (role: core).

#include "base/clock.h"
#include "frame/control.h"
#include "sandbox/confinement.h"
#include "sandbox/privileges.h"
#include "service.h"
#include "tls/tls_check.h"

#include <weir/vault.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
};

struct options {
	const char *config_path;
	const char *user; // NULL: whoever started it
	bool check;
	bool sandboxed;
};

// What the loop's signals reach.
struct run {
	struct control *control;
	struct service service;
	bool sandboxed;
};

static const char help[] =
	"Usage: weir-control [--config FILE] [--user NAME] [--check]\n"
	"\n"
	"Keeps what an edge knows: flows, keys, peers, targets. Hands it to weir-dataplane,\n"
	"which forwards. With 'role: core' in the file it is a registrar and proxy instead.\n"
	"\n"
	"  -c, --config FILE   read FILE (default /etc/weir/weir.yaml)\n"
	"  -u, --user NAME     become this user, who then owns what is made; as root only\n"
	"      --check         read and check the file, say what is wrong, and end\n"
	"      --no-sandbox    keep files and system calls: to look for a fault with a debugger\n"
	"  -V, --version       print the version and end\n"
	"  -h, --help          print this and end\n"
	"\n"
	"SIGHUP reads the file again; SIGTERM and SIGINT end the process.\n"
	"Ends with 0 when asked to, 1 when it cannot go on, 2 for a bad option.\n";

enum {
	OPTION_CHECK = 256,
	OPTION_NO_SANDBOX,
};

// Returns -1 to go on, else the exit status.
static int options_read(int count, char **words, struct options *options)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"user", required_argument, NULL, 'u'},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(count, words, "c:u:Vh", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config_path = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case OPTION_CHECK:
			options->check = true;
			break;
		case OPTION_NO_SANDBOX:
			options->sandboxed = false;
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
	struct control *control = ((struct run *)context)->control;

	log_event(control->log, LOG_LEVEL_NOTICE, "stopping", LOG_NUMBER("signal", number));
	event_base_loopbreak(control->base);
}

static void reload(evutil_socket_t number, short what, void *context)
{
	struct run *run = context;

	service_tell_reload(&run->service);
	(void)control_reload(run->control, NULL, NULL);
	service_tell_reloaded(&run->service);
}

// Modules are open.
static int run_serve(struct run *run)
{
	struct control *control = run->control;
	int status = confinement_finish(control, run->sandboxed);

	if (status != 0)
		return status;
	log_event(control->log, LOG_LEVEL_NOTICE, "started", LOG_TEXT("version", WEIR_VERSION),
		LOG_SPAN("name", control->config->node.name));
	// An edge is ready when it serves; it says so itself.
	if (control->config->role == ROLE_CORE)
		control_set_ready(control, NULL);
	status = service_open(&run->service, control);
	if (status == 0)
		status = event_base_dispatch(control->base) < 0 ? -EIO : 0;
	service_close(&run->service);
	return status;
}

static int run_open(struct run *run)
{
	int status = confinement_begin(run->control, run->sandboxed);

	if (status == 0)
		status = control_open(run->control);
	if (status != 0)
		return status;
	status = run_serve(run);
	control_close(run->control);
	return status;
}

// Signals become events of the loop.
static int run_signals(struct run *run)
{
	struct {
		int number;
		event_callback_fn handler;
		struct event *event;
	} signals[] = {{SIGTERM, stop, NULL}, {SIGINT, stop, NULL}, {SIGHUP, reload, NULL}};
	enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
	int status = 0;

	for (unsigned i = 0; i < SIGNALS; i++) {
		signals[i].event = evsignal_new(
			run->control->base, signals[i].number, signals[i].handler, run);
		if (signals[i].event == NULL || event_add(signals[i].event, NULL) != 0)
			status = -ENOMEM;
	}
	if (status == 0)
		status = run_open(run);
	for (unsigned i = 0; i < SIGNALS; i++)
		if (signals[i].event != NULL)
			event_free(signals[i].event);
	return status;
}

static int run_all(struct run *run)
{
	struct control *control = run->control;
	enum config_log_format format = control->config->log.format;
	bool journal = format == LOG_FORMAT_JOURNAL
		|| (format == LOG_FORMAT_AUTO && log_is_journal(STDERR_FILENO));
	int status = -ENOMEM;

	control->log = log_new(STDERR_FILENO, control->config->log.level, journal);
	control->base = event_base_new();
	control->started_ms = clock_ms();
	control->wall_started_ms = clock_wall_ms();
	if (control->log != NULL && control->base != NULL)
		status = run_signals(run);
	if (control->base != NULL)
		event_base_free(control->base);
	log_free(control->log);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// What TLS keeps of keys and of traffic is in there.
static void heap_open(const struct control *control)
{
	int status = vault_open_heap(false);

	if (status < 0)
		control_fault(control, "W-VAULT", NULL, "keys lie in ordinary memory: %s",
			strerror(-status));
}

// Files that are made belong to this user, so it comes first.
static int user_become(const struct control *control, const char *user)
{
	int status = user == NULL ? 0 : privileges_become(user);

	if (status < 0)
		control_fault(control, "E-USER",
			status == -ENOENT ? "make it: useradd --system --no-create-home weir"
					  : "only root can start it as another user",
			"cannot become user '%s': %s", user,
			status == -ENOENT ? "there is none of this name" : strerror(-status));
	return status;
}

int main(int count, char **words)
{
	struct options options = {.config_path = "/etc/weir/weir.yaml", .sandboxed = true};
	struct control control = {0};
	int status = options_read(count, words, &options);

	if (status >= 0)
		return status;
	control.config_path = options.config_path;
	heap_open(&control);
	if (user_become(&control, options.user) != 0)
		return EXIT_FAILURE;
	control.config = load(options.config_path);
	if (control.config == NULL)
		return EXIT_FAILURE;
	if (options.check) {
		printf("%s: ok\n", options.config_path);
		status = EXIT_SUCCESS;
	} else {
		struct run run = {.control = &control, .sandboxed = options.sandboxed};

		privileges_hide_memory();
		// A client that hangs up must not end the process; files it makes are its own.
		signal(SIGPIPE, SIG_IGN);
		umask(S_IRWXG | S_IRWXO);
		status = run_all(&run);
	}
	config_free(control.config);
	return status;
}
