#include "tls_check.h"

#include "../config/reader.h"
#include "tls_names.h"
#include "tls_set.h"

#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct config_tls *entry_find(const struct config *config, struct span name)
{
	for (size_t i = 0; i < config->tls.count; i++)
		if (span_equal(config->tls.items[i].name, name))
			return &config->tls.items[i];
	return NULL;
}

// True, and it has been said, if this user may not read a file, so that nobody can tell here what is in it. A control that runs may
// not read what its configuration did not name when it started.
static bool file_is_hidden(struct config_reader *reader, const char *path, const void *member)
{
	int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (file >= 0)
		close(file);
	if (path == NULL || file >= 0 || errno != EACCES)
		return false;
	config_fault(reader, CONFIG_WARNING, member,
		"check it as the user that weir-control runs as", "this user may not read %s",
		path);
	return true;
}

// A configuration of this entry alone, so that each has its own fault.
static void entry_check(struct config_reader *reader, const struct config_tls *entry)
{
	struct config alone = {.tls = {.items = (struct config_tls *)entry, .count = 1}};
	struct tls_fault fault = {.member = entry};
	struct tls_set *set = NULL;

	if (file_is_hidden(reader, entry->certificate, &entry->certificate)
		|| file_is_hidden(reader, entry->key, &entry->key)
		|| file_is_hidden(reader, entry->ca, &entry->ca))
		return;
	if (tls_set_new(&alone, &set, &fault) == -EINVAL)
		config_fault(reader, CONFIG_ERROR, fault.member,
			"files are PEM, readable by weir-control's user", "%s", fault.what);
	tls_set_release(set);
}

void tls_check_files(const struct config *config, struct config_report *report)
{
	struct config_reader reader = {(struct config *)config, report};

	for (size_t i = 0; i < config->tls.count; i++)
		entry_check(&reader, &config->tls.items[i]);
}

static X509 *certificate_read(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);

	if (file != NULL)
		fclose(file);
	return certificate;
}

struct names_check {
	struct config_reader reader;
	X509 *certificate;
	const struct config_tls *entry;
	const void *member;
};

static void name_check(struct names_check *check, struct span name)
{
	if (name.length == 0 || tls_names_cover(check->certificate, name))
		return;
	config_fault(&check->reader, CONFIG_ERROR, check->member,
		"phones that lose their edge ask the next one for the same name: have it added as "
		"a "
		"subject alternative name",
		"the certificate of tls entry '%.*s' does not name '%.*s'",
		(int)check->entry->name.length, (const char *)check->entry->name.octets,
		(int)name.length, (const char *)name.octets);
}

static void names_check_all(struct names_check *check, const struct config *config)
{
	name_check(check, config->cluster.name);
	name_check(check, config->node.name);
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].side == SIDE_ACCESS)
			name_check(check, config->listeners.items[i].advertise.host);
	for (size_t i = 0; i < config->cluster.peers.count; i++) {
		const struct config_peer *peer = &config->cluster.peers.items[i];

		name_check(check, peer->name);
	}
}

void tls_check_access(const struct config *config, struct config_report *report, struct span entry,
	const void *member)
{
	struct names_check check = {
		.reader = {(struct config *)config, report},
		.entry = entry_find(config, entry),
		.member = member,
	};

	if (check.entry == NULL)
		return;
	check.certificate = certificate_read(check.entry->certificate);
	// One that cannot be read is tls_check_files()'s fault.
	if (check.certificate == NULL)
		return;
	names_check_all(&check, config);
	X509_free(check.certificate);
}

static void listeners_check(const struct config *config, struct config_report *report)
{
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		if (listener->side == SIDE_ACCESS && listener->tls.length > 0)
			tls_check_access(config, report, listener->tls, &listener->tls);
	}
}

struct config *tls_config_load(const char *file, struct config_report *report)
{
	struct config *config = config_load(file, report);

	if (config == NULL)
		return NULL;
	tls_check_files(config, report);
	listeners_check(config, report);
	if (report->errors == 0)
		return config;
	config_free(config);
	return NULL;
}
