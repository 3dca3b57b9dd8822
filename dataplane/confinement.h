// confinement.h: what the process gives up on its way to forwarding, in order: capabilities, files, system calls.

#pragma once

#include <stdbool.h>

struct confinement {
	bool sandboxed; // files and system calls too
	char folder[108]; // of the link's socket, which the end of the process removes
};

// path is the link's socket.
void confinement_init(struct confinement *confinement, const char *path, bool sandboxed);
// Everything is open and no thread of ours runs. 0 or a negative errno, and why was said.
[[nodiscard]] int confinement_begin(const struct confinement *confinement);
// All threads run; devices: DPDK's among them. Likewise.
[[nodiscard]] int confinement_finish(const struct confinement *confinement, bool devices);
