// golden_player.h: plays a golden file (golden.h) through the four stages, whatever brings its messages there.

#pragma once

#include "golden.h"

// How messages reach the stages, and what becomes of them.
struct golden_way {
	// Make it the only packet of the burst, as from this source by this listener. False: not played, and nothing that is said of
	// it is looked at.
	bool (*bring)(struct lab *lab, uint8_t listener, const struct endpoint *source,
		struct span message, enum origin origin);
	// All that the file says of it holds. leaves: the stages want it sent.
	void (*end)(struct lab *lab, struct packet *packet, bool leaves);
};

// As `bring`: into the lab's own memory.
bool golden_bring_in_memory(struct lab *lab, uint8_t listener, const struct endpoint *source,
	struct span message, enum origin origin);
// Plays FOLDER/FILE.txt in a criterion test; fails the test at the first line that does not hold.
void golden_play(const char *folder, const char *file, const struct golden_way *way);
