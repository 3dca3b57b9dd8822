// A running configuration takes over what can be changed while running, and says what the rest waits for.

#include "base/log.h"
#include "config/apply.h"
#include "config_fixture.h"

#include <stdio.h>

struct change {
	char key[64];
	bool applied;
};

static struct change changes[16];
static unsigned change_count;

static void note(void *context, const struct schema_row *row, bool applied)
{
	snprintf(changes[change_count].key, sizeof(changes[0].key), "%s", row->path);
	changes[change_count++].applied = applied;
}

static void expect_change(unsigned index, const char *key, bool applied)
{
	cr_assert(lt(uint, index, change_count));
	cr_assert(eq(str, changes[index].key, (char *)key));
	cr_assert(eq(int, changes[index].applied, applied));
}

static struct config *apply(const char *running, const char *fresh)
{
	struct config *config = config_make(running);
	struct config *other = config_make(fresh);

	cr_assert(config != NULL && other != NULL);
	cr_assert(eq(int, config_apply(config, other, note, NULL), 0));
	return config;
}

Test(config_apply, reports_nothing_for_the_same_file)
{
	config_free(apply(EDGE, EDGE));
	cr_assert(eq(uint, change_count, 0));
}

Test(config_apply, puts_live_keys_in_force_and_leaves_the_others)
{
	struct config *config = apply(
		EDGE, EDGE "log: {level: debug}\nkeys: {rotate-every: 1d}\ninside: [10.0.0.0/8]\n");

	cr_assert(eq(uint, change_count, 3));
	expect_change(0, "keys.rotate-every", false);
	expect_change(1, "inside[]", true);
	expect_change(2, "log.level", true);
	cr_assert(eq(int, config->log.level, LOG_LEVEL_DEBUG));
	cr_assert(eq(uint, config->keys.rotate_every_s, 7 * 86400));
	cr_assert(eq(sz, config->inside.count, 1));
	cr_assert(eq(int, config->inside.items[0].address[0], 10));
	config_free(config);
}

Test(config_apply, changes_live_keys_inside_a_list_whose_entries_are_otherwise_the_same)
{
	struct config *config = apply(EDGE,
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: access, side: access, address: 127.0.0.1:5060}\n"
		"  - {name: core, side: core, address: 127.0.0.1:5080, allow: [192.0.2.0/24]}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:5070}\n"
		"cluster: {name: edge.test, listen: 127.0.0.1:7060, peers: [{id: 2, address: "
		"127.0.0.1:7061}]}\n"
		"upstream: {targets: [sip:127.0.0.1:5090]}\n");

	cr_assert(eq(uint, change_count, 1));
	expect_change(0, "listeners[].allow[]", true);
	cr_assert(eq(sz, config->listeners.items[1].allow.count, 1));
	config_free(config);
}

Test(config_apply, takes_a_list_as_a_whole_when_an_entry_needs_a_restart)
{
	struct config *config = apply(EDGE,
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: access, side: access, address: 127.0.0.1:6060}\n"
		"  - {name: core, side: core, address: 127.0.0.1:5080, allow: [192.0.2.0/24]}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:5070}\n"
		"cluster: {name: edge.test, listen: 127.0.0.1:7060, peers: [{id: 2, address: "
		"127.0.0.1:7061}]}\n"
		"upstream: {targets: [sip:127.0.0.1:5090]}\n");

	cr_assert(eq(uint, change_count, 1));
	expect_change(0, "listeners[]", false);
	cr_assert(eq(sz, config->listeners.items[1].allow.count, 0));
	cr_assert(eq(int, config->listeners.items[0].address.port, 5060));
	config_free(config);
}

Test(config_apply, keeps_what_a_thousand_reloads_left_readable)
{
	struct config *config = config_make(EDGE);

	for (unsigned i = 0; i < 1000; i++) {
		change_count = 0;
		struct config *fresh = config_make(i % 2 == 0 ? EDGE "nodes: 1\n" : EDGE);

		if (i % 2 == 0) {
			cr_assert(fresh == NULL);
			fresh = config_make(EDGE "inside: [10.0.0.0/8]\n");
		}
		cr_assert(eq(int, config_apply(config, fresh, note, NULL), 0));
		cr_assert(eq(uint, change_count, 1));
	}
	cr_assert(eq(sz, config->inside.count, 0));
	cr_assert(eq(str, (char *)config->node.name.octets, "edge1.test"));
	config_free(config);
}

Test(config_apply, sees_that_a_password_has_changed)
{
	struct config *config = apply(CORE,
		"role: core\n"
		"node: {name: core.test}\n"
		"listeners: [{name: core, side: core, address: 127.0.0.1:5090}]\n"
		"registrar: {domains: [example.test], users: [{user: bob, password: other}]}\n");

	expect_change(0, "registrar.users[]", false);
	config_free(config);
}
