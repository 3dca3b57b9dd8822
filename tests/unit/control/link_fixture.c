#include "link_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-link-XXXXXX";
struct event_base *base;
char link_path[64];
struct link_listener listeners[LISTENERS];
struct link_device devices[DEVICES] = {
	{.index = 0, .name = "net_af_packet0,iface=eth0"},
	{.index = 1, .exception = LINK_EXCEPTION_TAP, .tap = "weir0", .name = "0000:3b:00.0"},
};
unsigned device_count;
bool link_takeover;
struct link_client *client;
struct fake_dataplane plane;

struct heard heard;

static void up(void *context)
{
	heard.ups++;
}

static void down(void *context)
{
	heard.downs++;
}

static void octets_keep(struct span octets)
{
	heard.length = octets.length;
	memcpy(heard.octets, octets.octets, octets.length);
}

static void message(
	void *context, unsigned worker, const struct link_up_message *head, struct span octets)
{
	heard.messages++;
	heard.worker = worker;
	heard.head = *head;
	octets_keep(octets);
}

static void event(void *context, uint16_t type, struct span payload)
{
	heard.events++;
	heard.event_type = type;
	octets_keep(payload);
}

static void fault(void *context, const struct link_fault *told)
{
	heard.fault = *told;
}

static FILE *journal; // what the client logs
static struct log *log_;

bool link_was_said(const char *words)
{
	fseek(journal, 0, SEEK_SET);
	heard.said[fread(heard.said, 1, sizeof(heard.said) - 1, journal)] = 0;
	return strstr(heard.said, words) != NULL;
}

int link_socket_bind(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*port)};
	socklen_t length = sizeof(at);
	int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0));
	cr_assert(eq(int, bind(fd, (struct sockaddr *)&at, length), 0));
	cr_assert(eq(int, getsockname(fd, (struct sockaddr *)&at, &length), 0));
	*port = ntohs(at.sin_port);
	return fd;
}

static void listener_make(unsigned index)
{
	uint16_t port = 0;

	close(link_socket_bind(&port));
	listeners[index] = (struct link_listener){.id = (uint8_t)(index + 1),
		.side = index == 0 ? SIDE_ACCESS : SIDE_CORE,
		.transport = TRANSPORT_UDP,
		.address = {.address = {127, 0, 0, 1}, .port = port, .family = ENDPOINT_V4}};
}

void link_open(void)
{
	struct link_client_options options = {.base = base,
		.path = link_path,
		.config = {.workers = FAKE_WORKERS,
			.flows_max = 100,
			.peer_flows_max = 200,
			.rows_max = 400,
			.edge = 7,
			.takeover = link_takeover},
		.listeners = listeners,
		.listener_count = LISTENERS,
		.devices = devices,
		.device_count = device_count,
		.up = up,
		.down = down,
		.message = message,
		.event = event,
		.fault = fault,
		.log = log_};

	cr_assert(eq(int, link_client_open(&options, &client), 0));
}

void link_setup_path(void)
{
	base = event_base_new();
	journal = tmpfile();
	log_ = log_new(fileno(journal), LOG_LEVEL_DEBUG, false);
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	for (unsigned i = 0; i < LISTENERS; i++)
		listener_make(i);
	plane = (struct fake_dataplane){.base = base, .listening = -1, .socket = -1};
	memset(plane.eventfds, 0xff, sizeof(plane.eventfds));
}

void link_setup(void)
{
	link_setup_path();
	fake_listen(&plane, base, link_path);
	link_open();
}

void link_setup_up(void)
{
	link_setup();
	fake_start(&plane, LISTENERS, NULL);
	fake_wait(&plane, &heard.ups, 1);
}

void link_teardown(void)
{
	link_client_close(client);
	log_free(log_);
	fclose(journal);
	fake_die(&plane);
	unlink(link_path);
	rmdir(folder);
	event_base_free(base);
}
