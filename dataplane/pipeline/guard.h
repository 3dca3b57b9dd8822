// guard.h: the only door out, and who may come in by a trusted listener (ROUTING sections 1 and 10).

#pragma once

#include "../table/directory.h"

// Neither of no host at all, nor of several (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2).
[[nodiscard]] bool guard_is_unicast(const struct endpoint *endpoint);
[[nodiscard]] bool guard_is_loopback(const struct endpoint *endpoint);
// Whether the listener may send there. Holds for whatever led there: token, Route, request-URI, maddr, Via.
[[nodiscard]] bool guard_allows(const struct directory *directory,
	const struct directory_listener *listener, const struct endpoint *destination);
// Whether a core listener hears this source.
[[nodiscard]] bool guard_hears(const struct directory *directory,
	const struct directory_listener *listener, const struct endpoint *source);
