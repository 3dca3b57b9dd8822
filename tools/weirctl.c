// weirctl: looks at a running weir-control and steers it.

#include "weirctl.h"

#include "command/command.h"
#include "weirctl_client.h"
#include "weirctl_keys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORDS_MAX = 64,
};

struct arguments {
	const char *words[WORDS_MAX];
	size_t count;
	unsigned repeat_s;
	bool complete;
	bool color_set;
};

static const char help[] =
	"Usage: weirctl [options] NOUN VERB [parameters]\n"
	"       weirctl [options]                 line by line, with TAB and ?\n"
	"\n"
	"  status                      one screen\n"
	"  flows show | peers show | drops show | upstream show\n"
	"  ports show | ports queues   DPDK devices and their queues\n"
	"  token explain TEXT          what it says and which rule would serve it\n"
	"  config check [FILE] | show [--defaults] | schema\n"
	"  reload | log show | log level LEVEL [--for 10m]\n"
	"  host check [FILE]           what this host has for the file's DPDK devices\n"
	"  keys init FOLDER ...        secrets and certificates of a cluster\n"
	"  call METHOD [JSON]          raw JSON-RPC\n"
	"  help                        every command with its parameters\n"
	"\n"
	"  -s SOCKET  admin socket (default $WEIR_SOCKET or /run/weir/control.sock)\n"
	"  -j         JSON\n"
	"  -w SECONDS ask again and again\n"
	"  --color auto|always|never\n"
	"  -h, -V     this help, the version\n"
	"\n"
	"Ends with 0: ok, 1: refused, 2: usage, 3: cannot connect, 4: check failed.\n";

static enum weirctl_exit usage_fail(const char *why, const char *what)
{
	fprintf(stderr, "weirctl: %s '%s'; see weirctl -h\n", why, what);
	return WEIRCTL_USAGE;
}

static bool color_read(struct weirctl *weirctl, struct arguments *arguments, const char *word)
{
	arguments->color_set = strcmp(word, "auto") != 0;
	weirctl->color = strcmp(word, "always") == 0;
	return weirctl->color || !arguments->color_set || strcmp(word, "never") == 0;
}

// An option with its value. False: it has none, or a wrong one.
static bool option_take(
	struct weirctl *weirctl, struct arguments *arguments, const char *option, const char *value)
{
	char *end;

	if (value == NULL)
		return false;
	if (strcmp(option, "-s") == 0) {
		weirctl->socket = value;
		return true;
	}
	if (strcmp(option, "--color") == 0)
		return color_read(weirctl, arguments, value);
	arguments->repeat_s = (unsigned)strtoul(value, &end, 10);
	return *end == '\0' && arguments->repeat_s > 0;
}

static bool option_has_value(const char *word)
{
	return strcmp(word, "-s") == 0 || strcmp(word, "-w") == 0 || strcmp(word, "--color") == 0;
}

// Options of weirctl may stand before and after the words of a command. Returns -1 to go on, else the exit status.
static int arguments_read(
	struct weirctl *weirctl, struct arguments *arguments, int count, char **words)
{
	for (int i = 1; i < count; i++) {
		const char *word = words[i];

		if (option_has_value(word)) {
			if (!option_take(weirctl, arguments, word, words[i + 1]))
				return usage_fail("missing or wrong value of", word);
			i++;
		} else if (strcmp(word, "-j") == 0) {
			weirctl->json = true;
		} else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
			fputs(help, stdout);
			return WEIRCTL_OK;
		} else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
			puts("weirctl " WEIR_VERSION);
			return WEIRCTL_OK;
		} else if (strcmp(word, "--complete") == 0 && arguments->count == 0) {
			arguments->complete = true;
		} else if (word[0] == '-' && word[1] != '-' && arguments->count == 0) {
			return usage_fail("unknown option", word);
		} else if (arguments->count == WORDS_MAX) {
			return usage_fail("too many words before", word);
		} else {
			arguments->words[arguments->count++] = word;
		}
	}
	return -1;
}

static enum weirctl_exit run_once(struct weirctl *weirctl, const struct arguments *arguments)
{
	const char *const *words = arguments->words;
	enum weirctl_exit status;

	if (weirctl_config(weirctl, words, arguments->count, &status)
		|| weirctl_host(weirctl, words, arguments->count, &status))
		return status;
	if (strcmp(words[0], "call") == 0)
		return weirctl_call(weirctl, words + 1, arguments->count - 1);
	if (strcmp(words[0], "help") == 0) {
		command_print_list(stdout);
		return WEIRCTL_OK;
	}
	return weirctl_ask(weirctl, words, arguments->count);
}

static enum weirctl_exit run(struct weirctl *weirctl, const struct arguments *arguments)
{
	enum weirctl_exit status;

	if (arguments->count == 0)
		return weirctl_shell(weirctl);
	status = run_once(weirctl, arguments);
	while (arguments->repeat_s > 0 && status != WEIRCTL_USAGE
		&& status != WEIRCTL_NO_CONNECTION) {
		fflush(stdout);
		sleep(arguments->repeat_s);
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		status = run_once(weirctl, arguments);
	}
	return status;
}

static void word_print(void *context, const char *word)
{
	puts(word);
}

// `complete -C 'weirctl --complete' weirctl`: bash gives the command, the word begun and the one before it; the whole line is in
// COMP_LINE.
static enum weirctl_exit run_complete(const struct arguments *arguments)
{
	const char *line = getenv("COMP_LINE");
	char copy[COMMAND_LINE_MAX];
	const char *words[WORDS_MAX];
	size_t count = 0;
	char *rest = copy;

	snprintf(copy, sizeof(copy), "%s", line == NULL ? "" : line);
	for (char *word = strsep(&rest, " "); word != NULL && count < WORDS_MAX;
		word = strsep(&rest, " "))
		if (word[0] != '\0' || rest == NULL)
			words[count++] = word;
	if (count >= 2)
		weirctl_complete(words + 1, count - 2, words[count - 1], word_print, NULL);
	return WEIRCTL_OK;
}

int main(int count, char **words)
{
	const char *socket = getenv("WEIR_SOCKET");
	struct weirctl weirctl = {
		.socket = socket == NULL ? "/run/weir/control.sock" : socket,
	};
	struct arguments arguments = {.count = 0};
	int status;

	// Everything behind `keys` is its own.
	if (count >= 2 && strcmp(words[1], "keys") == 0)
		return weirctl_keys(count - 2, words + 2);
	status = arguments_read(&weirctl, &arguments, count, words);
	if (status >= 0)
		return status;
	if (!arguments.color_set)
		weirctl.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	signal(SIGPIPE, SIG_IGN);
	status = arguments.complete ? run_complete(&arguments) : run(&weirctl, &arguments);
	client_close(weirctl.client);
	return status;
}
