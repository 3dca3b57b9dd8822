// location.h: where each address of record can be reached: the bindings of a registrar (RFC 3261 section 10, RFC 5626 section 6).
//
// In memory: after a restart phones register again. A binding is (AOR, instance-id, reg-id) for outbound phones, else (AOR,
// Contact URI). Time is an argument, in seconds of any steady clock.

#pragma once

#include "../transaction/hop.h"

#include <weir/message.h>
#include <weir/span.h>
#include <weir/uri.h>

#include <sys/queue.h>

struct location;
struct aor_entry;

enum {
	BINDINGS_MAX = 32, // of one AOR
	BINDING_TEXT_MAX = 4096,
};

// Texts belong to the location, behind the binding, and stay until it changes.
struct binding {
	struct binding *next; // newest first
	struct span contact; // the URI
	struct span parameters; // of the Contact value, from the first ';'; without expires
	struct span instance; // with its quotes; length 0: none
	uint32_t reg_id; // 0: none, or ignored
	struct span path; // Path values, comma-separated; length 0: none
	struct span call_id;
	uint32_t cseq;
	uint64_t expires_at_s;
	bool failed; // its flow was found dead, and it has not been refreshed since
	struct hop
		flow; // the connection that it was registered by (RFC 5626 section 6); connection 0: none
	// The location's own.
	struct aor_entry *aor;
	LIST_ENTRY(binding) by_flow;
};

[[nodiscard]] struct location *location_new(void); // NULL: out of memory
void location_free(struct location *location);

// The current bindings of an AOR (canonical text), newest first; NULL: none.
struct binding *location_find(struct location *location, struct span aor, uint64_t now_s);
// The binding that a Contact updates: the same (instance, reg-id), or without reg-id an equal URI (RFC 3261 section 19.1.4).
struct binding *location_match(struct binding *bindings, const struct binding *wanted);
// Put a copy of `binding` first, in place of `old` (or NULL). 0, -ENOMEM, -ENOSPC (too many bindings) or -EMSGSIZE.
[[nodiscard]] int location_put(struct location *location, struct span aor, struct binding *old,
	const struct binding *binding);
// The flow that leads along `path` (or, without, straight to `contact`) is dead: every binding that uses it is, whatever its AOR
// (RFC 5626 section 7). One behind an edge has failed until it is refreshed, since another edge may know another way; one
// without an edge is over. Returns how many there were.
unsigned location_fail_flow(struct location *location, struct span path, struct span contact);
// A connection has closed. With a reg-id it was the only way to the phone, and the binding is over; without one there is still the Contact.
// Returns how many bindings are over.
unsigned location_close_flow(struct location *location, uint64_t connection);
void location_remove(struct location *location, struct span aor, struct binding *binding);
// How many AORs have bindings, and how many bindings there are. Expired ones may be counted until somebody asks for their AOR.
void location_count(const struct location *location, unsigned *aors, unsigned *bindings);

// The canonical text of an AOR: "user@host[:port]", user unescaped where that is safe, host in lower case. Returns its length, 0 if
// it does not fit or the URI has no user.
size_t location_write_aor(
	const uint8_t *base, const struct uri *uri, uint8_t *out, size_t capacity);
