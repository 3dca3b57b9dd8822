// weirctl.h: what the parts of weirctl share.

#pragma once

#include <stdbool.h>
#include <stddef.h>

struct client;

enum weirctl_exit {
	WEIRCTL_OK = 0,
	WEIRCTL_REFUSED = 1, // the daemon said no
	WEIRCTL_USAGE = 2,
	WEIRCTL_NO_CONNECTION = 3,
	WEIRCTL_CHECK_FAILED = 4,
};

struct weirctl {
	const char *socket;
	bool json;
	bool color;
	struct client *client; // NULL until something needs it
};

// weirctl_ask.c: one command, by the words that name it. Returns an exit status; errors are printed.
[[nodiscard]] enum weirctl_exit weirctl_ask(
	struct weirctl *weirctl, const char *const *words, size_t count);
// "call METHOD [JSON]": count words after "call".
[[nodiscard]] enum weirctl_exit weirctl_call(
	struct weirctl *weirctl, const char *const *words, size_t count);
// weirctl_config.c: commands about files, which need no daemon. False: the words are none of them.
[[nodiscard]] bool weirctl_config(const struct weirctl *weirctl, const char *const *words,
	size_t count, enum weirctl_exit *status);
// weirctl_host.c: "host check [FILE]", which needs no daemon. False: the words are none of it.
[[nodiscard]] bool weirctl_host(const struct weirctl *weirctl, const char *const *words,
	size_t count, enum weirctl_exit *status);
// weirctl_shell.c: commands line by line, with completion.
[[nodiscard]] enum weirctl_exit weirctl_shell(struct weirctl *weirctl);
// weirctl_complete.c: the words that may come next, each given to `each`; last is the word begun.
void weirctl_complete(const char *const *words, size_t count, const char *last,
	void (*each)(void *context, const char *word), void *context);
