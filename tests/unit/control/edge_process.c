#include "edge_process.h"

#include "port_choice.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 5000,
	FOLDER_MAX = 64,
};

struct fake_dataplane plane;
char edge_folder[] = "/tmp/weir-test-edge-XXXXXX";
const char *edge_upstream = "sip:127.0.0.9:5060";
unsigned edge_port_access;
unsigned edge_port_core;
unsigned edge_port_peer;
unsigned edge_port_more;
static unsigned port_mesh;
static unsigned port_peer_mesh;
static struct event_base *base;
static pid_t process;
static pid_t peer_process;

static void ports_choose(void)
{
	unsigned *ports[] = {&edge_port_access, &edge_port_core, &edge_port_peer, &port_mesh,
		&port_peer_mesh, &edge_port_more};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		*ports[i] = port_choose();
}

static void shell(const char *command)
{
	cr_assert(eq(int, system(command), 0), "%s", command);
}

void edge_setup(void)
{
	char command[512];

	cr_assert(mkdtemp(edge_folder) != NULL);
	snprintf(command, sizeof(command),
		"%s keys init %s/keys --cluster cluster.test --edge 1:edge1.test --edge "
		"2:edge2.test >/dev/null",
		WEIRCTL, edge_folder);
	shell(command);
	ports_choose();
	base = event_base_new();
	plane.socket = -1;
}

void edge_teardown(void)
{
	char command[128];

	if (process > 0)
		edge_end(SIGKILL);
	if (peer_process > 0)
		edge_end_peer();
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", edge_folder);
	shell(command);
}

static void listeners_write(FILE *stream)
{
	fprintf(stream,
		"  - {name: access, side: access, address: 127.0.0.1:%u}\n"
		"  - {name: core, side: core, address: 127.0.0.1:%u}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:%u}\n",
		edge_port_access, edge_port_core, edge_port_peer);
}

// The folder of one edge: its files and sockets.
static void folder_write(char *out, unsigned id)
{
	snprintf(out, FOLDER_MAX, "%s/edge%u", edge_folder, id);
}

static FILE *config_begin(unsigned id, const char *path)
{
	unsigned other = id == 1 ? EDGE_PROCESS_PEER : 1;
	char folder[FOLDER_MAX];
	FILE *stream = fopen(path, "w");

	cr_assert(stream != NULL);
	folder_write(folder, id);
	fprintf(stream,
		"node: {id: %u, name: edge%u.test}\n"
		"dataplane: {workers: %d}\n"
		"cluster:\n"
		"  name: cluster.test\n"
		"  listen: 127.0.0.1:%u\n"
		"  peers: [{id: %u, name: edge%u.test, address: 127.0.0.1:%u}]\n"
		"upstream: {targets: [\"%s\"], probe: {every: 500ms}}\n"
		"keys: {directory: %s/keys}\n"
		"store: {path: %s/store}\n"
		"link: {socket: %s/link.sock}\n"
		"admin: {socket: %s/admin.sock}\n"
		"listeners:\n",
		id, id, FAKE_WORKERS, id == 1 ? port_mesh : port_peer_mesh, other, other,
		id == 1 ? port_peer_mesh : port_mesh, edge_upstream, edge_folder, folder, folder,
		folder);
	return stream;
}

static pid_t control_run(unsigned id, const char *config)
{
	char log[FOLDER_MAX];
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is ended leaves nothing behind
	snprintf(log, sizeof(log), "%s/control%u.log", edge_folder, id);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	execl(WEIR_CONTROL, "weir-control", "--config", config, (char *)NULL);
	_exit(127);
}

void edge_start(const char *listeners, unsigned listener_count)
{
	char folder[FOLDER_MAX];
	char path[FOLDER_MAX + 16];

	folder_write(folder, 1);
	(void)mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/link.sock", folder);
	fake_listen(&plane, base, path);
	snprintf(path, sizeof(path), "%s/weir.yaml", folder);
	FILE *stream = config_begin(1, path);
	if (listeners == NULL)
		listeners_write(stream);
	else
		fputs(listeners, stream);
	fclose(stream);
	process = control_run(1, path);
	fake_start(&plane, listener_count, NULL);
}

void edge_start_peer(void)
{
	char folder[FOLDER_MAX];
	char path[FOLDER_MAX + 16];

	folder_write(folder, EDGE_PROCESS_PEER);
	(void)mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/weir.yaml", folder);
	FILE *stream = config_begin(EDGE_PROCESS_PEER, path);
	// It has no dataplane, so nobody binds these.
	fputs("  - {name: access, side: access, address: 127.0.0.2:5060}\n"
	      "  - {name: core, side: core, address: 127.0.0.2:5070}\n"
	      "  - {name: peer, side: peer, address: 127.0.0.2:5080}\n",
		stream);
	fclose(stream);
	peer_process = control_run(EDGE_PROCESS_PEER, path);
}

void edge_end_peer(void)
{
	kill(peer_process, SIGKILL);
	waitpid(peer_process, NULL, 0);
	peer_process = 0;
}

void edge_signal(int signal)
{
	kill(process, signal);
}

void edge_end(int signal)
{
	kill(process, signal);
	waitpid(process, NULL, 0);
	process = 0;
	fake_die(&plane);
}

static void message_up(struct link_up_message *head, const char *text)
{
	struct span message = span_of(text, strlen(text));

	head->listener = 1;
	head->transport = TRANSPORT_UDP;
	head->length = (uint16_t)message.length;
	cr_assert(eq(int,
		ring_write(
			&plane.ups[0], LINK_UP_MESSAGE, 0, span_of(head, sizeof(*head)), message),
		0));
	fake_signal(&plane);
}

struct link_down_message edge_await_message(enum link_down_kind kind)
{
	static uint8_t octets[LINK_MESSAGE_RING_OCTETS / 4];
	struct record_header header;
	struct link_down_message head = {0};

	for (unsigned i = 0; i < PATIENCE_MS; i++) {
		while (ring_read(&plane.downs[0], &header, octets, sizeof(octets))
			>= (int64_t)sizeof(head)) {
			memcpy(&head, octets, sizeof(head));
			if (head.kind == kind)
				return head;
		}
		usleep(1000);
	}
	cr_fatal("no message came down");
	return head;
}

static const char *register_write(char *text, size_t capacity, const char *start, uint16_t port,
	unsigned cseq, const char *contact)
{
	snprintf(text, capacity,
		"%s\r\nVia: SIP/2.0/UDP 127.0.0.5:%u;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.test>;tag=1\r\nTo: <sip:bob@example.test>\r\n"
		"Call-ID: %u\r\nCSeq: %u REGISTER\r\n%sContent-Length: 0\r\n\r\n",
		start, port, port, cseq, contact);
	return text;
}

struct flow_id edge_register(uint16_t port, unsigned cseq, const char *asked, const char *granted)
{
	struct link_up_message up = {.kind = LINK_UP_REGISTER,
		.side = SIDE_ACCESS,
		.source = {.address = {127, 0, 0, 5}, .port = port, .family = ENDPOINT_V4}};
	char text[2048];

	message_up(&up,
		register_write(text, sizeof(text), "REGISTER sip:example.test SIP/2.0", port, cseq,
			asked));
	struct link_down_message grant = edge_await_message(LINK_DOWN_GRANT);
	struct link_up_message answer = {.kind = LINK_UP_REGISTERED,
		.side = SIDE_CORE,
		.source = {.address = {127, 0, 0, 9}, .port = 5060, .family = ENDPOINT_V4},
		.slot = grant.slot,
		.generation = grant.generation};
	message_up(
		&answer, register_write(text, sizeof(text), "SIP/2.0 200 OK", port, cseq, granted));
	(void)edge_await_message(LINK_DOWN_RETURN);
	return (struct flow_id){grant.slot == 0 ? 0 : 1, grant.slot, grant.generation};
}

struct edge_record edge_next_record(void)
{
	static _Alignas(8) uint8_t octets[LINK_TABLE_RING_OCTETS / 4];
	struct record_header header;

	for (unsigned i = 0; i < PATIENCE_MS; i++) {
		int64_t length = ring_read(&plane.table, &header, octets, sizeof(octets));
		if (length >= 0)
			return (struct edge_record){header.type, span_of(octets, (size_t)length)};
		usleep(1000);
	}
	cr_fatal("no more records came");
	return (struct edge_record){0};
}

size_t edge_await_record(uint16_t type, void *out, size_t capacity)
{
	struct edge_record record = edge_next_record();

	while (record.type != type)
		record = edge_next_record();
	cr_assert(le(sz, record.payload.length, capacity));
	memcpy(out, record.payload.octets, record.payload.length);
	return record.payload.length;
}

void edge_tell(uint16_t type, const void *event, size_t length)
{
	cr_assert(eq(int,
		ring_write(&plane.events, type, 0, span_of(event, length), span_of(NULL, 0)), 0));
	fake_signal(&plane);
}

static bool status_says(const char *words)
{
	static char said[16384];
	char command[256];

	snprintf(command, sizeof(command), "%s -s %s/edge1/admin.sock -j status 2>/dev/null",
		WEIRCTL, edge_folder);
	FILE *stream = popen(command, "r");
	cr_assert(stream != NULL);
	said[fread(said, 1, sizeof(said) - 1, stream)] = '\0';
	pclose(stream);
	return strstr(said, words) != NULL;
}

bool edge_await_status(const char *words)
{
	bool said = status_says(words);

	for (unsigned i = 0; !said && i < PATIENCE_MS / 20; i++) {
		usleep(20000);
		said = status_says(words);
	}
	return said;
}
