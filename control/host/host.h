// host.h: what this host has for an edge, and what it lacks for DPDK devices: `weirctl host check`.
//
// Read only: files of /sys and /proc, and a few questions to the kernel that change nothing. Each row says how one thing stands and,
// where it could be better, the command that mends it. Without a configuration nothing is asked for, so nothing is missing.

#pragma once

#include "../config/config.h"

enum host_state {
	HOST_OK,
	HOST_ADVICE, // works, but could be better
	HOST_MISSING, // a listener of the configuration cannot work so
};

struct host_row {
	struct host_row *next;
	const char *topic;
	enum host_state state;
	const char *what; // how it stands
	const char *command; // that mends it, or what to do; NULL: nothing to do
};

struct host_report {
	struct arena *arena;
	struct host_row *rows; // in order
	struct host_row **end;
	unsigned count[HOST_MISSING + 1]; // rows of each state
};

// Offloads of an interface that leave checksums to a card that is not there.
enum host_offload {
	HOST_OFFLOAD_SEND_CHECKSUM = 1, // ethtool: tx
	HOST_OFFLOAD_RECEIVE_MERGE = 2, // ethtool: gro
};

// Questions that no file answers. Tests have answers of their own.
struct host_probes {
	bool (*af_xdp)(void);
	bool (*landlock)(void);
	bool (*memfd_secret)(void);
	// Bits of enum host_offload that are on; -1: not known.
	int (*offloads)(const char *interface);
};

struct host_options {
	const char *root; // before /sys and /proc; "" for this host
	const struct config *config; // NULL: none
	const struct host_probes *probes; // NULL: the kernel's
};

// 0 or -ENOMEM. The report is the caller's: host_report_free() it in any case.
[[nodiscard]] int host_check(const struct host_options *options, struct host_report *report);
void host_report_free(struct host_report *report);
