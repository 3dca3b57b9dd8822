#include "edge_process.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 5000,
	PORTS = 5,
};

struct fake_dataplane plane;
char edge_folder[] = "/tmp/weir-test-edge-XXXXXX";
unsigned edge_port_access;
unsigned edge_port_core;
unsigned edge_port_peer;
static unsigned port_mesh;
static unsigned port_peer_mesh;
static struct event_base *base;
static pid_t process;

// All at once, so that they differ.
static void ports_choose(void)
{
	unsigned *ports[PORTS] = {
		&edge_port_access, &edge_port_core, &edge_port_peer, &port_mesh, &port_peer_mesh};
	int sockets[PORTS];

	for (unsigned i = 0; i < PORTS; i++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t length = sizeof(address);
		sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
		cr_assert(eq(int, bind(sockets[i], (struct sockaddr *)&address, length), 0));
		getsockname(sockets[i], (struct sockaddr *)&address, &length);
		*ports[i] = ntohs(address.sin_port);
	}
	for (unsigned i = 0; i < PORTS; i++)
		close(sockets[i]);
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
		"%s keys init %s/keys --cluster cluster.test --edge 1:edge1.test >/dev/null",
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

static void config_write(const char *path, const char *listeners)
{
	FILE *stream = fopen(path, "w");

	cr_assert(stream != NULL);
	fprintf(stream,
		"node: {id: 1, name: edge1.test}\n"
		"dataplane: {workers: %d}\n"
		"cluster:\n"
		"  name: cluster.test\n"
		"  listen: 127.0.0.1:%u\n"
		"  peers: [{id: %d, name: edge2.test, address: 127.0.0.1:%u}]\n"
		"upstream: {targets: [\"sip:127.0.0.9:5060\"]}\n"
		"keys: {directory: %s/keys}\n"
		"store: {path: %s/store}\n"
		"link: {socket: %s/link.sock}\n"
		"admin: {socket: %s/admin.sock}\n"
		"listeners:\n",
		FAKE_WORKERS, port_mesh, EDGE_PROCESS_PEER, port_peer_mesh, edge_folder,
		edge_folder, edge_folder, edge_folder);
	if (listeners == NULL)
		listeners_write(stream);
	else
		fputs(listeners, stream);
	fclose(stream);
}

static void control_run(const char *config)
{
	char log[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is ended leaves nothing behind
	snprintf(log, sizeof(log), "%s/control.log", edge_folder);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	execl(WEIR_CONTROL, "weir-control", "--config", config, (char *)NULL);
	_exit(127);
}

void edge_start(const char *listeners, unsigned listener_count)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/link.sock", edge_folder);
	fake_listen(&plane, base, path);
	snprintf(path, sizeof(path), "%s/weir.yaml", edge_folder);
	config_write(path, listeners);
	process = fork();
	if (process == 0)
		control_run(path);
	fake_start(&plane, listener_count, NULL);
}

void edge_end(int signal)
{
	kill(process, signal);
	waitpid(process, NULL, 0);
	process = 0;
	fake_die(&plane);
}

size_t edge_await_record(uint16_t type, void *out, size_t capacity)
{
	static _Alignas(8) uint8_t octets[LINK_TABLE_RING_OCTETS / 4];
	struct record_header header;

	for (unsigned i = 0; i < PATIENCE_MS;) {
		int64_t length = ring_read(&plane.table, &header, octets, sizeof(octets));
		if (length >= 0 && header.type == type) {
			cr_assert(le(sz, (size_t)length, capacity));
			memcpy(out, octets, (size_t)length);
			return (size_t)length;
		}
		if (length < 0) {
			usleep(1000);
			i++;
		}
	}
	cr_fatal("no record of type %u came", type);
	return 0;
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

	snprintf(command, sizeof(command), "%s -s %s/admin.sock -j status 2>/dev/null", WEIRCTL,
		edge_folder);
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
