#include "schema.h"

#include "quantity.h"

// Length of the row's path without its last word, and of that word.
struct path_split {
	size_t section;
	size_t key_begin;
	size_t key_length;
};

static struct path_split path_split(const char *path)
{
	const char *dot = strrchr(path, '.');
	struct path_split split = {0};

	if (dot != NULL) {
		split.section = (size_t)(dot - path);
		split.key_begin = split.section + 1;
	}
	split.key_length = strcspn(path + split.key_begin, "[");
	return split;
}

bool schema_is_child(const char *section, const struct schema_row *row)
{
	size_t length = strlen(section);

	return path_split(row->path).section == length && memcmp(row->path, section, length) == 0;
}

struct span schema_key(const struct schema_row *row)
{
	struct path_split split = path_split(row->path);

	return span_of(row->path + split.key_begin, split.key_length);
}

const struct schema_row *schema_find(const char *section, struct span key)
{
	for (size_t i = 0; i < schema_row_count; i++)
		if (schema_is_child(section, &schema_rows[i])
			&& span_equal(schema_key(&schema_rows[i]), key))
			return &schema_rows[i];
	return NULL;
}

const char *schema_type_name(const struct schema_row *row)
{
	static const char *const names[SCHEMA_TYPES][2] = {
		[SCHEMA_SECTION] = {"section", "sections"},
		[SCHEMA_LIST] = {"list of sections", ""},
		[SCHEMA_NUMBER] = {"number", "list of numbers"},
		[SCHEMA_DURATION] = {"duration", "list of durations"},
		[SCHEMA_OCTETS] = {"octets", ""},
		[SCHEMA_RATE] = {"rate", ""},
		[SCHEMA_PERCENT] = {"share", ""},
		[SCHEMA_FLAG] = {"yes or no", ""},
		[SCHEMA_CHOICE] = {"word", "list of words"},
		[SCHEMA_NAME] = {"name", "list of names"},
		[SCHEMA_TEXT] = {"text", "list of texts"},
		[SCHEMA_PATH] = {"path", "list of paths"},
		[SCHEMA_PATH_OR_OFF] = {"path or off", ""},
		[SCHEMA_ENDPOINT] = {"address:port", "list of address:port"},
		[SCHEMA_NETWORK] = {"network", "list of networks"},
		[SCHEMA_HOST] = {"host", "list of hosts"},
		[SCHEMA_HOST_PORT] = {"host[:port]", "list of host[:port]"},
		[SCHEMA_URI] = {"SIP URI", "list of SIP URIs"},
		[SCHEMA_DEVICE] = {"PCI address or virtual device", ""},
		[SCHEMA_CPUS] = {"auto or processors", ""},
	};

	return names[row->type][(row->flags & SCHEMA_MANY) != 0];
}

const char *schema_applies_name(enum schema_applies applies)
{
	static const char *const names[] = {
		[APPLIES_LIVE] = "reload",
		[APPLIES_CONTROL] = "restart of weir-control",
		[APPLIES_DATAPLANE] = "restart of weir-dataplane",
	};

	return names[applies];
}

static const struct unit *row_units(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_NUMBER:
		return count_units;
	case SCHEMA_OCTETS:
		return octet_units;
	case SCHEMA_RATE:
		return rate_units;
	case SCHEMA_PERCENT:
		return percent_units;
	case SCHEMA_DURATION:
		return duration_units;
	default:
		return NULL;
	}
}

bool schema_write_limits(const struct schema_row *row, char *out, size_t capacity)
{
	const struct unit *units = row_units(row);
	uint64_t factor = row->unit == UNIT_S ? 1000 : 1;
	char minimum[24];
	char maximum[24];

	if (units == NULL || row->flags & SCHEMA_MANY)
		return false;
	quantity_write(row->minimum * factor, units, minimum, sizeof(minimum));
	quantity_write(row->maximum * factor, units, maximum, sizeof(maximum));
	snprintf(out, capacity, "%s to %s", minimum, maximum);
	return true;
}
