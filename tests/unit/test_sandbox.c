// What a sandboxed process may still do, and what ends it. Each trespass runs in a child of its own.

#include "sandbox.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/vfio.h>
#include <net/if.h>
#include <pthread.h>
#include <rdma/rdma_user_ioctl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_NOT_CLOSED = 100, // the sandbox could not be entered
};

// The child's exit status, or minus the signal that ended it.
static int run_child(bool devices, int (*act)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (sandbox_close_calls(devices) != 0)
			_exit(CHILD_NOT_CLOSED);
		_exit(act());
	}
	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static int start_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int make_process(void)
{
	return (int)syscall(SYS_fork);
}

static int clone_process(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static int make_stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int make_raw(void)
{
	return socket(AF_INET, SOCK_RAW, 1);
}

static int make_packet(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

static int make_datagram(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0;
}

static int connect_away(void)
{
	return connect(0, NULL, 0);
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0)
		== MAP_FAILED;
}

static int turn_into_code(void)
{
	return mprotect((void *)((uintptr_t)&turn_into_code & ~(uintptr_t)4095), 4096,
		PROT_READ | PROT_EXEC);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int kill_other(void)
{
	return kill(getppid(), 0);
}

static int make_folder(void)
{
	return mkdir("/tmp/weir-sandbox", 0700);
}

static int list_by_name(void)
{
	struct stat status;

	return (int)syscall(SYS_newfstatat, AT_FDCWD, "/etc", &status, 0);
}

static int load_program(void)
{
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0);
}

static int change_user(void)
{
	return setuid(0);
}

static int mount_folder(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int read_other(void)
{
	return (int)process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
}

static int read_keyring(void)
{
	return (int)syscall(SYS_keyctl, 0, 0, 0);
}

static int make_ring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int leave_namespaces(void)
{
	return unshare(CLONE_NEWUSER);
}

static int be_dumped(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int raise_limit(void)
{
	const struct rlimit limit = {1 << 20, 1 << 20};

	return setrlimit(RLIMIT_CORE, &limit);
}

static int ask_terminal(void)
{
	return ioctl(0, 0x5413, NULL);
}

static const struct {
	const char *name;
	int (*act)(void);
} trespasses[] = {{"open", open_file}, {"execve", start_program}, {"fork", make_process},
	{"clone", clone_process}, {"stream socket", make_stream}, {"raw socket", make_raw},
	{"packet socket", make_packet}, {"datagram socket", make_datagram},
	{"connect", connect_away}, {"code", make_code}, {"data to code", turn_into_code},
	{"ptrace", trace}, {"kill", kill_other}, {"mkdir", make_folder}, {"stat", list_by_name},
	{"bpf", load_program}, {"setuid", change_user}, {"ioctl", ask_terminal},
	{"mount", mount_folder}, {"process_vm_readv", read_other}, {"keyctl", read_keyring},
	{"io_uring", make_ring}, {"unshare", leave_namespaces}, {"dumpable", be_dumped},
	{"prlimit", raise_limit}};

Test(sandbox, ends_the_process_at_every_call_that_forwarding_does_not_need)
{
	for (size_t i = 0; i < sizeof(trespasses) / sizeof(trespasses[0]); i++)
		cr_assert(eq(int, run_child(false, trespasses[i].act), -SIGSYS), "%s",
			trespasses[i].name);
}

static bool devices_need(int (*act)(void))
{
	return act == open_file || act == make_datagram || act == list_by_name;
}

Test(sandbox, gives_devices_questions_about_links_and_nothing_else)
{
	for (size_t i = 0; i < sizeof(trespasses) / sizeof(trespasses[0]); i++)
		if (!devices_need(trespasses[i].act))
			cr_assert(eq(int, run_child(true, trespasses[i].act), -SIGSYS), "%s",
				trespasses[i].name);
}

static int ask_link(void)
{
	struct ifreq question = {.ifr_name = "lo"};
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return asker < 0 || ioctl(asker, SIOCGIFFLAGS, &question) < 0;
}

Test(sandbox, lets_devices_ask_for_a_links_state)
{
	cr_assert(eq(int, run_child(true, ask_link), 0));
}

static int clear_map(void)
{
	return syscall(SYS_bpf, BPF_MAP_DELETE_ELEM, NULL, 0) == 0 || errno == ENOSYS;
}

Test(sandbox, lets_devices_clear_a_map_and_load_no_program)
{
	cr_assert(eq(int, run_child(true, clear_map), 0));
	cr_assert(eq(int, run_child(false, clear_map), -SIGSYS));
	cr_assert(eq(int, run_child(true, load_program), -SIGSYS));
}

// As when a card is stopped: to nobody, here.
static int order_card(void)
{
	uint8_t octets[4] = {0};

	if (ioctl(-1, VFIO_DEVICE_SET_IRQS, NULL) == 0 || errno != EBADF)
		return 1;
	if (ioctl(-1, VFIO_IOMMU_UNMAP_DMA, NULL) == 0 || errno != EBADF)
		return 2;
	if (ioctl(-1, RDMA_VERBS_IOCTL, NULL) == 0 || errno != EBADF)
		return 5;
	if (pread(-1, octets, sizeof(octets), 0) >= 0 || errno != EBADF)
		return 3;
	return pwrite(-1, octets, sizeof(octets), 0) >= 0 || errno != EBADF ? 4 : 0;
}

Test(sandbox, lets_devices_give_orders_to_a_card_and_nobody_else)
{
	cr_assert(eq(int, run_child(true, order_card), 0));
	cr_assert(eq(int, run_child(false, order_card), -SIGSYS));
}

static void *thread_write(void *argument)
{
	return (void *)(intptr_t)(eventfd_write(*(int *)argument, 1) == 0);
}

// What a session with control takes: threads, memory to share, events.
static int work(void)
{
	int event = eventfd(0, EFD_CLOEXEC), memory = memfd_create("test", MFD_CLOEXEC);
	pthread_t thread;
	void *result = NULL;
	eventfd_t value = 0;

	if (event < 0 || memory < 0 || ftruncate(memory, 4096) < 0)
		return 1;
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);

	if (shared == MAP_FAILED || munmap(shared, 4096) < 0)
		return 2;
	if (pthread_create(&thread, NULL, thread_write, &event) != 0
		|| pthread_join(thread, &result) != 0)
		return 3;
	free(malloc(1 << 22));
	return eventfd_read(event, &value) == 0 && value == 1 && result != NULL ? 0 : 4;
}

Test(sandbox, leaves_what_forwarding_and_the_link_need)
{
	cr_assert(eq(int, run_child(false, work), 0));
	cr_assert(eq(int, run_child(true, work), 0));
}

static int go;

static void *thread_trespass(void *argument)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		;
	(void)argument;
	return (void *)(intptr_t)open_file();
}

Test(sandbox, holds_threads_that_ran_before_it)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_trespass, NULL) != 0
			|| sandbox_close_calls(false) != 0)
			_exit(CHILD_NOT_CLOSED);
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		_exit(0);
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	cr_assert(eq(int, WIFSIGNALED(status) != 0, 1));
	cr_assert(eq(int, WTERMSIG(status), SIGSYS));
}

// In a folder of its own: a file, and a second folder whose file is not to be removed.
static char folder[] = "/tmp/weir-sandbox-XXXXXX";

static void path_of(char *path, const char *name)
{
	strcpy(path, folder);
	strcat(path, name);
}

static void file_put(const char *name)
{
	char path[64];

	path_of(path, name);
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static int files_use(void)
{
	char socket_path[64], other[64];

	path_of(socket_path, "/link/socket");
	path_of(other, "/other");
	if (open(other, O_RDONLY) >= 0 || errno != EACCES)
		return 1;
	if (open(socket_path, O_RDONLY) >= 0 || errno != EACCES)
		return 2;
	if (unlink(other) == 0 || errno != EACCES)
		return 3;
	if (mkdir(other, 0700) == 0 || errno != EEXIST)
		return 4;
	return unlink(socket_path) == 0 ? 0 : 5;
}

Test(sandbox, opens_no_file_and_removes_only_what_lies_beside_the_link)
{
	char link[64], other[64];
	pid_t child;
	int status;

	cr_assert(mkdtemp(folder) != NULL);
	path_of(link, "/link");
	path_of(other, "/other");
	cr_assert(eq(int, mkdir(link, 0700), 0));
	file_put("/link/socket");
	file_put("/other");
	child = fork();
	if (child == 0) {
		if (sandbox_close_files(link) != 0)
			_exit(CHILD_NOT_CLOSED);
		_exit(files_use());
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	cr_assert(eq(int, unlink(other), 0));
	cr_assert(eq(int, rmdir(link), 0));
	cr_assert(eq(int, rmdir(folder), 0));
	cr_assert(eq(int, WIFEXITED(status) != 0, 1));
	cr_assert(eq(int, WEXITSTATUS(status), 0));
}
