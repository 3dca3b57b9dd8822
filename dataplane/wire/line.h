// line.h: the header lines of a message (RFC 3261 section 7.3.1).

#pragma once

#include <weir/message.h>

// Reads start line and header lines up to the empty line; sets first[], lines, line_count and body_offset. Goes on behind a
// line that is at fault, so that its sender can be answered, but never behind a line end that is none. The first fault is
// returned.
[[nodiscard]] enum message_fault lines_parse(struct message *message);
