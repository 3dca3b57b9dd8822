// schema_print.c: the schema for people.

#include "schema.h"

static bool row_is_printed(const struct schema_row *row)
{
	return !(row->flags & SCHEMA_LATER);
}

static const char *row_role(const struct schema_row *row)
{
	if (row->flags & SCHEMA_EDGE)
		return "edge";
	return row->flags & SCHEMA_CORE ? "core" : "";
}

static bool row_has_words(const struct schema_row *row)
{
	return row->type == SCHEMA_CHOICE;
}

// "a | b": the words that this release supports.
static void print_words(const struct schema_row *row, const char *divider, FILE *out)
{
	const char *between = "";

	for (const char *word = row->words; *word != '\0';) {
		size_t length = strcspn(word, "|");

		if (*word != '!') {
			fprintf(out, "%s%.*s", between, (int)length, word);
			between = divider;
		}
		word += length + (word[length] == '|');
	}
}

static void print_type(const struct schema_row *row, const char *divider, FILE *out)
{
	if (row_has_words(row))
		print_words(row, divider, out);
	else
		fputs(schema_type_name(row), out);
}

static void print_default(const struct schema_row *row, FILE *out)
{
	if (row->initial != NULL)
		fprintf(out, "`%s`", row->initial);
	else if (row->flags & SCHEMA_REQUIRED)
		fputs("**required**", out);
}

static void print_row(const struct schema_row *row, FILE *out)
{
	char limits[64];

	fprintf(out, "| `%s` | ", row->path);
	print_type(row, " \\| ", out);
	fputs(" | ", out);
	print_default(row, out);
	fprintf(out, " | %s | %s | %s |\n",
		schema_write_limits(row, limits, sizeof(limits)) ? limits : "",
		schema_applies_name(row->applies), row->help);
}

static void print_heading(const struct schema_row *row, FILE *out)
{
	struct span key = schema_key(row);

	fprintf(out, "\n## %.*s\n\n%c%s", (int)key.length, (const char *)key.octets,
		row->help[0] >= 'a' && row->help[0] <= 'z' ? row->help[0] - 'a' + 'A'
							   : row->help[0],
		row->help + 1);
	if (row_role(row)[0] != '\0')
		fprintf(out, ". Only for `role: %s`", row_role(row));
	fputs(".\n\n", out);
	fputs("| key | value | default | limits | a change takes | what it is |\n"
	      "|---|---|---|---|---|---|\n",
		out);
}

static const char introduction[] =
	"# Configuration\n"
	"\n"
	"One YAML file, `/etc/weir/weir.yaml`, read by `weir-control`. This page is made from the "
	"table that the\n"
	"program itself reads by: `weirctl config schema --markdown`.\n"
	"\n"
	"    weirctl config check weir.yaml       every fault at once, each with its line and a "
	"hint\n"
	"    weirctl config show --defaults       what is in force\n"
	"    weirctl config schema                this table\n"
	"\n"
	"The smallest edge:\n"
	"\n"
	"```yaml\n"
	"node: {id: 1, name: edge1.test}\n"
	"listeners:\n"
	"  - {name: access, side: access, address: 127.0.0.1:5060}\n"
	"  - {name: core, side: core, address: 127.0.0.1:5080}\n"
	"  - {name: peer, side: peer, address: 127.0.0.1:5070}\n"
	"cluster: {name: edge.test, listen: 127.0.0.1:7060, peers: [{id: 2, address: "
	"127.0.0.1:7061}]}\n"
	"upstream: {targets: [\"sip:127.0.0.1:5090\"]}\n"
	"```\n"
	"\n"
	"The smallest core behind it:\n"
	"\n"
	"```yaml\n"
	"role: core\n"
	"node: {name: core.test}\n"
	"listeners: [{name: core, side: core, address: 127.0.0.1:5090}]\n"
	"registrar: {domains: [example.test]}\n"
	"```\n"
	"\n"
	"- A unit is part of a value: `300ms`, `30s`, `15m`, `6h`, `7d`; `16KiB`; `50/s`; `20k`, "
	"`1M`; `10%`. A duration without\n"
	"  a unit is refused.\n"
	"- An unknown key is an error. So are keys that stand twice, anchors, aliases, tags and "
	"merge keys.\n"
	"- Names refer to names, and are checked. Quote what begins with `[`: "
	"`'[2001:db8::1]:5060'`.\n"
	"- `a change takes` says when a changed key is in force: after a reload (SIGHUP), or after "
	"a restart of one process.\n"
	"\n"
	"## at the top\n"
	"\n"
	"| key | value | default | limits | a change takes | what it is |\n"
	"|---|---|---|---|---|---|\n";

// Keys of a section that stands at the top get a heading of their own, from the section's row on.
static bool row_is_heading(const struct schema_row *row)
{
	return strchr(row->path, '.') == NULL
		&& (row->type == SCHEMA_SECTION || row->type == SCHEMA_LIST);
}

static bool row_is_value(const struct schema_row *row)
{
	return row->type != SCHEMA_SECTION;
}

void schema_print_markdown(FILE *out)
{
	fputs(introduction, out);
	for (size_t i = 0; i < schema_row_count; i++)
		if (row_is_printed(&schema_rows[i]) && strchr(schema_rows[i].path, '.') == NULL
			&& row_is_value(&schema_rows[i]))
			print_row(&schema_rows[i], out);
	for (size_t i = 0; i < schema_row_count; i++) {
		const struct schema_row *row = &schema_rows[i];

		if (!row_is_printed(row))
			continue;
		if (row_is_heading(row))
			print_heading(row, out);
		else if (row_is_value(row) && strchr(row->path, '.') != NULL)
			print_row(row, out);
	}
}

void schema_print_text(FILE *out)
{
	for (size_t i = 0; i < schema_row_count; i++) {
		const struct schema_row *row = &schema_rows[i];

		if (!row_is_printed(row) || !row_is_value(row))
			continue;
		fprintf(out, "%s\n        ", row->path);
		print_type(row, " | ", out);
		if (row->initial != NULL)
			fprintf(out, "; default %s", row->initial);
		else if (row->flags & SCHEMA_REQUIRED)
			fputs("; required", out);
		fprintf(out, "; %s\n        %s\n", schema_applies_name(row->applies), row->help);
	}
}
