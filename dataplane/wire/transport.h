// transport.h: names of transports in Vias and URIs.

#pragma once

#include <weir/side.h>
#include <weir/span.h>

// TRANSPORT_NONE for a name we do not know. Case does not matter.
enum transport transport_find(struct span name);
