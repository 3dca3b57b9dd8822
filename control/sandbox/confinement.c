#include "confinement.h"

#include "call_list.h"
#include "file_rules.h"
#include "privileges.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

// What libraries read: names of hosts, who is believed where a tls entry names no CA, the time zone.
static const char *const system_files[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
	"/etc/nsswitch.conf", "/etc/services", "/etc/gai.conf", "/etc/localtime",
	"/usr/share/zoneinfo", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/dev/null",
	"/dev/urandom"};

static int system_add(struct file_rules *rules)
{
	int status = file_rules_add(rules, X509_get_default_cert_dir(), FILE_READ);

	if (status == 0)
		status = file_rules_add(rules, X509_get_default_cert_file(), FILE_READ);
	for (size_t i = 0; status == 0 && i < sizeof(system_files) / sizeof(system_files[0]); i++)
		status = file_rules_add(rules, system_files[i], FILE_READ);
	return status;
}

static int certificates_add(struct file_rules *rules, const struct config *config)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < config->tls.count; i++) {
		const struct config_tls *entry = &config->tls.items[i];

		status = file_rules_add_folder_of(rules, entry->certificate, FILE_READ);
		if (status == 0)
			status = file_rules_add_folder_of(rules, entry->key, FILE_READ);
		if (status == 0)
			status = file_rules_add_folder_of(rules, entry->ca, FILE_READ);
	}
	return status;
}

static int edge_add(struct file_rules *rules, const struct config *config)
{
	int status = file_rules_add(rules, config->keys.directory, FILE_READ);

	// Rules are for what is there. Whether it can be made and used is the store's to say.
	if (config->store_path != NULL)
		(void)mkdir(config->store_path, S_IRWXU);
	return status == 0 ? file_rules_add(rules, config->store_path, FILE_KEEP) : status;
}

static int files_add(struct file_rules *rules, const struct control *control)
{
	const struct config *config = control->config;
	int status = file_rules_add_folder_of(rules, control->config_path, FILE_READ);

	if (status == 0)
		status = file_rules_add_folder_of(rules, config->admin.socket, FILE_MEET);
	if (status == 0)
		status = file_rules_add_folder_of(rules, config->registrar.users_file, FILE_READ);
	if (status == 0)
		status = certificates_add(rules, config);
	if (status == 0 && config->role == ROLE_EDGE)
		status = edge_add(rules, config);
	return status == 0 ? system_add(rules) : status;
}

static bool kernel_lacks(int status)
{
	return status == -ENOSYS || status == -EOPNOTSUPP || status == -EINVAL;
}

static int files_close(const struct control *control)
{
	struct file_rules rules = {0};
	int status = files_add(&rules, control);

	if (status == 0)
		status = file_rules_enforce(&rules);
	file_rules_free(&rules);
	if (!kernel_lacks(status))
		return status;
	log_event(control->log, LOG_LEVEL_WARNING, "sandbox-incomplete",
		LOG_TEXT("missing", "Landlock"), LOG_TEXT("id", "W-SANDBOX-LANDLOCK"),
		LOG_TEXT("in-force", "the rights of this user's files"));
	return 0;
}

static int calls_close(const struct control *control)
{
	int status = call_list_enforce();

	if (!kernel_lacks(status))
		return status;
	log_event(control->log, LOG_LEVEL_WARNING, "sandbox-incomplete",
		LOG_TEXT("missing", "seccomp"), LOG_TEXT("id", "W-SANDBOX-SECCOMP"),
		LOG_TEXT("in-force", "files and capabilities alone are given up"));
	return 0;
}

static int refused(const struct control *control, int status)
{
	if (status < 0)
		control_fault(control, "E-SANDBOX",
			"a container may be in the way; --no-sandbox runs without, to look for a "
			"fault",
			"what is not needed any more cannot be given up: %s", strerror(-status));
	return status;
}

int confinement_begin(const struct control *control, bool sandboxed)
{
	// OpenSSL reads its own configuration when it is first used.
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	int status = privileges_reduce();

	if (status == 0 && sandboxed)
		status = files_close(control);
	return refused(control, status);
}

int confinement_finish(const struct control *control, bool sandboxed)
{
	return refused(control, sandboxed ? calls_close(control) : 0);
}
