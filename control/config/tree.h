// tree.h: a configuration file as a tree of nodes with their places.
//
// A small part of YAML: sections, lists and words. Anchors, aliases, tags, merge keys and duplicate keys are refused, because
// they make a file that reads one way to a person and another to a program.

#pragma once

#include "report.h"

enum node_kind {
	NODE_WORD,
	NODE_SECTION, // its children are keys, each with a value
	NODE_LIST,
	NODE_REFUSED, // already reported: nothing more is said about it
};

struct node {
	enum node_kind kind;
	struct config_mark mark;
	struct span text; // of a word or key; ends in a NUL that length does not count
	struct node *value; // of a key; never NULL in a whole tree
	struct node *next; // the next child of the same parent
	struct node *first; // child
	struct node *last;
};

// NULL: the text does not make a tree; the report says why. With faults that leave a tree (an anchor, say) there is one.
[[nodiscard]] struct node *tree_read(struct span text, struct config_report *report);
// A section's key by name, or NULL.
struct node *node_find(const struct node *section, struct span name);
