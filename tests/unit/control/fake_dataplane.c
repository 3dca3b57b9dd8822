#include "fake_dataplane.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 5000,
};

static void turn_once(struct fake_dataplane *plane)
{
	event_base_loop(plane->base, EVLOOP_NONBLOCK);
	poll(NULL, 0, 1);
}

void fake_turn(struct fake_dataplane *plane, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		turn_once(plane);
}

void fake_wait(struct fake_dataplane *plane, const unsigned *count, unsigned wanted)
{
	for (unsigned i = 0; *count < wanted && i < PATIENCE_MS; i++)
		turn_once(plane);
	cr_assert(eq(uint, *count, wanted));
}

void fake_listen(struct fake_dataplane *plane, struct event_base *base, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*plane = (struct fake_dataplane){.base = base, .socket = -1};
	memset(plane->eventfds, 0xff, sizeof(plane->eventfds));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	plane->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert(eq(int, bind(plane->listening, (struct sockaddr *)&address, sizeof(address)), 0));
	cr_assert(eq(int, listen(plane->listening, 4), 0));
}

void fake_send(struct fake_dataplane *plane, uint16_t type, const void *payload, size_t length)
{
	cr_assert(eq(int, setup_send(plane->socket, type, span_of(payload, length), NULL, 0), 0));
}

void fake_expect(struct fake_dataplane *plane, uint16_t type)
{
	int status = -EAGAIN;

	for (unsigned i = 0; status == -EAGAIN && i < PATIENCE_MS; i++) {
		turn_once(plane);
		status = setup_receive(plane->socket, &plane->packet);
	}
	cr_assert(eq(int, status, 1));
	cr_assert(eq(int, plane->packet.type, type));
}

void fake_greet(struct fake_dataplane *plane, uint32_t abi, bool running)
{
	struct link_hello hello = {.abi = abi, .running = running, .incarnation = 1};

	for (unsigned i = 0; plane->socket < 0 && i < PATIENCE_MS; i++) {
		turn_once(plane);
		plane->socket = accept4(plane->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	fake_expect(plane, LINK_HELLO);
	memcpy(&hello.abi, plane->packet.payload, sizeof(hello.abi));
	cr_assert(eq(u32, hello.abi, LINK_ABI));
	hello.abi = abi;
	fake_send(plane, LINK_HELLO, &hello, sizeof(hello));
}

void fake_start(struct fake_dataplane *plane, unsigned listeners, int (*sockets)[FAKE_WORKERS])
{
	fake_greet(plane, LINK_ABI, false);
	fake_expect(plane, LINK_CONFIG);
	for (unsigned i = 0; i < listeners; i++) {
		fake_expect(plane, LINK_LISTENER);
		cr_assert(eq(u32, plane->packet.descriptor_count, FAKE_WORKERS));
		if (sockets != NULL)
			memcpy(sockets[i], plane->packet.descriptors, sizeof(*sockets));
		else
			setup_close(&plane->packet);
	}
	fake_expect(plane, LINK_START);
	fake_up(plane);
}

static void rings_attach(struct fake_dataplane *plane)
{
	region_attach_table(&plane->region, &plane->table);
	region_attach_events(&plane->region, &plane->events);
	for (unsigned i = 0; i < FAKE_WORKERS; i++) {
		region_attach_up(&plane->region, 0, i, &plane->ups[i]);
		region_attach_down(&plane->region, 0, i, &plane->downs[i]);
	}
}

void fake_up(struct fake_dataplane *plane)
{
	int descriptors[3 + FAKE_WORKERS];

	cr_assert(eq(int, region_create(&plane->region, FAKE_WORKERS, 0, &descriptors[0]), 0));
	rings_attach(plane);
	for (unsigned i = 0; i < 2 + FAKE_WORKERS; i++)
		descriptors[1 + i] = plane->eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cr_assert(eq(int,
		setup_send(plane->socket, LINK_UP, span_of(NULL, 0), descriptors, 3 + FAKE_WORKERS),
		0));
	close(descriptors[0]);
}

void fake_die(struct fake_dataplane *plane)
{
	close(plane->listening);
	close(plane->socket);
	plane->socket = -1;
	region_unmap(&plane->region);
	for (unsigned i = 0; i < 2 + FAKE_WORKERS; i++)
		if (plane->eventfds[i] >= 0)
			close(plane->eventfds[i]);
}

void fake_signal(struct fake_dataplane *plane)
{
	cr_assert(eq(int, eventfd_write(plane->eventfds[0], 1), 0));
}
