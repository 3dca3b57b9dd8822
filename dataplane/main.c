// main.c: weir-dataplane: options, signals, and the end of the process.

#include "confinement.h"
#include "link_server.h"
#include "log.h"

#include <weir/vault.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

static const char usage[] =
	"Usage: weir-dataplane [--link PATH] [--no-sandbox]\n"
	"\n"
	"Forwards SIP messages. weir-control connects to it, gives it listeners, keys and flows, "
	"and may come and go:\n"
	"forwarding goes on.\n"
	"\n"
	"  -l, --link PATH  socket that control connects to (default /run/weir/dataplane.sock)\n"
	"      --no-sandbox keep files and system calls: to look for a fault with a debugger\n"
	"  -h, --help       this text\n"
	"  -V, --version    the version\n"
	"\n"
	"Ends on SIGTERM or SIGINT. Exit: 0 ended so, 1 failed, 2 usage.\n";

struct options {
	const char *path;
	bool sandboxed;
};

// -1: go on; else the exit status.
static int options_read(int count, char **words, struct options *options)
{
	static const struct option known[] = {
		{"link", required_argument, NULL, 'l'},
		{"no-sandbox", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(count, words, "l:hV", known, NULL)) != -1)
		switch (option) {
		case 'l':
			options->path = optarg;
			break;
		case 's':
			options->sandboxed = false;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'V':
			puts("weir-dataplane " WEIR_VERSION);
			return EXIT_OK;
		default:
			fputs("Try 'weir-dataplane --help'.\n", stderr);
			return EXIT_USAGE;
		}
	if (optind < count) {
		fprintf(stderr, "weir-dataplane: '%s' is no option\nTry 'weir-dataplane --help'.\n",
			words[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

// Signals are read from a descriptor, so that the threads never see one. -1: errno says why.
static int signals_open(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void open_complain(const char *path, int error)
{
	log_say("E-LINK-LISTEN", "cannot listen on %s: %s", path, strerror(-error));
	switch (error) {
	case -EADDRINUSE:
		fputs("  = another weir-dataplane runs there, or the path is no socket; see "
		      "--link\n",
			stderr);
		break;
	case -ENOENT:
		fputs("  = its folder does not exist: make it, or name another path with --link\n",
			stderr);
		break;
	case -EACCES:
		fputs("  = this user may not write there: change the folder's owner, or see "
		      "--link\n",
			stderr);
		break;
	default:
		break;
	}
}

// Epoch keys are in memory: no core dump, no debugger of another user.
static void memory_hide(void)
{
	const struct rlimit none = {0};

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	int error = vault_open_heap(true);

	if (error < 0)
		log_say("W-VAULT", "keys lie in ordinary memory: %s", strerror(-error));
}

int main(int count, char **words)
{
	struct options options = {.path = "/run/weir/dataplane.sock", .sandboxed = true};
	struct confinement confinement;
	struct link_server *server;
	int status = options_read(count, words, &options);

	if (status >= 0)
		return status;
	memory_hide();
	int stop = signals_open();
	int error = stop < 0 ? -errno : link_server_open(options.path, &server);

	if (error < 0) {
		open_complain(options.path, error);
		return EXIT_FAILED;
	}
	confinement_init(&confinement, options.path, options.sandboxed);
	server->confinement = &confinement;
	log_say(NULL, "waiting for control on %s", options.path);
	error = link_server_run(server, stop);
	link_server_close(server);
	close(stop);
	if (error == -ENOTRECOVERABLE)
		log_say("E-DPDK-ONCE", "DPDK cannot start twice in a process: this one ends");
	else if (error < 0)
		log_say("E-LINK-POLL", "cannot wait for control: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_OK;
}
