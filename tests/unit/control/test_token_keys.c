// Secrets: only a whole, private key file of this cluster is taken, and the keys made of it follow the clock.

#include "keys/token_keys.h"

#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WEEK_S = 604800,
	NOW_S = 1800000000,
};

static char folder[] = "/tmp/weir-token-keys-XXXXXX";
static char path[64];
static struct token_secrets secrets;
static struct token_keys_error error;

static void make_folder(void)
{
	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	(void)snprintf(path, sizeof(path), "%s/token-keys", folder);
	secrets = (struct token_secrets){.held = 3, .minting = 1};
	memset(secrets.token[0], 0x10, TOKEN_SECRET_OCTETS);
	memset(secrets.token[1], 0x21, TOKEN_SECRET_OCTETS);
	memset(secrets.index, 0xfe, INDEX_SECRET_OCTETS);
	secrets.cluster_length = 9;
	memcpy(secrets.cluster, "edge.test", 9);
}

static void remove_folder(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

TestSuite(token_keys, .init = make_folder, .fini = remove_folder);

static void write_file(struct span text, mode_t mode)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(ge(int, file, 0));
	cr_assert(eq(i64, write(file, text.octets, text.length), (int64_t)text.length));
	cr_assert(eq(int, fchmod(file, mode), 0));
	(void)close(file);
}

static void write_secrets(mode_t mode)
{
	uint8_t text[TOKEN_SECRETS_TEXT_MAX];

	write_file(span_of(text, token_secrets_format(&secrets, text)), mode);
}

static struct token_keys *open_keys(void)
{
	return token_keys_open(path, SPAN("edge.test"), WEEK_S, &error);
}

static enum token_keys_fault fault_of(struct span text)
{
	write_file(text, 0600);
	struct token_keys *keys = open_keys();
	enum token_keys_fault fault = keys == NULL ? error.fault : TOKEN_KEYS_OK;

	token_keys_close(keys);
	return fault;
}

Test(token_keys, what_is_formatted_is_parsed_back)
{
	uint8_t text[TOKEN_SECRETS_TEXT_MAX];
	struct token_secrets back = {0};
	unsigned line = 99;
	size_t length = token_secrets_format(&secrets, text);

	cr_assert(token_secrets_parse(span_of(text, length), &back, &line));
	cr_assert(eq(int, memcmp(&back, &secrets, sizeof(back)), 0));
}

Test(token_keys, every_cut_of_the_file_is_refused_but_the_one_of_the_last_line_end)
{
	uint8_t text[TOKEN_SECRETS_TEXT_MAX];
	size_t length = token_secrets_format(&secrets, text);

	for (size_t cut = 0; cut < length - 1; cut++) {
		struct token_secrets back = {0};
		unsigned line;

		cr_assert(not(token_secrets_parse(span_of(text, cut), &back, &line)), "%zu", cut);
		cr_assert(zero(u8, back.held));
	}
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

Test(token_keys, a_line_that_is_wrong_repeated_or_missing_is_refused)
{
	cr_assert(eq(int, fault_of(SPAN("weir-keys 1\ntoken 0 " HEX "\nmint 0\nindex " HEX "\n")),
		TOKEN_KEYS_OK));
	struct span bad[] = {
		SPAN("weir-keys 2\ntoken 0 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\nmint 1\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\nmint 0\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\nmint 0\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\ntoken 0 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "0\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 2 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ntoken 0 " HEX "\nmint 0\nindex " HEX "\nindex " HEX "\n"),
		SPAN("weir-keys 1\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\ncluster \ntoken 0 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\r\ntoken 0 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN("weir-keys 1\nwhatever\ntoken 0 " HEX "\nmint 0\nindex " HEX "\n"),
		SPAN(""),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert(eq(int, fault_of(bad[i]), TOKEN_KEYS_SYNTAX), "%zu", i);
}

Test(token_keys, the_wrong_line_is_named)
{
	cr_assert(eq(
		int, fault_of(SPAN("weir-keys 1\n# all well\ntoken 0 xyz\n")), TOKEN_KEYS_SYNTAX));
	cr_assert(ne(ptr, strstr(error.text, "line 3"), NULL), "%s", error.text);
}

Test(token_keys, a_file_larger_than_its_bound_is_refused)
{
	static uint8_t text[TOKEN_KEYS_FILE_MAX + 1];

	memset(text, '\n', sizeof(text));
	cr_assert(eq(int, fault_of(span_of(text, sizeof(text))), TOKEN_KEYS_SYNTAX));
}

Test(token_keys, a_file_that_others_may_read_or_the_group_may_write_is_refused)
{
	for (mode_t mode = 0; mode < 0777; mode++) {
		bool open_to_others = (mode & 0037) != 0;

		if ((mode & 0400) == 0)
			continue;
		write_secrets(mode);
		struct token_keys *keys = open_keys();
		cr_assert(eq(int, keys == NULL, open_to_others), "%04o", mode);
		if (keys == NULL)
			cr_assert(eq(int, error.fault, TOKEN_KEYS_MODE));
		token_keys_close(keys);
		(void)unlink(path);
	}
	write_secrets(0644);
	cr_assert(eq(ptr, open_keys(), NULL));
	cr_assert(ne(ptr, strstr(error.text, "0644"), NULL));
	cr_assert(ne(ptr, strstr(error.text, "[E-KEY-MODE]"), NULL));
}

Test(token_keys, what_is_no_regular_file_is_refused)
{
	cr_assert(eq(ptr, open_keys(), NULL));
	cr_assert(eq(int, error.fault, TOKEN_KEYS_FILE));
	cr_assert(eq(int, mkfifo(path, 0600), 0));
	cr_assert(eq(ptr, open_keys(), NULL));
	cr_assert(eq(int, error.fault, TOKEN_KEYS_FILE));
}

Test(token_keys, the_keys_of_another_cluster_are_refused)
{
	write_secrets(0600);
	cr_assert(eq(ptr, token_keys_open(path, SPAN("other.test"), WEEK_S, &error), NULL));
	cr_assert(eq(int, error.fault, TOKEN_KEYS_CLUSTER));
	secrets.cluster_length = 0;
	write_secrets(0600);
	struct token_keys *keys = token_keys_open(path, SPAN("other.test"), WEEK_S, &error);
	cr_assert(ne(ptr, keys, NULL));
	token_keys_close(keys);
}

Test(token_keys, material_covers_the_past_and_sixteen_epochs_ahead_and_mints_with_the_secret_named)
{
	struct key_material material;

	write_secrets(0600);
	struct token_keys *keys = open_keys();
	cr_assert(eq(int, token_keys_derive(keys, NOW_S, &material), 0));
	cr_assert(eq(u64, material.first_epoch, NOW_S / WEEK_S - KEYRING_PAST));
	cr_assert(eq(int, material.held, 3));
	cr_assert(eq(int, material.minting, 1));
	cr_assert(ne(int, memcmp(material.key[0], material.key[1], sizeof(material.key[0])), 0));
	struct keyring *ring = keyring_new(&material, NOW_S / WEEK_S);
	cr_assert(ne(ptr, ring, NULL));
	cr_assert(eq(int, keyring_advance(ring, NOW_S / WEEK_S + KEYRING_AHEAD), 0));
	keyring_free(ring);
	token_keys_close(keys);
}

Test(token_keys, two_edges_with_one_file_open_each_others_tokens)
{
	struct key_material material;
	struct token token = {
		.flow = {1, 2, 3}, .kind = TOKEN_PATH, .peer = {.family = ENDPOINT_V4}};
	struct token back;
	uint8_t text[TOKEN_LENGTH_V6];
	struct keyring *ring[2];

	write_secrets(0600);
	for (unsigned i = 0; i < 2; i++) {
		struct token_keys *keys = open_keys();
		cr_assert(eq(int, token_keys_derive(keys, NOW_S + i, &material), 0));
		ring[i] = keyring_new(&material, NOW_S / WEEK_S);
		token_keys_close(keys);
	}
	size_t length = token_mint(ring[0], &token, text);
	cr_assert(eq(int, token_redeem(ring[1], span_of(text, length), &back), TOKEN_OK));
	keyring_free(ring[0]);
	keyring_free(ring[1]);
}

Test(token_keys, material_is_due_after_a_day_an_epoch_or_a_step_back_of_the_clock)
{
	uint64_t start = (uint64_t)(NOW_S / WEEK_S) * WEEK_S;

	write_secrets(0600);
	struct token_keys *keys = open_keys();
	cr_assert(not(token_keys_are_due(keys, start, start)));
	cr_assert(not(token_keys_are_due(keys, start, start + 86399)));
	cr_assert(token_keys_are_due(keys, start, start + 86400));
	cr_assert(token_keys_are_due(keys, start, start - 1));
	cr_assert(token_keys_are_due(keys, start + WEEK_S - 1, start + WEEK_S));
	token_keys_close(keys);
}

Test(token_keys, a_new_file_is_taken_without_a_restart)
{
	struct key_material before;
	struct key_material after;

	secrets.held = 1;
	secrets.minting = 0;
	write_secrets(0600);
	struct token_keys *keys = open_keys();
	cr_assert(eq(int, token_keys_derive(keys, NOW_S, &before), 0));
	secrets.held = 3;
	secrets.minting = 1;
	write_secrets(0600);
	cr_assert(eq(int, token_keys_reload(keys, path, &error), TOKEN_KEYS_OK));
	cr_assert(eq(int, token_keys_derive(keys, NOW_S, &after), 0));
	cr_assert(eq(int, after.held, 3));
	cr_assert(eq(int, after.minting, 1));
	cr_assert(eq(int, memcmp(before.key[0], after.key[0], sizeof(before.key[0])), 0));
	token_keys_close(keys);
}

Test(token_keys, a_file_that_is_refused_changes_nothing)
{
	struct key_material material;

	write_secrets(0600);
	struct token_keys *keys = open_keys();
	secrets.minting = 0;
	write_secrets(0644);
	cr_assert(eq(int, token_keys_reload(keys, path, &error), TOKEN_KEYS_MODE));
	secrets.index[0] ^= 1;
	write_secrets(0600);
	cr_assert(eq(int, token_keys_reload(keys, path, &error), TOKEN_KEYS_INDEX));
	cr_assert(eq(int, token_keys_derive(keys, NOW_S, &material), 0));
	cr_assert(eq(int, material.minting, 1));
	token_keys_close(keys);
}

static struct secret_check check_of(uint8_t held, uint8_t minting)
{
	struct secret_check check;

	secrets.held = held;
	secrets.minting = minting;
	write_secrets(0600);
	struct token_keys *keys = open_keys();
	cr_assert(eq(int, token_keys_check(keys, &check), 0));
	token_keys_close(keys);
	return check;
}

Test(token_keys, edges_agree_at_every_step_of_a_replacement_and_not_across_two)
{
	const struct secret_check steps[] = {
		check_of(1, 0), check_of(3, 0), check_of(3, 1), check_of(2, 1)};

	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			cr_assert(eq(int, secret_checks_agree(&steps[i], &steps[j]),
					  i < j + 2 && j < i + 2),
				"%u %u", i, j);
}

Test(token_keys, edges_with_other_secrets_do_not_agree)
{
	const struct secret_check one = check_of(1, 0);

	secrets.index[31] ^= 1;
	const struct secret_check other_index = check_of(1, 0);
	secrets.index[31] ^= 1;
	secrets.token[0][31] ^= 1;
	const struct secret_check other_token = check_of(1, 0);
	secrets.token[0][31] ^= 1;
	const struct secret_check same = check_of(1, 0);
	cr_assert(secret_checks_agree(&one, &same));
	cr_assert(not(secret_checks_agree(&one, &other_index)));
	cr_assert(not(secret_checks_agree(&one, &other_token)));
}

Test(token_keys, a_forked_child_does_not_inherit_the_secrets)
{
	static const uint8_t wiped[sizeof(struct hash_keys)];
	int status = 0;

	write_secrets(0600);
	struct token_keys *keys = open_keys();
	const struct hash_keys *hashes = token_keys_hashes(keys);
	cr_assert(ne(int, memcmp(hashes, wiped, sizeof(wiped)), 0));
	pid_t child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(memcmp(hashes, wiped, sizeof(wiped)));
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	// There is nothing where they were.
	cr_assert(eq(int, WIFSIGNALED(status) != 0, 1));
	cr_assert(eq(int, WTERMSIG(status), SIGSEGV));
	token_keys_close(keys);
}
