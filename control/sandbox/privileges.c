#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITY(number) (UINT64_C(1) << (number))

// Ports below 1024, whenever a listener is bound again; receive buffers above the system's limit (SO_RCVBUFFORCE).
static const uint64_t for_sockets = CAPABILITY(CAP_NET_BIND_SERVICE) | CAPABILITY(CAP_NET_ADMIN);
// Who stays root goes on reading files of other users, and gives the admin socket to its group. Which files is Landlock's to say.
static const uint64_t for_root = CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE);

static int capabilities_keep(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(kept >> (32 * i));
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

int privileges_become(const char *user)
{
	errno = 0;
	const struct passwd *entry = getpwnam(user);

	if (entry == NULL)
		return errno == 0 ? -ENOENT : -errno;
	if (entry->pw_uid == geteuid())
		return 0;
	// Without KEEPCAPS the change of user would take all capabilities.
	if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0
		|| prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setuid(entry->pw_uid) < 0)
		return -errno;
	return capabilities_keep(for_sockets);
}

int privileges_reduce(void)
{
	uint64_t kept = for_sockets | (geteuid() == 0 ? for_root : 0);

	// Kernels without ambient capabilities have none to clear.
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return capabilities_keep(kept);
}

void privileges_hide_memory(void)
{
	const struct rlimit none = {0};

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}
