// adoption.h: flows are served where their listener's address is (ROUTING section 4, "Adoption").
//
// An address that moves takes the flows behind it along, of whichever edge they are: they keep their (edge, slot, generation), and are served
// here for as long as the address is.

#pragma once

#include "stage.h"

// Whether the address of a listener of ours is on this host.
[[nodiscard]] static inline bool adoption_is_here(
	const struct world *world, const struct directory_listener *listener)
{
	return world->addresses == NULL || address_is_here(world->addresses, listener->listener.id);
}

// The same of an own flow, by the listener it is on: on the way of every request.
[[nodiscard]] static inline bool adoption_keeps(const struct world *world, const struct flow *own)
{
	return world->addresses == NULL || address_is_here(world->addresses, own->listener);
}

// The listener of ours that has a flow's address, wherever that is just now: the flow's own, or the namesake of another edge's. NULL: none.
[[nodiscard]] const struct directory_listener *adoption_listener(
	const struct world *world, const struct flow *flow);
// Whether that address is here: then no other edge can send on the flow.
[[nodiscard]] bool adoption_holds(const struct world *world, const struct flow *flow);
// Whether a flow is sent on from here. Another edge's is not, if its phone's address and port have become a newer flow's.
[[nodiscard]] bool adoption_serves(const struct world *world, const struct flow *flow);
// Whether a flow that is served here is known to be reached from here: our own; another edge's only once it has been heard at this
// address, and no longer silent than a flow may be.
[[nodiscard]] bool adoption_is_heard(const struct world *world, const struct flow *flow);
// The same for who has nothing better: it may also be believed, where its edge was not away for long before its address came.
[[nodiscard]] bool adoption_is_believed(const struct world *world, const struct flow *flow);
// The flow that messages from there by a listener of ours belong to. NULL: none.
[[nodiscard]] const struct flow *adoption_find_source(const struct world *world,
	const struct directory_listener *in, const struct endpoint *peer);
// Another edge that a flow that is not served here may be served by: its own, or one that has its address. 0: none that is up.
[[nodiscard]] uint8_t adoption_claimant(const struct world *world, const struct flow *flow);
