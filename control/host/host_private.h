// host_private.h: what the parts of the check share.

#pragma once

#include "../config/arena.h"
#include "host.h"

#include <stdio.h>

enum {
	HOST_TEXT_MAX = 256, // octets of a small file
	HOST_PATH_MAX = 512,
	HOST_CPUINFO_MAX = 16384, // of the first processor's description
};

struct host {
	const char *root;
	const struct config *config; // NULL: none
	const struct host_probes *probes;
	struct host_report *report;
	bool failed; // out of memory
};

extern const struct host_probes host_kernel_probes; // host_probe.c

// host_file.c: files under the root. A path is printf-like.

// What a file says, without its last line end, at most capacity - 1 octets. False: it cannot be read.
[[nodiscard]] bool host_read(const struct host *host, char *out, size_t capacity,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
// A number in a file; otherwise when there is none.
long long host_number(const struct host *host, long long otherwise, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
[[nodiscard]] bool host_has(const struct host *host, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
// The last word of what a link points to. False: it is no link.
[[nodiscard]] bool host_link(const struct host *host, char *out, size_t capacity,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
// How many entries of a folder begin so.
unsigned host_entries(const struct host *host, const char *prefix, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
// Calls each for every entry of a folder, hidden ones apart, in no order.
typedef void host_entry(void *context, const char *name);
void host_walk(const struct host *host, const char *path, host_entry *each, void *context);

// host.c: a row. command may be NULL.
void host_tell(struct host *host, const char *topic, enum host_state state, const char *command,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
// A text of the report's own; NULL is NULL.
__attribute__((format(printf, 2, 3))) const char *host_text(
	struct host *host, const char *format, ...);

// What the configuration asks for. A thing that is not there: missing if it is wanted, no matter if it is not, advice if nobody knows.
enum host_state host_judge_absent(const struct host *host, bool wanted);
[[nodiscard]] bool host_wants_devices(const struct host *host);
// A device whose name begins so.
[[nodiscard]] bool host_wants_driver(const struct host *host, const char *driver);
[[nodiscard]] bool host_wants_pci(const struct host *host);
[[nodiscard]] bool host_wants_tap(const struct host *host);

void host_check_processor(struct host *host); // host_processor.c
void host_check_memory(struct host *host); // host_memory.c
void host_check_kernel(struct host *host); // host_kernel.c
void host_check_network(struct host *host); // host_network.c
void host_check_pci(struct host *host); // host_pci.c
void host_check_interfaces(struct host *host); // host_interface.c
