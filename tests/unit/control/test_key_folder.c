// `weirctl keys init`: what it makes an edge can use, what is there it keeps.

#include "keys/key_folder.h"
#include "keys/token_keys.h"
#include "mesh/identity.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char failed[KEY_PATH_MAX];
static unsigned made_count, kept_count;

static void note(void *context, const char *path, bool kept)
{
	kept_count += kept;
	made_count += !kept;
}

static void setup(void)
{
	strcpy(folder, "/tmp/weir-keys-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(folder), NULL));
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert(eq(int, system(command), 0));
}

static int init(unsigned edges)
{
	static const struct key_edge EDGES[] = {
		{1, "edge1.test"}, {2, "edge2.test"}, {3, "edge3.test"}};

	made_count = kept_count = 0;
	return key_folder_init(folder, "sip.test", EDGES, edges, note, NULL, failed);
}

Test(key_folder, makes_all_that_an_edge_needs, .init = setup, .fini = teardown)
{
	char path[KEY_PATH_MAX], certificate[KEY_PATH_MAX], key[KEY_PATH_MAX], ca[KEY_PATH_MAX],
		unused[KEY_PATH_MAX], why[256];
	struct token_keys_error error;

	cr_assert(eq(int, init(2), 0), "%s", failed);
	cr_assert(eq(uint, made_count, 4));
	cr_assert(key_folder_tokens(folder, path));
	struct token_keys *keys = token_keys_open(path, SPAN("sip.test"), 604800, &error);
	cr_assert(keys != NULL, "%s", error.text);
	token_keys_close(keys);
	cr_assert(key_folder_edge(folder, 2, certificate, key));
	cr_assert(key_folder_authority(folder, ca, unused));
	SSL_CTX *tls = identity_open(certificate, key, ca, why, sizeof(why));
	cr_assert(tls != NULL, "%s", why);
	SSL_CTX_free(tls);
}

Test(key_folder, keeps_what_is_there_and_adds_an_edge, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, init(2), 0));
	cr_assert(eq(int, init(3), 0));
	cr_assert(eq(uint, kept_count, 4));
	cr_assert(eq(uint, made_count, 1));
}

Test(key_folder, lets_nobody_else_read_a_secret, .init = setup, .fini = teardown)
{
	static const char *const SECRETS[] = {"token-keys", "cluster-ca.key", "edge-1.key"};
	char path[KEY_PATH_MAX];
	struct stat status;

	cr_assert(eq(int, init(1), 0));
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, SECRETS[i]);
		cr_assert(eq(int, stat(path, &status), 0));
		cr_assert(eq(uint, status.st_mode & 0777, 0600), "%s", path);
	}
}

Test(key_folder, names_the_file_it_could_not_make)
{
	strcpy(folder, "/proc/weir-keys");
	cr_assert(lt(int, init(1), 0));
	cr_assert(eq(str, failed, (char *)"/proc/weir-keys"));
}

static void remove_file(const char *name)
{
	char path[KEY_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert(eq(int, unlink(path), 0));
}

static bool is_blamed(const char *name)
{
	size_t length = strlen(failed);

	return length > strlen(name) && strcmp(failed + length - strlen(name), name) == 0;
}

Test(key_folder, takes_names_as_long_as_dns_has_them, .init = setup, .fini = teardown)
{
	char name[254];
	char certificate[KEY_PATH_MAX], key[KEY_PATH_MAX], ca[KEY_PATH_MAX], unused[KEY_PATH_MAX],
		why[256];

	// 253 octets in labels of 63.
	for (unsigned i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[sizeof(name) - 1] = 0;
	const struct key_edge edge = {1, name};
	cr_assert(eq(int, key_folder_init(folder, name, &edge, 1, note, NULL, failed), 0), "%s",
		failed);
	cr_assert(key_folder_edge(folder, 1, certificate, key));
	cr_assert(key_folder_authority(folder, ca, unused));
	SSL_CTX *tls = identity_open(certificate, key, ca, why, sizeof(why));
	cr_assert(tls != NULL, "%s", why);
	SSL_CTX_free(tls);
}

Test(key_folder, names_the_cas_key_when_that_is_away, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, init(1), 0));
	remove_file("cluster-ca.key");
	cr_assert(eq(int, init(2), -ENOENT));
	cr_assert(is_blamed("cluster-ca.key"), "%s", failed);
}

Test(key_folder, names_a_key_whose_certificate_was_never_written, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, init(1), 0));
	remove_file("edge-1.pem");
	cr_assert(eq(int, init(1), -EEXIST));
	cr_assert(is_blamed("edge-1.key"), "%s", failed);
}

Test(key_folder, does_not_miss_the_key_of_an_edge_that_has_got_it, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, init(1), 0));
	remove_file("edge-1.key");
	cr_assert(eq(int, init(2), 0));
	cr_assert(eq(uint, kept_count, 3));
	cr_assert(eq(uint, made_count, 1));
}
