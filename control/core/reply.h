// reply.h: responses that the core role writes itself, statelessly (RFC 3261 section 8.2.6).

#pragma once

#include "../base/text.h"
#include "../transaction/hop.h"

#include <weir/endpoint.h>
#include <weir/message.h>

// Write the response to a request that came from `source`: its Vias (the top one with received and rport, RFC 3581), From, To
// with `to_tag` unless it has one (length 0: none), Call-ID, CSeq, then `headers` (whole lines). The request must be answerable.
void reply_write(struct text *out, const struct message *request, const struct endpoint *source,
	unsigned status, struct span to_tag, struct span headers);
// The usual reason phrase.
const char *reply_reason(unsigned status);
// Where a response goes by the top Via of its request (RFC 3261 section 18.2.2, RFC 3581): back to its source, or for a Via
// without rport to the port in sent-by; by the connection that the request came by, and to the port in sent-by once that has closed.
struct hop reply_hop(const struct message *request, const struct hop *source);
// The top Via value as it must be passed on, received and rport filled in.
void reply_add_via(struct text *out, const struct message *request, const struct endpoint *source);
