// record_route.h: Routes taken off, Record-Routes, Path and the relay Route put on.

#pragma once

#include "stage.h"

// Note the edits for message `index`, whose tokens have been minted.
void record_route_write(struct burst *burst, unsigned index);
void path_write(struct burst *burst, unsigned index);
void relay_route_write(struct burst *burst, unsigned index);
void routes_cut(struct edit_plan *plan, const struct message *message, unsigned popped);
// Where a header that is not there yet goes: below the topmost Vias.
uint16_t place_below_vias(const struct message *message);
// The top value of a header: its line, or what stands before the next value on the line.
void value_cut_top(struct edit_plan *plan, const struct message *message, enum header header);
