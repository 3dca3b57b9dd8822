// kernel_message.h: messages of the kernel's tables, put together by a test.

#pragma once

#include "guard.h"
#include "kernel_row.h"

static _Alignas(struct nlmsghdr) uint8_t room[1024];
static struct nlmsghdr *message;

static inline void *message_begin(uint16_t type, size_t header)
{
	memset(room, 0, sizeof(room));
	message = mnl_nlmsg_put_header(room);
	message->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(message, header);
}

// What was cut off says so in its own length: nothing past it is read.
static inline void message_read_cut(void)
{
	struct kernel_link link;
	struct next_hop_route route;
	struct next_hop_neighbour neighbour;
	struct guard guard = guard_new(sizeof(room));
	size_t whole = message->nlmsg_len;

	for (size_t length = sizeof(*message); length < whole; length += 4) {
		struct nlmsghdr *cut = memcpy(guard_end(&guard, length), message, length);

		cut->nlmsg_len = (uint32_t)length;
		(void)kernel_link_read(cut, &link);
		(void)kernel_route_read(cut, &route);
		(void)kernel_neighbour_read(cut, &neighbour);
		(void)kernel_rule_diverts(cut);
	}
	guard_free(&guard);
}
