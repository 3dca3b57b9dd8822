// start_line.h: request lines and status lines (RFC 3261 sections 7.1 and 7.2).

#pragma once

#include <weir/message.h>

// Reads the line [0, end) of the message. After MESSAGE_VERSION, MESSAGE_URI, and MESSAGE_START_LINE with message->request
// set, the method is known: the sender can be told.
[[nodiscard]] enum message_fault start_line_parse(struct message *message, uint32_t end);
