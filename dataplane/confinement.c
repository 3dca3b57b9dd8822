#include "confinement.h"

#include "log.h"
#include "privileges.h"
#include "sandbox.h"

#include <weir/keyring.h>

#include <errno.h>
#include <libgen.h>
#include <string.h>

void confinement_init(struct confinement *confinement, const char *path, bool sandboxed)
{
	char copy[sizeof(confinement->folder)] = "";

	strncpy(copy, path, sizeof(copy) - 1);
	*confinement = (struct confinement){.sandboxed = sandboxed};
	strncpy(confinement->folder, dirname(copy), sizeof(confinement->folder) - 1);
}

// OpenSSL reads its own configuration when a cipher is first fetched: later there is no file to read.
static int ciphers_warm(void)
{
	const struct key_material material = {.rotate_every_s = 1, .held = 1};
	struct keyring *keys = keyring_new(&material, KEYRING_PAST);

	if (keys == NULL)
		return -errno;
	keyring_free(keys);
	return 0;
}

static int files_close(const struct confinement *confinement)
{
	int error = sandbox_close_files(confinement->folder);

	if (error != -ENOSYS && error != -EOPNOTSUPP)
		return error;
	// System calls are closed all the same, and with them nearly all that a file could be opened by.
	log_say("W-SANDBOX-LANDLOCK",
		"this kernel has no Landlock: files stay open to DPDK's threads");
	return 0;
}

int confinement_begin(const struct confinement *confinement)
{
	int error = ciphers_warm();

	if (error == 0)
		error = privileges_drop();
	if (error == 0 && confinement->sandboxed)
		error = files_close(confinement);
	if (error < 0)
		log_say("E-SANDBOX", "what is not needed any more cannot be given up: %s",
			strerror(-error));
	return error;
}

int confinement_finish(const struct confinement *confinement, bool devices)
{
	int error = confinement->sandboxed ? sandbox_close_calls(devices) : 0;

	if (error < 0)
		log_say("E-SANDBOX", "system calls cannot be closed: %s", strerror(-error));
	return error;
}
