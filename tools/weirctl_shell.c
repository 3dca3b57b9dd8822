#include "weirctl.h"
#include "weirctl_client.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HISTORY = 500,
	OFFERS_MAX = 64,
	OFFER_OCTETS = 128,
};

// The words that could stand where TAB was pressed.
struct offers {
	char words[OFFERS_MAX][OFFER_OCTETS];
	size_t count;
};

static const char *prompt(EditLine *line)
{
	return "weir> ";
}

static void offers_add(void *context, const char *word)
{
	struct offers *offers = context;

	if (offers->count < OFFERS_MAX)
		snprintf(offers->words[offers->count++], OFFER_OCTETS, "%s", word);
}

// How many octets all offers begin with.
static size_t offers_common(const struct offers *offers)
{
	size_t common = strlen(offers->words[0]);

	for (size_t i = 1; i < offers->count; i++)
		for (size_t j = 0; j < common; j++)
			if (offers->words[i][j] != offers->words[0][j])
				common = j;
	return common;
}

// Finds what could stand at the cursor; last is the part of a word before it.
static void offers_find(EditLine *line, bool whole, char *last, struct offers *offers)
{
	Tokenizer *tokenizer = tok_init(NULL);
	const char **words;
	int count;
	int word = 0;
	int offset = 0;

	last[0] = '\0';
	if (tokenizer == NULL)
		return;
	if (tok_line(tokenizer, el_line(line), &count, &words, &word, &offset) == 0) {
		if (word < count && whole)
			snprintf(last, OFFER_OCTETS, "%.*s", offset, words[word]);
		weirctl_complete(words, (size_t)word, last, offers_add, offers);
	}
	tok_end(tokenizer);
}

static unsigned char complete(EditLine *line, int key)
{
	struct offers offers = {.count = 0};
	char last[OFFER_OCTETS];
	size_t common;

	offers_find(line, true, last, &offers);
	if (offers.count == 0)
		return CC_ERROR;
	common = offers_common(&offers);
	offers.words[0][common] = '\0';
	if (common > strlen(last))
		el_insertstr(line, offers.words[0] + strlen(last));
	if (offers.count == 1)
		el_insertstr(line, " ");
	return CC_REFRESH;
}

static unsigned char list_offers(EditLine *line, int key)
{
	struct offers offers = {.count = 0};
	char last[OFFER_OCTETS];

	offers_find(line, false, last, &offers);
	putchar('\n');
	for (size_t i = 0; i < offers.count; i++)
		printf("  %s\n", offers.words[i]);
	return CC_REDISPLAY;
}

static enum weirctl_exit run_line(struct weirctl *weirctl, const char **words, int count)
{
	enum weirctl_exit status;
	size_t length = (size_t)count;

	if (count == 0)
		return WEIRCTL_OK;
	if (weirctl_config(weirctl, words, length, &status))
		return status;
	if (strcmp(words[0], "call") == 0)
		return weirctl_call(weirctl, words + 1, length - 1);
	return weirctl_ask(weirctl, words, length);
}

static bool line_ends_shell(const char **words, int count)
{
	return count == 1 && (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0);
}

static enum weirctl_exit read_lines(
	struct weirctl *weirctl, EditLine *line, History *history_, Tokenizer *tokenizer)
{
	enum weirctl_exit status = WEIRCTL_OK;
	const char *text;
	int length;

	while ((text = el_gets(line, &length)) != NULL && length > 0) {
		HistEvent event;
		const char **words;
		int count;

		tok_reset(tokenizer);
		if (tok_str(tokenizer, text, &count, &words) != 0) {
			fputs("weirctl: a quote does not end\n", stderr);
			continue;
		}
		if (line_ends_shell(words, count))
			break;
		if (count > 0)
			history(history_, &event, H_ENTER, text);
		status = run_line(weirctl, words, count);
		fflush(stdout);
	}
	return status;
}

static void shell_bind(EditLine *line, History *history_)
{
	HistEvent event;

	history(history_, &event, H_SETSIZE, HISTORY);
	el_set(line, EL_PROMPT, prompt);
	el_set(line, EL_EDITOR, "emacs");
	el_set(line, EL_HIST, history, history_);
	el_set(line, EL_SIGNAL, 1);
	el_set(line, EL_ADDFN, "weir-complete", "complete the word", complete);
	el_set(line, EL_ADDFN, "weir-list", "list what may come", list_offers);
	el_set(line, EL_BIND, "^I", "weir-complete", NULL);
	el_set(line, EL_BIND, "?", "weir-list", NULL);
}

enum weirctl_exit weirctl_shell(struct weirctl *weirctl)
{
	EditLine *line = el_init("weirctl", stdin, stdout, stderr);
	History *history_ = history_init();
	Tokenizer *tokenizer = tok_init(NULL);
	enum weirctl_exit status = WEIRCTL_REFUSED;

	if (line != NULL && history_ != NULL && tokenizer != NULL) {
		shell_bind(line, history_);
		if (isatty(STDIN_FILENO))
			puts("TAB completes, ? lists, quit ends");
		status = read_lines(weirctl, line, history_, tokenizer);
	}
	if (tokenizer != NULL)
		tok_end(tokenizer);
	if (line != NULL)
		el_end(line);
	if (history_ != NULL)
		history_end(history_);
	return status;
}
