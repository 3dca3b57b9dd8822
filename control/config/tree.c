#include "tree.h"

#include "arena.h"

#include <yaml.h>

enum {
	DEPTH_MAX = 16,
};

struct tree_reader {
	yaml_parser_t parser;
	struct config_report *report;
	struct node *root;
	struct node *open[DEPTH_MAX]; // sections and lists that have not ended
	unsigned depth;
	struct node *key; // whose value comes next
	bool refused; // no tree can be had
};

static struct config_mark mark_at(yaml_mark_t begin, yaml_mark_t end)
{
	bool one_line = begin.line == end.line && end.column > begin.column;

	return (struct config_mark){
		.line = (unsigned)begin.line + 1,
		.column = (unsigned)begin.column + 1,
		.width = one_line ? (unsigned)(end.column - begin.column) : 1,
	};
}

static void refuse(
	struct tree_reader *reader, struct config_mark mark, const char *message, const char *hint)
{
	config_report_add(reader->report, mark, CONFIG_ERROR, message, hint);
}

static void refuse_and_stop(
	struct tree_reader *reader, struct config_mark mark, const char *message, const char *hint)
{
	refuse(reader, mark, message, hint);
	reader->refused = true;
}

static struct node *node_new(
	struct tree_reader *reader, enum node_kind kind, struct config_mark mark)
{
	struct node *node = arena_take(reader->report->arena, sizeof(*node));

	if (node == NULL) {
		refuse_and_stop(reader, mark, "out of memory", NULL);
		return NULL;
	}
	node->kind = kind;
	node->mark = mark;
	return node;
}

static void node_append(struct node *parent, struct node *child)
{
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
}

struct node *node_find(const struct node *section, struct span name)
{
	struct node *key = section->first;

	while (key != NULL && !span_equal(key->text, name))
		key = key->next;
	return key;
}

static struct node *tree_parent(const struct tree_reader *reader)
{
	return reader->depth == 0 ? NULL : reader->open[reader->depth - 1];
}

// A value goes to the key before it, to its list, or is the whole file.
static void tree_put_value(struct tree_reader *reader, struct node *node)
{
	struct node *parent = tree_parent(reader);

	if (parent == NULL) {
		reader->root = node;
	} else if (parent->kind == NODE_LIST) {
		node_append(parent, node);
	} else {
		reader->key->value = node;
		reader->key = NULL;
	}
}

static bool tree_expects_key(const struct tree_reader *reader)
{
	const struct node *parent = tree_parent(reader);

	return parent != NULL && parent->kind == NODE_SECTION && reader->key == NULL;
}

static void refuse_duplicate(
	struct tree_reader *reader, const struct node *key, const struct node *first)
{
	struct arena *arena = reader->report->arena;
	char *message = arena_format(arena, "key '%s' stands here twice", key->text.octets);
	char *hint = arena_format(arena, "the first one is in line %u", first->mark.line);

	refuse(reader, key->mark, message == NULL ? "a key stands here twice" : message, hint);
}

static void tree_put_key(struct tree_reader *reader, struct node *key)
{
	struct node *section = tree_parent(reader);
	const struct node *first = node_find(section, key->text);

	reader->key = key;
	// Refused keys keep their values, so that the tree stays whole, but nobody finds them.
	if (key->kind == NODE_REFUSED)
		return;
	if (span_equal(key->text, SPAN("<<")))
		refuse(reader, key->mark, "merge keys are not part of this configuration language",
			NULL);
	else if (first != NULL)
		refuse_duplicate(reader, key, first);
	else
		node_append(section, key);
}

static void refuse_properties(struct tree_reader *reader, struct config_mark mark,
	const yaml_char_t *anchor, const yaml_char_t *tag)
{
	mark.width = 1;
	if (anchor != NULL)
		refuse(reader, mark, "anchors are not part of this configuration language", NULL);
	if (tag != NULL)
		refuse(reader, mark, "tags are not part of this configuration language", NULL);
}

// Control octets can only be written as escapes; no value here has a use for them, and C strings end at one of them.
static bool word_is_clean(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.octets[i] < 0x20 || text.octets[i] == 0x7f)
			return false;
	return true;
}

static void read_word(struct tree_reader *reader, const yaml_event_t *event)
{
	struct config_mark mark = mark_at(event->start_mark, event->end_mark);
	struct span text = span_of(event->data.scalar.value, event->data.scalar.length);
	struct node *node = node_new(reader, NODE_WORD, mark);

	if (node == NULL)
		return;
	node->text = span_of(arena_copy(reader->report->arena, text), text.length);
	if (node->text.octets == NULL) {
		refuse_and_stop(reader, mark, "out of memory", NULL);
		return;
	}
	refuse_properties(reader, mark, event->data.scalar.anchor, event->data.scalar.tag);
	if (!word_is_clean(text)) {
		refuse(reader, mark, "control characters are not part of a value", NULL);
		node->kind = NODE_REFUSED;
		node->text = SPAN("");
	}
	if (tree_expects_key(reader))
		tree_put_key(reader, node);
	else
		tree_put_value(reader, node);
}

static void read_begin(struct tree_reader *reader, enum node_kind kind, struct config_mark mark)
{
	struct node *node;

	mark.width = 1;
	if (tree_expects_key(reader)) {
		refuse_and_stop(reader, mark, "a key must be a word", NULL);
		return;
	}
	if (reader->depth == DEPTH_MAX) {
		refuse_and_stop(reader, mark, "nested too deeply", NULL);
		return;
	}
	node = node_new(reader, kind, mark);
	if (node == NULL)
		return;
	tree_put_value(reader, node);
	reader->open[reader->depth++] = node;
}

static void read_alias(struct tree_reader *reader, struct config_mark mark)
{
	struct node *node;

	mark.width = 1;
	refuse(reader, mark, "aliases are not part of this configuration language", NULL);
	node = node_new(reader, NODE_REFUSED, mark);
	if (node == NULL)
		return;
	if (tree_expects_key(reader))
		tree_put_key(reader, node);
	else
		tree_put_value(reader, node);
}

static void read_event(struct tree_reader *reader, const yaml_event_t *event)
{
	struct config_mark mark = mark_at(event->start_mark, event->end_mark);

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		read_word(reader, event);
		break;
	case YAML_ALIAS_EVENT:
		read_alias(reader, mark);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_properties(reader, mark, event->data.mapping_start.anchor,
			event->data.mapping_start.tag);
		read_begin(reader, NODE_SECTION, mark);
		break;
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(reader, mark, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
		read_begin(reader, NODE_LIST, mark);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (reader->root != NULL)
			refuse_and_stop(reader, mark, "one file holds one document", NULL);
		break;
	default:
		break;
	}
}

static void refuse_syntax(struct tree_reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t at = parser->problem_mark;
	const char *problem = parser->problem == NULL ? "not readable" : parser->problem;
	char *message = parser->context == NULL
		? arena_format(reader->report->arena, "%s", problem)
		: arena_format(reader->report->arena, "%s, %s", problem, parser->context);

	// What the reader of octets stumbles over has an offset, no line.
	if (parser->error == YAML_READER_ERROR)
		at = parser->mark;
	refuse_and_stop(reader, mark_at(at, at), message == NULL ? "not readable" : message,
		"indent with spaces; put quotes around a value that begins with [ or * or contains "
		"': '");
}

static void read_events(struct tree_reader *reader)
{
	yaml_event_type_t type = YAML_NO_EVENT;

	while (!reader->refused && type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event)) {
			refuse_syntax(reader);
			return;
		}
		type = event.type;
		read_event(reader, &event);
		yaml_event_delete(&event);
	}
}

struct node *tree_read(struct span text, struct config_report *report)
{
	struct tree_reader reader = {.report = report};

	if (!yaml_parser_initialize(&reader.parser)) {
		refuse(&reader, (struct config_mark){0}, "out of memory", NULL);
		return NULL;
	}
	yaml_parser_set_input_string(&reader.parser, text.octets, text.length);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	read_events(&reader);
	yaml_parser_delete(&reader.parser);
	if (reader.refused)
		return NULL;
	if (reader.root == NULL)
		refuse(&reader, (struct config_mark){0}, "there is nothing in this file",
			"docs/configure.md begins with a small one that works");
	return reader.root;
}
