// header.h: names of headers, long and compact (RFC 3261 sections 7.3.1 and 7.3.3).

#pragma once

#include <weir/message.h>
#include <weir/span.h>

// HEADER_OTHER for a name that routing does not need. Case does not matter.
[[nodiscard]] enum header header_find(struct span name);
// True of headers that may stand in a message once only.
[[nodiscard]] bool header_is_single(enum header header);
