// transaction_message.h: the requests that a client transaction writes by itself: ACK and CANCEL.

#pragma once

#include "../base/text.h"

#include <weir/message.h>

// The ACK to a failure (RFC 3261 section 17.1.1.3): Via and Routes of the INVITE, To of the response.
void transaction_write_ack(
	struct text *out, const struct message *invite, const struct message *response);
// RFC 3261 section 9.1.
void transaction_write_cancel(struct text *out, const struct message *invite);
