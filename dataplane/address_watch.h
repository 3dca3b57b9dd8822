// address_watch.h: the keeper's eye on the addresses of listeners that may move between edges.
//
// The kernel rings when addresses change; what is true then is asked of it, one listener at a time (the local routing table: also
// loopback and whole networks that a host holds, and no IPv6 address whose uniqueness is still being proved).

#pragma once

#include "netlink.h"
#include "table/addresses.h"
#include "table/directory.h"

#include <stdint.h>

struct keeper;

// The keeper's.
struct address_watch {
	struct mnl_socket *news; // NULL: addresses do not move
	struct mnl_socket *questions;
	uint64_t due_us; // of the next look
	unsigned soon; // looks that follow news, still to come
	bool reported[LISTENERS_MAX + 1]; // this session's control knows of this listener, as it is
};

// Before the sandbox: no socket can be made after it. 0 or a negative errno.
[[nodiscard]] int address_watch_open(struct address_watch *watch);
void address_watch_close(struct address_watch *watch);
// A descriptor that becomes readable with news; -1: none.
int address_watch_descriptor(const struct address_watch *watch);
uint64_t address_watch_due_us(const struct address_watch *watch);
// A directory that is not published yet: where its listeners' addresses are.
void address_watch_configure(struct keeper *keeper, const struct directory *directory);
// Look when it is time to, or when the kernel has rung, and tell control.
void address_watch_tick(struct keeper *keeper);
void address_watch_forget_reports(struct address_watch *watch);
