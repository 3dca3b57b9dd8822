#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <linux/vfio.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// --- Files ---

enum {
	// Every right of the first version is a bit from 0 on; later ones add theirs, and a kernel refuses bits that it does not know.
	LANDLOCK_RIGHTS_FIRST = 13,
	LANDLOCK_VERSION_REFER = 2,
	LANDLOCK_VERSION_TRUNCATE = 3,
	LANDLOCK_VERSION_IOCTL = 5,
};

static uint64_t rights_of(long version)
{
	unsigned count = LANDLOCK_RIGHTS_FIRST + (version >= LANDLOCK_VERSION_REFER)
		+ (version >= LANDLOCK_VERSION_TRUNCATE) + (version >= LANDLOCK_VERSION_IOCTL);

	return (UINT64_C(1) << count) - 1;
}

// What lies in the folder can be removed, and nothing else be done with it.
static int folder_allow(int ruleset, const char *folder)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_FILE,
		.parent_fd = open(folder, O_PATH | O_CLOEXEC | O_DIRECTORY),
	};
	int error = 0;

	if (rule.parent_fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		error = -errno;
	close(rule.parent_fd);
	return error;
}

int sandbox_close_files(const char *folder)
{
	long version = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr rights = {.handled_access_fs = rights_of(version)};
	int error;

	if (version < 0)
		return -errno;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0);

	if (ruleset < 0)
		return -errno;
	error = folder_allow(ruleset, folder);
	if (error == 0
		&& (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
			|| syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
		error = -errno;
	close(ruleset);
	return error;
}

// --- System calls ---

// What forwarding, the link and their end need.
static const int plain_calls[] = {
	// octets, on descriptors that are open or come by the link
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
	// waiting
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(eventfd2),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(restart_syscall),
	// memory
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(sysinfo),
	SCMP_SYS(membarrier),
	SCMP_SYS(getrandom),
	// threads, signals, the end
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	// Landlock says what can be removed
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
};

// What DPDK needs besides: which node a thread's processor is on, its telemetry's clients, and an end that looks for files which it
// then may not touch.
static const int device_calls[] = {
	SCMP_SYS(accept),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(bind),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(set_mempolicy),
	SCMP_SYS(get_mempolicy),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(readlink),
	SCMP_SYS(rmdir),
	SCMP_SYS(access),
	SCMP_SYS(getdents64),
	SCMP_SYS(flock),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	// a card's configuration space
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
};

// What is asked about network interfaces.
static const unsigned interface_questions[] = {
	SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFINDEX, SIOCGIFHWADDR, SIOCETHTOOL};

static int calls_allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return error;
}

// Those whose arguments matter: no memory that can be run, no process but this one, no name in the file system.
static int careful_calls_allow(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp thread =
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
	const struct scmp_arg_cmp empty_path =
		SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH);
	const struct scmp_arg_cmp name = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0);
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_run);

	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_run);
	// The arguments of clone3 are in memory, where a filter cannot look: the C library goes on with clone.
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
	if (error == 0)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, empty_path);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, name);
	return error;
}

// Sockets that are good for nothing but questions, since what changes anything by them takes a capability.
static int question_sockets_allow(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp internet = SCMP_A0(SCMP_CMP_EQ, AF_INET, 0);
	const struct scmp_arg_cmp datagram = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM);
	const struct scmp_arg_cmp netlink = SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0);
	const struct scmp_arg_cmp route = SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE, 0);
	int error =
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, internet, datagram);

	return error < 0
		? error
		: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, netlink, route);
}

// An af_xdp device takes its sockets out of a map when it is closed. Programs, which the kernel would have to judge, are none of it.
static int map_orders_allow(scmp_filter_ctx filter)
{
	static const int orders[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
		BPF_MAP_GET_NEXT_KEY, BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID,
		BPF_OBJ_GET_INFO_BY_FD};
	int error = 0;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, orders[i]));
	return error;
}

// Orders to a card, on descriptors that are open: interrupts that are acknowledged or end, memory and queues that are its no more.
// Whoever holds them can do all of that already.
static int card_orders_allow(scmp_filter_ctx filter)
{
	static const unsigned kinds[] = {VFIO_TYPE, RDMA_IOCTL_MAGIC};
	int error = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, _IOC_TYPEMASK << _IOC_TYPESHIFT,
				kinds[i] << _IOC_TYPESHIFT));
	return error;
}

static int device_calls_allow(scmp_filter_ctx filter)
{
	int error =
		calls_allow(filter, device_calls, sizeof(device_calls) / sizeof(device_calls[0]));

	if (error == 0)
		error = question_sockets_allow(filter);
	if (error == 0)
		error = map_orders_allow(filter);
	if (error == 0)
		error = card_orders_allow(filter);
	for (size_t i = 0;
		i < sizeof(interface_questions) / sizeof(interface_questions[0]) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_EQ, interface_questions[i], 0));
	return error;
}

int sandbox_close_calls(bool devices)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (filter == NULL)
		return -ENOMEM;
	// All threads at once, those of libraries too.
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = calls_allow(
			filter, plain_calls, sizeof(plain_calls) / sizeof(plain_calls[0]));
	if (error == 0)
		error = careful_calls_allow(filter);
	if (error == 0 && devices)
		error = device_calls_allow(filter);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
