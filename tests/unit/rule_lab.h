// rule_lab.h: the rules asked by a test, which may use words that the stages' headers forbid.

#pragma once

#include "lab.h"

struct rule_lab_query {
	struct flow_id flow;
	uint8_t listener;
	uint8_t relays; // behind it already: 0 to 2
	bool secure_flow;
	uint64_t uak;
};

// Of a mid-dialog request that came by UDP. *edge: that it is relayed to; 0: none.
enum verdict rule_lab_ask(const struct lab *lab, const struct rule_lab_query *query, uint8_t *edge);
// Whose messages from there are, by a listener of ours.
const struct flow *rule_lab_find_source(
	const struct lab *lab, uint8_t listener, const struct endpoint *peer);
