// The four stages make no system call and allocate nothing: here the kernel kills this process for the one, and malloc() aborts
// for the other.

#include "golden.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static bool armed; // nothing may be allocated or freed from here on

static void refuse_when_armed(void)
{
	if (armed)
		__builtin_trap();
}

void *malloc(size_t size)
{
	refuse_when_armed();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	refuse_when_armed();
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	refuse_when_armed();
	return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	refuse_when_armed();
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	refuse_when_armed();
	*memory = __libc_memalign(alignment, size);
	return *memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
	refuse_when_armed();
	__libc_free(memory);
}

// Only the end of the process is left.
static int forbid_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : -errno;
}

enum trespass {
	TRESPASS_NONE,
	TRESPASS_CALL, // to see that the cage holds
	TRESPASS_ALLOCATE,
};

// 0 if the stages came back, decided as expected; the caller sees the signal if they did not.
static int run_caged(struct lab *lab, enum trespass trespass, const uint8_t *expected)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		bool right = true;

		if (forbid_system_calls() != 0)
			_exit(2);
		armed = true;
		if (trespass == TRESPASS_CALL)
			syscall(SYS_getppid);
		if (trespass == TRESPASS_ALLOCATE)
			*(void *volatile *)&lab->buffer[BURST_MAX - 1] = malloc(1);
		lab_run(lab);
		for (unsigned i = 0; i < lab->burst->count; i++)
			right &= lab->burst->verdict[i] == expected[i];
		syscall(SYS_exit_group, right ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

struct sample {
	uint8_t listener;
	const char *source;
	const char *text;
	uint8_t verdict;
};

#define FROM_TO "From: <sip:alice@example.net>;tag=fa\r\nTo: <sip:bob@example.net>"
#define TOKEN \
	"{token route edge=1 slot=5 generation=1000 listener=1 role=sender " \
	"peer=198.51.100.5:40000 uak=alice bind=c1/fa}"
#define AT_OWNER \
	"{token route edge=2 slot=5 generation=1000 listener=1 role=sender " \
	"peer=198.51.100.5:40000 uak=bob bind=c1/fa}"
#define PHONE "Via: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKa1;rport"
#define BACK "From: <sip:bob@example.net>;tag=tb\r\nTo: <sip:alice@example.net>;tag=fa"

static const struct sample samples[] = {
	{LAB_ACCESS, "198.51.100.5:40000",
		"INVITE sip:bob@example.net SIP/2.0\r\n" PHONE "\r\n" FROM_TO
		"\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n",
		VERDICT_UPSTREAM},
	{LAB_CORE, "10.0.9.1:5060",
		"INFO sip:alice@192.168.1.5:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.1\r\nRoute: "
		"<sip:" TOKEN "@edge1.example.net;lr>\r\n" BACK
		"\r\nCall-ID: c1\r\nCSeq: 1 INFO\r\n\r\n",
		VERDICT_R1_OWN},
	{LAB_CORE, "10.0.9.1:5060",
		"INFO sip:bob@192.168.1.5:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.1\r\nRoute: "
		"<sip:" AT_OWNER "@edge1.example.net;lr>\r\n" BACK
		"\r\nCall-ID: c1\r\nCSeq: 1 INFO\r\n\r\n",
		VERDICT_R2_OWNER},
	{LAB_ACCESS, "198.51.100.5:40000",
		"REGISTER sip:example.net SIP/2.0\r\n" PHONE "\r\n" FROM_TO
		"\r\nCall-ID: c1\r\nCSeq: 1 REGISTER\r\n\r\n",
		VERDICT_REGISTER},
	{LAB_ACCESS, "198.51.100.5:40000",
		"OPTIONS sip:edge1.example.net SIP/2.0\r\n" PHONE "\r\n" FROM_TO
		"\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n\r\n",
		VERDICT_OPTIONS},
	{LAB_CORE, "10.0.9.1:5060",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch={branch};w={w listener=1 "
		"slot=5 "
		"generation=1000 received=198.51.100.5 rport=40000}\r\nVia: SIP/2.0/UDP "
		"192.168.1.5:5060;"
		"received=198.51.100.5;rport=40000;branch=z9hG4bKa1\r\n" FROM_TO
		";tag=tb\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n",
		VERDICT_RESPONSE},
	{LAB_ACCESS, "198.51.100.5:40000",
		"INVITE sip:bob@example.net SIP/2.0\r\n" PHONE
		"\r\nRoute: <sip:nonsense@edge1.example.net;lr>"
		"\r\n" FROM_TO "\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n",
		VERDICT_TOKEN_MALFORMED},
	{LAB_ACCESS, "198.51.100.5:40000", "this is no SIP message at all\r\n\r\n",
		VERDICT_UNREADABLE},
};

static void flow_put(struct lab *lab)
{
	struct flow_record record = {.id = {1, 5, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1,
		.peer = lab_endpoint("198.51.100.5:40000")};

	record.rows[0] = (struct row){.uak = lab_uak(lab, "alice"),
		.aor = lab_aor(lab, "alice"),
		.instance = lab_instance(lab, "alice"),
		.contact = lab_contact(lab, "sip:alice@192.168.1.5:5060"),
		.expires_at_s = LAB_NOW_S + 600};
	lab_put(lab, &record);
}

static void samples_add(struct lab *lab, uint8_t *expected)
{
	static struct golden_transaction transaction;
	static uint8_t text[GOLDEN_TEXT_MAX];

	golden_transaction_read(lab, &transaction,
		"transaction call=c1 cseq=1 from=fa via=SIP/2.0/UDP "
		"192.168.1.5:5060;branch=z9hG4bKa1");
	lab_begin(lab);
	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct endpoint source = lab_endpoint(samples[i].source);
		size_t length = golden_expand(
			lab, &transaction, samples[i].text, strlen(samples[i].text), text);

		lab_add(lab, samples[i].listener, &source, span_of(text, length), ORIGIN_WIRE);
		expected[i] = samples[i].verdict;
	}
}

static int failures;

static void say(unsigned number, bool ok, const char *what)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", number, what);
	failures += !ok;
}

int main(void)
{
	uint8_t expected[BURST_MAX];
	struct lab *lab;

	setvbuf(stdout, NULL, _IONBF, 0);
	urcu_qsbr_register_thread();
	lab = lab_new(1);
	flow_put(lab);
	samples_add(lab, expected);
	printf("1..3\n");
	say(1, WIFSIGNALED(run_caged(lab, TRESPASS_CALL, expected)),
		"the cage kills a system call");
	say(2, WIFSIGNALED(run_caged(lab, TRESPASS_ALLOCATE, expected)),
		"the cage kills an allocation");
	say(3, run_caged(lab, TRESPASS_NONE, expected) == 0,
		"the stages make no system call and allocate nothing");
	lab_free(lab);
	urcu_qsbr_unregister_thread();
	return failures == 0 ? 0 : 1;
}
