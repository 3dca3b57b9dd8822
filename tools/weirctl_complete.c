#include "command/command.h"
#include "weirctl.h"

#include <stdio.h>
#include <string.h>

// Words that weirctl answers itself.
static const char *const own_words[][2] = {
	{"host", "check"},
	{"keys", "init"},
	{"call", ""},
};

struct offer {
	const char *last;
	void (*each)(void *context, const char *word);
	void *context;
};

static void offer_word(const struct offer *offer, const char *word)
{
	if (strncmp(word, offer->last, strlen(offer->last)) == 0)
		offer->each(offer->context, word);
}

static void offer_nouns(const struct offer *offer)
{
	for (size_t i = 0; i < command_count; i++)
		if (i == 0 || strcmp(command_table[i].noun, command_table[i - 1].noun) != 0)
			offer_word(offer, command_table[i].noun);
	for (size_t i = 0; i < sizeof(own_words) / sizeof(own_words[0]); i++)
		offer_word(offer, own_words[i][0]);
}

static void offer_verbs(const struct offer *offer, const char *noun)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_table[i].noun, noun) == 0 && command_table[i].verb[0] != '\0')
			offer_word(offer, command_table[i].verb);
	for (size_t i = 0; i < sizeof(own_words) / sizeof(own_words[0]); i++)
		if (strcmp(own_words[i][0], noun) == 0 && own_words[i][1][0] != '\0')
			offer_word(offer, own_words[i][1]);
}

static void offer_choices(const struct offer *offer, const char *words)
{
	while (*words != '\0') {
		char word[COMMAND_WHY];
		size_t length = strcspn(words, "|");

		snprintf(word, sizeof(word), "%.*s", (int)length, words);
		offer_word(offer, word);
		words += length + (words[length] == '|');
	}
}

static void offer_parameters(
	const struct offer *offer, const struct command *command, const char *before)
{
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++) {
		char option[COMMAND_WHY];

		snprintf(option, sizeof(option), "--%s", parameter->name);
		if (strcmp(before, option) == 0 && parameter->words != NULL)
			offer_choices(offer, parameter->words);
		else if (parameter->positional && parameter->words != NULL)
			offer_choices(offer, parameter->words);
		else if (!parameter->positional)
			offer_word(offer, option);
	}
}

void weirctl_complete(const char *const *words, size_t count, const char *last,
	void (*each)(void *context, const char *word), void *context)
{
	const struct offer offer = {.last = last, .each = each, .context = context};
	char method[128];
	const struct command *command = NULL;

	if (count == 0) {
		offer_nouns(&offer);
		return;
	}
	if (count == 1)
		offer_verbs(&offer, words[0]);
	if (count >= 2) {
		snprintf(method, sizeof(method), "%s.%s", words[0], words[1]);
		command = command_find(span_of(method, strlen(method)));
	}
	if (command == NULL)
		command = command_find(span_of(words[0], strlen(words[0])));
	if (command != NULL)
		offer_parameters(&offer, command, words[count - 1]);
}
