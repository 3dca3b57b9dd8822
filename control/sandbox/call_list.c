#include "call_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum {
	NETFILTER_OPTIONS = 64, // from here on options of IPv6 replace the rules of a firewall
};

static const int plain_calls[] = {
	// octets
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	// files; Landlock says which
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(msync),
	SCMP_SYS(flock),
	SCMP_SYS(fstatfs),
	// connections
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(connect),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	// waiting
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(restart_syscall),
	// memory
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	SCMP_SYS(mlock2),
	SCMP_SYS(munlock),
	SCMP_SYS(memfd_secret),
	SCMP_SYS(brk),
	SCMP_SYS(sysinfo),
	SCMP_SYS(membarrier),
	SCMP_SYS(getrandom),
	// threads, signals, who we are, the end
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrusage),
	SCMP_SYS(uname),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

// Calls that an argument decides on.
struct careful_call {
	int call;
	unsigned count;
	struct scmp_arg_cmp arguments[2];
};

static const struct careful_call careful_calls[] = {
	// No memory that can be run, and no process but this one.
	{SCMP_SYS(mmap), 1, {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}}},
	{SCMP_SYS(mprotect), 1, {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}}},
	{SCMP_SYS(clone), 1,
		{{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM}}},
	{SCMP_SYS(prctl), 1, {{0, SCMP_CMP_EQ, PR_SET_NAME, 0}}},
	// Sockets of these families, of which none is raw.
	{SCMP_SYS(socket), 1, {{0, SCMP_CMP_EQ, AF_UNIX, 0}}},
	{SCMP_SYS(socket), 2,
		{{0, SCMP_CMP_EQ, AF_INET, 0}, {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM}}},
	{SCMP_SYS(socket), 2,
		{{0, SCMP_CMP_EQ, AF_INET, 0}, {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM}}},
	{SCMP_SYS(socket), 2,
		{{0, SCMP_CMP_EQ, AF_INET6, 0}, {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM}}},
	{SCMP_SYS(socket), 2,
		{{0, SCMP_CMP_EQ, AF_INET6, 0}, {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM}}},
	{SCMP_SYS(socketpair), 1, {{0, SCMP_CMP_EQ, AF_UNIX, 0}}},
	// None that sends from an address that is not ours.
	{SCMP_SYS(setsockopt), 1, {{1, SCMP_CMP_EQ, SOL_SOCKET, 0}}},
	{SCMP_SYS(setsockopt), 1, {{1, SCMP_CMP_EQ, IPPROTO_TCP, 0}}},
	{SCMP_SYS(setsockopt), 2,
		{{1, SCMP_CMP_EQ, IPPROTO_IP, 0}, {2, SCMP_CMP_LT, IP_TRANSPARENT, 0}}},
	{SCMP_SYS(setsockopt), 2,
		{{1, SCMP_CMP_EQ, IPPROTO_IP, 0}, {2, SCMP_CMP_EQ, IP_BIND_ADDRESS_NO_PORT, 0}}},
	{SCMP_SYS(setsockopt), 2,
		{{1, SCMP_CMP_EQ, IPPROTO_IPV6, 0}, {2, SCMP_CMP_LT, NETFILTER_OPTIONS, 0}}},
	{SCMP_SYS(setsockopt), 2,
		{{1, SCMP_CMP_EQ, IPPROTO_IPV6, 0}, {2, SCMP_CMP_EQ, IPV6_FREEBIND, 0}}},
	{SCMP_SYS(ioctl), 1, {{1, SCMP_CMP_EQ, FIONREAD, 0}}},
	{SCMP_SYS(ioctl), 1, {{1, SCMP_CMP_EQ, FIONBIO, 0}}},
	// Limits are read, not raised.
	{SCMP_SYS(getrlimit), 0, {{0}}},
	{SCMP_SYS(prlimit64), 1, {{2, SCMP_CMP_EQ, 0, 0}}},
};

static int calls_allow(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(plain_calls) / sizeof(plain_calls[0]) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
	for (size_t i = 0; i < sizeof(careful_calls) / sizeof(careful_calls[0]) && error == 0; i++)
		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, careful_calls[i].call,
			careful_calls[i].count, careful_calls[i].arguments);
	// The arguments of clone3 are in memory, where a filter cannot look: the C library goes on with clone.
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error;
}

int call_list_enforce(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (filter == NULL)
		return -ENOMEM;
	// All threads at once, those of streams and of the store too.
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = calls_allow(filter);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
