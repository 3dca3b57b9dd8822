// netlink.h: asking the kernel for its tables (rtnetlink(7), by libmnl).
//
// What comes is the kernel's, yet every attribute is checked for its length before it is read: versions differ.

#pragma once

#include <weir/endpoint.h>

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NETLINK_ATTRIBUTES_MAX = 64, // higher types are passed over
};

struct netlink_attributes {
	const struct nlattr *of[NETLINK_ATTRIBUTES_MAX]; // NULL: not there
};

// A socket for questions; after a negative answer it is of no use any more. 0 or a negative errno.
[[nodiscard]] int netlink_open(struct mnl_socket **socket);
// A socket that becomes readable when something of these groups (RTNLGRP_*) has changed. It never blocks. 0 or a negative errno.
[[nodiscard]] int netlink_subscribe(
	const unsigned *groups, unsigned count, struct mnl_socket **socket);
// Have `each` called with every message of a table; it returns MNL_CB_OK. 0 or a negative errno; -EINTR: the table changed meanwhile, and what
// came may be of two times.
[[nodiscard]] int netlink_dump(
	struct mnl_socket *socket, uint16_t type, uint8_t family, mnl_cb_t each, void *context);

// Whether the kernel takes what is sent to this address for itself. 0 or a negative errno: it has not said.
[[nodiscard]] int netlink_ask_local(
	struct mnl_socket *socket, const struct endpoint *address, bool *local);

// Those behind a message's own header of `header` octets. False: the message is too short for it.
[[nodiscard]] bool netlink_read_attributes(
	const struct nlmsghdr *message, size_t header, struct netlink_attributes *attributes);
// Those inside of these octets.
void netlink_read_octets(const void *octets, size_t length, struct netlink_attributes *attributes);
// Those inside of one; NULL or one that is too short has none.
void netlink_read_nested(const struct nlattr *nest, struct netlink_attributes *attributes);
// Its value, or `otherwise` if it is not there or of another length.
[[nodiscard]] uint32_t netlink_read_u32(
	const struct netlink_attributes *attributes, unsigned type, uint32_t otherwise);
[[nodiscard]] uint16_t netlink_read_u16(
	const struct netlink_attributes *attributes, unsigned type, uint16_t otherwise);
// Takes exactly `length` octets. False: not there, or of another length.
[[nodiscard]] bool netlink_copy(
	const struct netlink_attributes *attributes, unsigned type, void *out, size_t length);
// True: its text is this one.
[[nodiscard]] bool netlink_text_is(
	const struct netlink_attributes *attributes, unsigned type, const char *text);
// An address of AF_INET or AF_INET6. False: another family, or another length.
[[nodiscard]] bool netlink_take_address(
	uint8_t family, const void *octets, size_t length, struct endpoint *address);
