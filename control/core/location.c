#include "location.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

enum {
	FLOW_BUCKETS = 4096,
};

// One address of record in a balanced tree (tsearch) by its text.
struct aor_entry {
	struct span aor;
	struct binding *bindings;
	uint8_t text[];
};

LIST_HEAD(binding_list, binding);

struct location {
	void *root;
	unsigned aors;
	unsigned bindings;
	struct binding_list by_flow[FLOW_BUCKETS];
};

static int entry_compare(const void *left, const void *right)
{
	const struct aor_entry *a = left;
	const struct aor_entry *b = right;

	if (a->aor.length != b->aor.length)
		return a->aor.length < b->aor.length ? -1 : 1;
	return memcmp(a->aor.octets, b->aor.octets, a->aor.length);
}

struct location *location_new(void)
{
	return calloc(1, sizeof(struct location));
}

static void entry_free(void *node)
{
	struct aor_entry *entry = node;

	while (entry->bindings != NULL) {
		struct binding *binding = entry->bindings;
		entry->bindings = binding->next;
		free(binding);
	}
	free(entry);
}

void location_free(struct location *location)
{
	if (location == NULL)
		return;
	tdestroy(location->root, entry_free);
	free(location);
}

static struct aor_entry *entry_find(struct location *location, struct span aor)
{
	struct aor_entry key = {.aor = aor};
	struct aor_entry **node = tfind(&key, &location->root, entry_compare);

	return node == NULL ? NULL : *node;
}

static struct aor_entry *entry_make(struct location *location, struct span aor)
{
	struct aor_entry *entry = entry_find(location, aor);

	if (entry != NULL)
		return entry;
	entry = calloc(1, sizeof(*entry) + aor.length);
	if (entry == NULL)
		return NULL;
	memcpy(entry->text, aor.octets, aor.length);
	entry->aor = span_of(entry->text, aor.length);
	if (tsearch(entry, &location->root, entry_compare) == NULL) {
		free(entry);
		return NULL;
	}
	location->aors++;
	return entry;
}

static void entry_remove_if_empty(struct location *location, struct aor_entry *entry)
{
	if (entry->bindings != NULL)
		return;
	tdelete(entry, &location->root, entry_compare);
	location->aors--;
	free(entry);
}

static struct binding_list *flow_bucket(struct location *location, uint64_t connection)
{
	return &location->by_flow[connection % FLOW_BUCKETS];
}

static void entry_unlink(
	struct location *location, struct aor_entry *entry, struct binding *binding)
{
	for (struct binding **at = &entry->bindings; *at != NULL; at = &(*at)->next) {
		if (*at == binding) {
			*at = binding->next;
			location->bindings--;
			if (binding->flow.connection != 0)
				LIST_REMOVE(binding, by_flow);
			free(binding);
			return;
		}
	}
}

struct binding *location_find(struct location *location, struct span aor, uint64_t now_s)
{
	struct aor_entry *entry = entry_find(location, aor);

	if (entry == NULL)
		return NULL;
	for (struct binding *binding = entry->bindings, *next; binding != NULL; binding = next) {
		next = binding->next;
		if (binding->expires_at_s <= now_s)
			entry_unlink(location, entry, binding);
	}
	struct binding *bindings = entry->bindings;
	entry_remove_if_empty(location, entry);
	return bindings;
}

static bool contact_equal(struct span a, struct span b)
{
	struct uri uri_a;
	struct uri uri_b;

	return uri_parse(a.octets, (struct slice){0, (uint16_t)a.length}, &uri_a)
		&& uri_parse(b.octets, (struct slice){0, (uint16_t)b.length}, &uri_b)
		&& uri_equal(a.octets, &uri_a, b.octets, &uri_b);
}

struct binding *location_match(struct binding *bindings, const struct binding *wanted)
{
	for (struct binding *binding = bindings; binding != NULL; binding = binding->next) {
		if (wanted->reg_id != 0 || binding->reg_id != 0) {
			if (binding->reg_id == wanted->reg_id
				&& span_equal(binding->instance, wanted->instance))
				return binding;
		} else if (contact_equal(binding->contact, wanted->contact)) {
			return binding;
		}
	}
	return NULL;
}

static struct span text_keep(uint8_t **at, struct span text)
{
	struct span kept = span_of(*at, text.length);

	if (text.length > 0)
		memcpy(*at, text.octets, text.length);
	*at += text.length;
	return kept;
}

static struct binding *binding_copy(const struct binding *binding)
{
	size_t length = binding->contact.length + binding->parameters.length
		+ binding->instance.length + binding->path.length + binding->call_id.length;
	struct binding *copy = malloc(sizeof(*copy) + length);

	if (copy == NULL)
		return NULL;
	*copy = *binding;
	uint8_t *at = (uint8_t *)(copy + 1);
	copy->contact = text_keep(&at, binding->contact);
	copy->parameters = text_keep(&at, binding->parameters);
	copy->instance = text_keep(&at, binding->instance);
	copy->path = text_keep(&at, binding->path);
	copy->call_id = text_keep(&at, binding->call_id);
	return copy;
}

static unsigned binding_count(const struct binding *binding)
{
	unsigned count = 0;

	for (; binding != NULL; binding = binding->next)
		count++;
	return count;
}

int location_put(struct location *location, struct span aor, struct binding *old,
	const struct binding *binding)
{
	if (binding->contact.length + binding->parameters.length + binding->path.length
			+ binding->call_id.length + binding->instance.length
		> BINDING_TEXT_MAX)
		return -EMSGSIZE;
	struct aor_entry *entry = entry_make(location, aor);
	if (entry == NULL)
		return -ENOMEM;
	if (old == NULL && binding_count(entry->bindings) >= BINDINGS_MAX)
		return -ENOSPC;
	struct binding *copy = binding_copy(binding);
	if (copy == NULL) {
		entry_remove_if_empty(location, entry);
		return -ENOMEM;
	}
	if (old != NULL)
		entry_unlink(location, entry, old);
	copy->next = entry->bindings;
	copy->aor = entry;
	entry->bindings = copy;
	location->bindings++;
	if (copy->flow.connection != 0)
		LIST_INSERT_HEAD(flow_bucket(location, copy->flow.connection), copy, by_flow);
	return 0;
}

struct dead_flow {
	struct span path;
	struct span contact;
	unsigned bindings;
};

static void entry_fail_flow(const void *node, VISIT visit, void *context)
{
	struct aor_entry *entry = *(struct aor_entry *const *)node;
	struct dead_flow *dead = context;

	if (visit != postorder && visit != leaf)
		return;
	for (struct binding *binding = entry->bindings; binding != NULL; binding = binding->next) {
		if (!span_equal(binding->path, dead->path)
			|| (dead->path.length == 0
				&& !contact_equal(binding->contact, dead->contact)))
			continue;
		dead->bindings++;
		binding->failed = true;
		if (dead->path.length == 0)
			binding->expires_at_s = 0; // whoever looks next takes it away
	}
}

unsigned location_fail_flow(struct location *location, struct span path, struct span contact)
{
	struct dead_flow dead = {.path = path, .contact = contact};

	twalk_r(location->root, entry_fail_flow, &dead);
	return dead.bindings;
}

static void binding_close_flow(struct location *location, struct binding *binding)
{
	struct aor_entry *entry = binding->aor;

	if (binding->reg_id != 0) {
		entry_unlink(location, entry, binding);
		entry_remove_if_empty(location, entry);
		return;
	}
	LIST_REMOVE(binding, by_flow);
	binding->flow = (struct hop){0};
}

unsigned location_close_flow(struct location *location, uint64_t connection)
{
	unsigned before = location->bindings;
	struct binding *binding = LIST_FIRST(flow_bucket(location, connection));

	while (binding != NULL) {
		struct binding *next = LIST_NEXT(binding, by_flow);
		if (binding->flow.connection == connection)
			binding_close_flow(location, binding);
		binding = next;
	}
	return before - location->bindings;
}

void location_remove(struct location *location, struct span aor, struct binding *binding)
{
	struct aor_entry *entry = entry_find(location, aor);

	if (entry == NULL)
		return;
	entry_unlink(location, entry, binding);
	entry_remove_if_empty(location, entry);
}

void location_count(const struct location *location, unsigned *aors, unsigned *bindings)
{
	*aors = location->aors;
	*bindings = location->bindings;
}

static int hex_value(uint8_t octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	uint8_t lower = octet_lower(octet);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 3261 section 10.3 step 5: escapes are undone for comparison. Octets that could not stand there plainly stay escaped.
static size_t unescape(struct span text, uint8_t *out)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		uint8_t octet = text.octets[i];
		if (octet == '%' && i + 2 < text.length) {
			int value =
				hex_value(text.octets[i + 1]) << 4 | hex_value(text.octets[i + 2]);
			if (value > ' ' && value < 0x7f && value != '@' && value != '%') {
				octet = (uint8_t)value;
				i += 2;
			}
		}
		out[length++] = octet;
	}
	return length;
}

size_t location_write_aor(const uint8_t *base, const struct uri *uri, uint8_t *out, size_t capacity)
{
	if (!uri->has_user || (size_t)uri->user.length + uri->host.length + 7 > capacity)
		return 0;
	size_t length = unescape(slice_span(base, uri->user), out);
	out[length++] = '@';
	for (uint16_t i = 0; i < uri->host.length; i++)
		out[length++] = octet_lower(base[uri->host.offset + i]);
	if (uri->has_port) {
		char digits[8];
		int count = 0;
		for (unsigned port = uri->port; port > 0; port /= 10)
			digits[count++] = (char)('0' + port % 10);
		out[length++] = ':';
		while (count > 0)
			out[length++] = (uint8_t)digits[--count];
	}
	return length;
}
