// What weir-control may still do when it runs, and what ends it. Each trespass runs in a child of its own.

#include "sandbox/call_list.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_NOT_CLOSED = 100, // the sandbox could not be entered
	PAGE = 4096,
	FILTER_RULES_SET = 64, // IPT_SO_SET_REPLACE
	KEYCTL_SPECIAL = -3, // KEY_SPEC_SESSION_KEYRING
};

static int await(pid_t child)
{
	int status;

	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// The child's exit status, or minus the signal that ended it.
static int run_child(int (*act)(void))
{
	pid_t child = fork();

	if (child == 0) {
		if (call_list_enforce() != 0)
			_exit(CHILD_NOT_CLOSED);
		_exit(act());
	}
	return await(child);
}

static int start_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int start_program_of_descriptor(void)
{
	return (int)syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH);
}

static int make_process(void)
{
	return (int)syscall(SYS_fork);
}

static int clone_process(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static int leave_namespaces(void)
{
	return unshare(CLONE_NEWUSER);
}

static int make_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int make_packet(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

static int make_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int replace_firewall(void)
{
	return setsockopt(0, IPPROTO_IP, FILTER_RULES_SET, NULL, 0);
}

static int be_transparent(void)
{
	int on = 1;

	return setsockopt(0, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));
}

static int make_code(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0)
		== MAP_FAILED;
}

static int turn_into_code(void)
{
	return mprotect((void *)((uintptr_t)&turn_into_code & ~(uintptr_t)(PAGE - 1)), PAGE,
		PROT_READ | PROT_EXEC);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int read_other(void)
{
	return (int)process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
}

static int kill_other(void)
{
	return kill(1, 0);
}

static int mount_folder(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int make_folder(void)
{
	return mkdir("/tmp/weir-confining", 0700);
}

static int change_mode(void)
{
	return chmod("/tmp", 0777);
}

static int change_owner(void)
{
	return chown("/tmp", 0, 0);
}

static int make_link(void)
{
	return symlink("/etc/shadow", "/tmp/weir-confining");
}

static int load_program(void)
{
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0);
}

static int read_keyring(void)
{
	return (int)syscall(SYS_keyctl, 0, KEYCTL_SPECIAL, 0);
}

static int change_user(void)
{
	return setuid(0);
}

static int change_capabilities(void)
{
	return (int)syscall(SYS_capset, NULL, NULL);
}

static int raise_limit(void)
{
	const struct rlimit limit = {1 << 20, 1 << 20};

	return (int)syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}

static int be_dumped(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int make_ring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int make_faults(void)
{
	return (int)syscall(SYS_userfaultfd, 0);
}

static int push_terminal(void)
{
	return (int)syscall(SYS_ioctl, 0, 0x5412, "x"); // TIOCSTI
}

static int load_module(void)
{
	return (int)syscall(SYS_init_module, NULL, 0, "");
}

static const struct {
	const char *name;
	int (*act)(void);
} trespasses[] = {{"execve", start_program}, {"execveat", start_program_of_descriptor},
	{"fork", make_process}, {"clone", clone_process}, {"unshare", leave_namespaces},
	{"raw socket", make_raw}, {"packet socket", make_packet}, {"netlink", make_netlink},
	{"firewall", replace_firewall}, {"foreign address", be_transparent}, {"code", make_code},
	{"data to code", turn_into_code}, {"ptrace", trace}, {"process_vm_readv", read_other},
	{"kill", kill_other}, {"mount", mount_folder}, {"mkdir", make_folder},
	{"chmod", change_mode}, {"chown", change_owner}, {"symlink", make_link},
	{"bpf", load_program}, {"keyctl", read_keyring}, {"setuid", change_user},
	{"capset", change_capabilities}, {"prlimit", raise_limit}, {"dumpable", be_dumped},
	{"io_uring", make_ring}, {"userfaultfd", make_faults}, {"terminal", push_terminal},
	{"module", load_module}};

Test(confining, ends_the_process_at_every_call_that_control_does_not_need)
{
	for (size_t i = 0; i < sizeof(trespasses) / sizeof(trespasses[0]); i++)
		cr_assert(eq(int, run_child(trespasses[i].act), -SIGSYS), "%s", trespasses[i].name);
}

static void *thread_listen(void *argument)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	return (void *)(intptr_t)(fd >= 0
		&& setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0
		&& setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0
		&& setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0
		&& bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, 1) == 0);
}

// What connections, listeners that are bound again and the link take.
static int work(void)
{
	struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	int local = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1;
	int datagrams = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	void *result = NULL;

	if (connect(local, (struct sockaddr *)&nobody, sizeof(nobody)) == 0 || errno != ENOENT)
		return 1;
	if (setsockopt(datagrams, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) != 0)
		return 2;
	if (pthread_create(&thread, NULL, thread_listen, NULL) != 0
		|| pthread_join(thread, &result) != 0 || result == NULL)
		return 3;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return file >= 0 && close(file) == 0 ? 0 : 4;
}

Test(confining, leaves_what_connections_and_the_link_need)
{
	cr_assert(eq(int, run_child(work), 0));
}

static int go;

static void *thread_trespass(void *argument)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		;
	return (void *)(intptr_t)make_packet();
}

Test(confining, holds_threads_that_ran_before_it)
{
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_trespass, NULL) != 0
			|| call_list_enforce() != 0)
			_exit(CHILD_NOT_CLOSED);
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		_exit(0);
	}
	cr_assert(eq(int, await(child), -SIGSYS));
}
