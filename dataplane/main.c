// main.c: weir-dataplane: options, signals, and the end of the process.

#include "link_server.h"
#include "log.h"
#include "privileges.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

static const char usage[] =
	"Usage: weir-dataplane [--link PATH]\n"
	"\n"
	"Forwards SIP messages. weir-control connects to it, gives it listeners, keys and flows, "
	"and may come and go:\n"
	"forwarding goes on.\n"
	"\n"
	"  -l, --link PATH  socket that control connects to (default /run/weir/dataplane.sock)\n"
	"  -h, --help       this text\n"
	"  -V, --version    the version\n"
	"\n"
	"Ends on SIGTERM or SIGINT. Exit: 0 ended so, 1 failed, 2 usage.\n";

// -1: go on; else the exit status.
static int options_read(int count, char **words, const char **path)
{
	static const struct option options[] = {
		{"link", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(count, words, "l:hV", options, NULL)) != -1)
		switch (option) {
		case 'l':
			*path = optarg;
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

int main(int count, char **words)
{
	const char *path = "/run/weir/dataplane.sock";
	struct link_server *server;
	int status = options_read(count, words, &path);

	if (status >= 0)
		return status;
	// Epoch keys are in memory: no core dump, no debugger of another user.
	prctl(PR_SET_DUMPABLE, 0);
	int stop = signals_open();
	int error = stop < 0 ? -errno : link_server_open(path, &server);

	if (error < 0) {
		open_complain(path, error);
		return EXIT_FAILED;
	}
	server->drop = privileges_drop;
	log_say(NULL, "waiting for control on %s", path);
	error = link_server_run(server, stop);
	link_server_close(server);
	close(stop);
	if (error == -ENOTRECOVERABLE)
		log_say("E-DPDK-ONCE", "DPDK cannot start twice in a process: this one ends");
	else if (error < 0)
		log_say("E-LINK-POLL", "cannot wait for control: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_OK;
}
