// registrar_private.h: what registrar.c (decides) and registrar_write.c (says so) share.

#pragma once

#include "registrar.h"

#include <weir/uri.h>

enum {
	CONTACTS_MAX = BINDINGS_MAX,
	AOR_MAX = 512,
	PATH_MAX_OCTETS = 2048,
};

// What a REGISTER asks for, read before anything is changed.
struct asked {
	struct span aor;
	struct uri to; // parsed against the request
	bool outbound; // reg-id counts: first hop or `ob` in the first Path (RFC 5626 section 6)
	struct hop flow; // of a phone that is connected to us; connection 0: it is not
	bool lacks_outbound; // reg-id asked for, and the first hop cannot
	bool remove_all; // Contact: *
	unsigned count;
	struct change {
		struct binding wanted;
		struct binding *old;
		bool remove;
	} changes[CONTACTS_MAX];
	struct text parameters; // of all Contacts, expires cut out
	size_t path_length;
	uint8_t path[PATH_MAX_OCTETS];
	uint8_t parameter_text[BINDING_TEXT_MAX];
	uint8_t aor_text[AOR_MAX];
};

// RFC 3261 section 10.3 step 8: all current bindings; with the GRUUs of each, if the phone knows what they are (RFC 5627 section 5.2).
void registrar_write_bindings(struct registrar *registrar, const struct message *request,
	uint64_t now_s, const struct asked *asked, struct text *headers);
