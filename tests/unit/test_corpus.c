// test_corpus.c: the messages of the corpora get the result that their tables say.
//
// The tree's own messages have one exact result each (tests/corpus/expected.tsv). A larger corpus beside the tree has an
// index.tsv whose last column says in words what must happen; only rows that leave no choice are held against the parser.

#include <weir/message.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

static const char *const fault_names[MESSAGE_FAULTS] = {
	[MESSAGE_OK] = "OK",
	[MESSAGE_KEEPALIVE] = "KEEPALIVE",
	[MESSAGE_STUN] = "STUN",
	[MESSAGE_START_LINE] = "START_LINE",
	[MESSAGE_VERSION] = "VERSION",
	[MESSAGE_HEADER_SYNTAX] = "HEADER_SYNTAX",
	[MESSAGE_HEADER_MISSING] = "HEADER_MISSING",
	[MESSAGE_HEADER_REPEATED] = "HEADER_REPEATED",
	[MESSAGE_CONTENT_LENGTH] = "CONTENT_LENGTH",
	[MESSAGE_VIA] = "VIA",
	[MESSAGE_ADDRESS] = "ADDRESS",
	[MESSAGE_CSEQ] = "CSEQ",
	[MESSAGE_MAX_FORWARDS] = "MAX_FORWARDS",
	[MESSAGE_URI] = "URI",
	[MESSAGE_TOO_MANY_LINES] = "TOO_MANY_LINES",
};

enum { COLUMNS = 7 };

struct row {
	char *columns[COLUMNS];
};

// Cuts a line at its tabs; columns that are not there are empty.
static struct row row_read(char *line)
{
	struct row row;

	line[strcspn(line, "\n")] = '\0';
	for (unsigned i = 0; i < COLUMNS; i++) {
		row.columns[i] = line;
		line += strcspn(line, "\t");
		if (*line != '\0')
			*line++ = '\0';
	}
	return row;
}

static FILE *table_open(const char *folder, const char *name, char *line, size_t size)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *table = fopen(path, "r");

	// The first line names the columns.
	return table == NULL || fgets(line, (int)size, table) == NULL ? NULL : table;
}

static enum message_fault file_parse(const char *folder, const char *name)
{
	static uint8_t octets[UINT16_MAX];
	static struct message message;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");

	cr_assert(file != NULL, "%s", path);
	size_t length = fread(octets, 1, sizeof(octets), file);

	fclose(file);
	return message_parse(&message, octets, length);
}

Test(corpus, every_message_of_the_tree_gets_its_result)
{
	char line[1024];
	FILE *table = table_open(CORPUS_TREE, "expected.tsv", line, sizeof(line));
	unsigned count = 0;

	cr_assert(table != NULL);
	for (; fgets(line, sizeof(line), table) != NULL; count++) {
		struct row row = row_read(line);

		cr_expect(eq(str, (char *)fault_names[file_parse(CORPUS_TREE, row.columns[0])],
				  row.columns[1]),
			"%s", row.columns[0]);
	}
	fclose(table);
	cr_assert(ge(uint, count, 100));
}

// Rows that another module judges, or where RFC and index differ from what the parser may know; with the reason.
static const struct {
	const char *prefix;
	const char *reason;
} exceptions[] = {
	{"rfc4475/regbadct.dat", "whoever uses a Contact judges it"},
	{"authored/reg_", "registration judges Contacts"},
	{"authored/resp_via_", "whose Via it is, is the pipeline's to know"},
	{"authored/resp_single_", "whose Via it is, is the pipeline's to know"},
	{"rfc5626/9.4_re-registration__01.dat", "printed in the RFC without Via"},
	{"pcap-messages/OISF_suricata-verify__sip_compact_form__",
		"a backslash outside quotes in From"},
	{"pcap-messages/OISF_suricata-verify__sip_header_multi_val__", "two To headers"},
	{"pcap-messages/zeek_zeek__sip-junk-before-request__", "a request of one header"},
	{"pcap-messages/zeek_zeek__invalid-content-length__", "a Content-Length that is none"},
};

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool row_is_excepted(const char *name)
{
	for (unsigned i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++)
		if (starts_with(name, exceptions[i].prefix))
			return true;
	return false;
}

static bool words_leave_a_choice(const char *words)
{
	return strstr(words, " or ") != NULL || strstr(words, "/forward") != NULL;
}

// Must be refused: says so first, and leaves no choice.
static bool row_must_fault(const struct row *row)
{
	const char *words = row->columns[6];

	if (strcmp(row->columns[5], "archive bytes (bare LF)") == 0)
		return true;
	return (starts_with(words, "400") || starts_with(words, "discard")
		       || starts_with(words, "reject")
		       || starts_with(words, "Response: silently discard"))
		&& !words_leave_a_choice(words);
}

// Must be taken: a class of messages that are well-formed, whatever a proxy then does with them.
static bool row_must_parse(const struct row *row)
{
	static const char *const classes[] = {
		"valid", "valid-odd", "flow", "real traffic", "compact"};
	const char *words = row->columns[6];

	if (starts_with(words, "400") || starts_with(words, "Response: silently discard"))
		return false;
	for (unsigned i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strcmp(row->columns[5], classes[i]) == 0)
			return true;
	return false;
}

Test(corpus, every_row_of_the_larger_corpus_that_leaves_no_choice_is_met)
{
	char line[4096];
	FILE *index = table_open(CORPUS_MORE, "index.tsv", line, sizeof(line));
	unsigned parsed = 0, refused = 0, excepted = 0;

	if (index == NULL)
		cr_skip_test("no corpus beside the tree: 1 test skipped");
	while (fgets(line, sizeof(line), index) != NULL) {
		struct row row = row_read(line);
		const char *name = row.columns[0];

		if (row_is_excepted(name)) {
			excepted++;
		} else if (row_must_fault(&row)) {
			cr_expect(ne(int, file_parse(CORPUS_MORE, name), MESSAGE_OK), "%s", name);
			refused++;
		} else if (row_must_parse(&row)) {
			cr_expect(eq(str, (char *)fault_names[file_parse(CORPUS_MORE, name)], "OK"),
				"%s", name);
			parsed++;
		}
	}
	fclose(index);
	cr_log_info("%u parsed, %u refused, %u excepted", parsed, refused, excepted);
	cr_assert(gt(uint, parsed + refused, 0));
}
