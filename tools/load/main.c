// main.c: weir-load: the words of its four commands.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER_OCTETS = 16 << 20,
};

static const char usage[] =
	"Usage: weir-load send  --from A:P --to A:P --templates FILE [--rate N] [--seconds S]\n"
	"       weir-load flood --from A:P --to A:P --templates FILE [--sources N] [--rate N] "
	"[--seconds S]\n"
	"       weir-load sink  --from A:P [--ports N] [--seconds S]\n"
	"       weir-load relay --from A:P --to A:P [--seconds S]\n"
	"\n"
	"send:  messages made of templates, N a second (default: as many as go), for S seconds\n"
	"flood: the same from N addresses, from A on, that are not its own; root\n"
	"sink:  takes them as N phones, on N ports from P on; ends S seconds after the last one\n"
	"relay: sends on what comes, as a floor to measure proxies against; ends likewise\n"
	"\n"
	"Each prints one JSON object. Exit: 0 done, 1 failed, 2 usage.\n";

static const struct option words[] = {
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"templates", required_argument, NULL, 'm'},
	{"rate", required_argument, NULL, 'r'},
	{"seconds", required_argument, NULL, 's'},
	{"ports", required_argument, NULL, 'p'},
	{"sources", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

int load_socket_open(const struct sockaddr_in *address)
{
	int size = BUFFER_OCTETS;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	int error = -errno;

	fprintf(stderr, "weir-load: cannot bind port %u: %s\n", ntohs(address->sin_port),
		strerror(-error));
	close(fd);
	return error;
}

uint64_t load_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// "192.0.2.1:5060".
static bool address_read(const char *text, struct sockaddr_in *address)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	char *end;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	unsigned long port = strtoul(colon + 1, &end, 10);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return *end == '\0' && port > 0 && port <= UINT16_MAX
		&& inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

static bool number_read(const char *text, double maximum, double *number)
{
	char *end;

	*number = strtod(text, &end);
	return *end == '\0' && end != text && *number >= 0 && *number <= maximum;
}

static bool word_take(struct load_options *options, int word, const char *text)
{
	double number;

	switch (word) {
	case 'f':
		return address_read(text, &options->from);
	case 't':
		return address_read(text, &options->to);
	case 'm':
		options->templates = text;
		return true;
	case 'r':
		if (!number_read(text, 1e9, &number))
			return false;
		options->rate = (uint64_t)number;
		return true;
	case 's':
		return number_read(text, 1e6, &options->seconds);
	case 'p':
		if (!number_read(text, 1000, &number) || number < 1)
			return false;
		options->ports = (unsigned)number;
		return true;
	case 'n':
		if (!number_read(text, 1e8, &number) || number < 1)
			return false;
		options->sources = (uint32_t)number;
		return true;
	default:
		return false;
	}
}

static int command_run(const char *name, const struct load_options *options)
{
	if (options->from.sin_port == 0)
		return -EINVAL;
	if (strcmp(name, "sink") == 0)
		return load_sink(options);
	if (options->to.sin_port == 0)
		return -EINVAL;
	if (strcmp(name, "relay") == 0)
		return load_relay(options);
	if (strcmp(name, "send") == 0 && options->templates != NULL)
		return load_send(options);
	if (strcmp(name, "flood") == 0 && options->templates != NULL)
		return load_flood(options);
	return -EINVAL;
}

int main(int count, char **arguments)
{
	struct load_options options = {.ports = 1, .seconds = 1, .sources = 1};
	int word;

	while ((word = getopt_long(count, arguments, "", words, NULL)) != -1) {
		if (word == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (word == '?' || !word_take(&options, word, optarg)) {
			fputs("Try 'weir-load --help'.\n", stderr);
			return 2;
		}
	}
	int error = optind == count - 1 ? command_run(arguments[optind], &options) : -EINVAL;

	if (error == -EINVAL) {
		fputs(usage, stderr);
		return 2;
	}
	if (error < 0)
		fprintf(stderr, "weir-load: %s\n", strerror(-error));
	return error == 0 ? 0 : 1;
}
