// schema.h: one row for every key of the configuration; everything that knows about keys reads these rows.

#pragma once

#include "config.h"

#include <weir/span.h>

#include <stdint.h>
#include <stdio.h>

enum schema_type {
	SCHEMA_SECTION, // keys of its own
	SCHEMA_LIST, // of sections: items of `size` octets
	SCHEMA_NUMBER, // 12, 20k, 1M
	SCHEMA_DURATION, // 30s; kept in `unit`
	SCHEMA_OCTETS, // 16KiB
	SCHEMA_RATE, // 50/s
	SCHEMA_PERCENT, // 10%
	SCHEMA_FLAG, // yes | no
	SCHEMA_CHOICE, // one of `words`
	SCHEMA_NAME, // letters, digits, '.', '_', '-'
	SCHEMA_TEXT,
	SCHEMA_PATH, // absolute
	SCHEMA_PATH_OR_OFF,
	SCHEMA_ENDPOINT, // address:port
	SCHEMA_NETWORK, // address/bits
	SCHEMA_HOST, // name or address
	SCHEMA_HOST_PORT,
	SCHEMA_URI, // sip:host[:port]
	SCHEMA_DEVICE, // 0000:3b:00.0, or net_af_xdp0,iface=eth0
	SCHEMA_CPUS, // auto, or 2-5,8
	SCHEMA_TYPES,
};

// What a change of the key takes effect with.
enum schema_applies {
	APPLIES_LIVE, // reload
	APPLIES_CONTROL, // a restart of weir-control
	APPLIES_DATAPLANE, // a restart of weir-dataplane
};

enum schema_unit {
	UNIT_NONE,
	UNIT_MS,
	UNIT_S,
};

enum schema_flags {
	SCHEMA_REQUIRED = 1,
	SCHEMA_MANY = 2, // a list of such values; its path ends in []
	SCHEMA_EDGE = 4, // only for role: edge
	SCHEMA_CORE = 8, // only for role: core
	SCHEMA_SECRET = 16, // never shown
	SCHEMA_LATER = 32, // known, but not supported by this release
};

struct schema_row {
	const char *path; // "listeners[].allow[]"
	enum schema_type type;
	enum schema_unit unit;
	unsigned flags;
	enum schema_applies applies;
	const char *initial; // default as it would be written; NULL: none
	// CHOICE: "a|b|!c": !c is known but not supported; the first one has the value `minimum`.
	const char *words;
	uint64_t minimum; // limits, in `unit`; of the length of names, texts and paths
	uint64_t maximum; // LIST and MANY: the most items, 0: any number
	size_t offset; // of the member in struct config, or in the item of the list around it
	size_t size; // of the member, LIST: of an item
	const char *help; // one line
};

extern const struct schema_row schema_rows[];
extern const size_t schema_row_count;

// The row of a key under a section's path ("" is the top), or NULL.
const struct schema_row *schema_find(const char *section, struct span key);
// True if the row is a key directly under the section's path.
[[nodiscard]] bool schema_is_child(const char *section, const struct schema_row *row);
// The row's last word: "listeners[].allow[]" gives "allow".
struct span schema_key(const struct schema_row *row);
// The words for people: "duration", "list of networks".
const char *schema_type_name(const struct schema_row *row);
const char *schema_applies_name(enum schema_applies applies);
// Limits as they would be written, "1ms to 1m"; false: there are none to speak of. out holds 64.
[[nodiscard]] bool schema_write_limits(const struct schema_row *row, char *out, size_t capacity);

// docs/configure.md.
void schema_print_markdown(FILE *out);
// `weirctl config schema`.
void schema_print_text(FILE *out);
