// What a configuration file may be, and what is said about one that is not: tests/golden/config holds files and their faults.

#include "config/schema.h"
#include "config_fixture.h"

#include <stdio.h>

enum {
	FILE_OCTETS = 65536,
};

static char *file_read(const char *folder, const char *name, const char *suffix, size_t *length)
{
	char path[512];
	char *octets = malloc(FILE_OCTETS);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	file = fopen(path, "r");
	cr_assert(file != NULL, "%s", path);
	*length = fread(octets, 1, FILE_OCTETS - 1, file);
	octets[*length] = '\0';
	fclose(file);
	return octets;
}

static void expect_faults(const char *name)
{
	char file[64];
	size_t length;
	char *text = file_read(GOLDEN, name, ".yaml", &length);
	char *said;

	snprintf(file, sizeof(file), "%s.yaml", name);
	said = config_say(file, span_of(text, length));
	char *wanted = file_read(GOLDEN, name, ".txt", &length);

	cr_assert(eq(str, said, wanted));
	free(text);
	free(said);
	free(wanted);
}

Test(config, tells_every_fault_of_a_file_at_once_with_place_and_hint)
{
	expect_faults("bad");
}

Test(config, refuses_what_reads_one_way_to_people_and_another_to_programs)
{
	expect_faults("language");
}

Test(config, places_a_syntax_error)
{
	expect_faults("syntax");
}

Test(config, refuses_values_that_are_not_of_their_type_or_beyond_their_limits)
{
	expect_faults("values");
}

Test(config, checks_what_no_single_value_can_tell)
{
	expect_faults("checks");
	expect_faults("sides");
	expect_faults("core");
	expect_faults("streams");
	expect_faults("upstream");
	expect_faults("takeover");
}

Test(config, checks_listeners_on_devices)
{
	expect_faults("devices");
	expect_faults("sockets");
	expect_faults("cpus");
	expect_faults("core_device");
	expect_faults("core_streams");
}

Test(config, makes_one_device_of_each_port_with_a_tap_for_a_card)
{
	struct config *config = config_make(
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: a, side: access, address: 192.0.2.1:5060, driver: dpdk, port: "
		"3B:00.0}\n"
		"  - {name: b, side: access, address: 192.0.2.1:5062, driver: dpdk, port: "
		"0000:3b:00.0}\n"
		"  - {name: c, side: core, address: 10.0.0.1:5060}\n"
		"  - {name: d, side: peer, address: 192.0.2.1:5070, driver: dpdk, port: "
		"'net_af_xdp0,iface=eth0'}\n"
		"  - {name: e, side: core, address: 10.0.0.1:5062, driver: dpdk, port: "
		"0000:3b:00.1, tap: off}\n"
		"cluster: {name: edge.test}\n"
		"upstream: {targets: [sip:10.0.0.9]}\n"
		"dataplane: {workers: 3, cpus: '1,4-5', idle: poll, eal: [-m, '512']}\n");

	cr_assert(config != NULL);
	cr_assert(eq(sz, config->devices.count, 3));
	cr_assert(eq(str, (char *)config->devices.items[0].port.octets, "0000:3b:00.0"));
	cr_assert(eq(str, (char *)config->devices.items[0].tap.octets, "weir0"));
	cr_assert(eq(sz, config->devices.items[1].tap.length, 0));
	cr_assert(eq(sz, config->devices.items[2].tap.length, 0));
	cr_assert(eq(int, config->listeners.items[0].device, 0));
	cr_assert(eq(int, config->listeners.items[1].device, 0));
	cr_assert(eq(int, config->listeners.items[3].device, 1));
	cr_assert(eq(int, config->listeners.items[4].device, 2));
	cr_assert(eq(int, cpus_find(&config->dataplane.cpus, 2), 5));
	cr_assert(eq(int, cpus_find(&config->dataplane.cpus, 3), -1));
	cr_assert(eq(sz, config->dataplane.eal.count, 2));
	config_free(config);
}

Test(config, names_each_key_that_this_release_does_not_serve)
{
	expect_faults("later");
}

Test(config, takes_the_smallest_edge)
{
	struct config *config = config_make(EDGE);

	cr_assert(config != NULL);
	cr_assert(eq(int, config->role, ROLE_EDGE));
	cr_assert(eq(int, config->node.id, 1));
	cr_assert(eq(str, (char *)config->node.name.octets, "edge1.test"));
	cr_assert(eq(sz, config->listeners.count, 3));
	cr_assert(eq(int, config->listeners.items[2].side, SIDE_PEER));
	cr_assert(eq(int, config->listeners.items[2].address.port, 5070));
	cr_assert(eq(int, config->cluster.peers.items[0].id, 2));
	cr_assert(eq(int, config->upstream.targets.items[0].port, 5090));
	cr_assert(eq(str, (char *)config->upstream.targets.items[0].host.octets, "127.0.0.1"));
	config_free(config);
}

Test(config, takes_the_smallest_core)
{
	struct config *config = config_make(CORE);

	cr_assert(config != NULL);
	cr_assert(eq(int, config->role, ROLE_CORE));
	cr_assert(eq(str, (char *)config->registrar.realm.octets, "example.test"));
	cr_assert(eq(str, (char *)config->registrar.users.items[0].password.octets, "secret"));
	cr_assert(not(config->proxy.record_route));
	config_free(config);
}

Test(config, gives_listeners_their_place_as_id_unless_they_have_one)
{
	struct config *config =
		config_make("node: {id: 1, name: edge1.test}\n"
			    "listeners:\n"
			    "  - {name: access, side: access, address: 127.0.0.1:5060, id: 9}\n"
			    "  - {name: core, side: core, address: '[::1]:5080'}\n"
			    "cluster: {name: edge.test}\n"
			    "upstream: {targets: [sip:a.test, 'sip:b.test:5070;transport=udp'], "
			    "default: [sip:a.test]}\n");

	cr_assert(config != NULL);
	cr_assert(eq(int, config->listeners.items[0].id, 9));
	cr_assert(eq(int, config->listeners.items[1].id, 2));
	cr_assert(eq(int, config->listeners.items[1].address.family, ENDPOINT_V6));
	cr_assert(eq(sz, config->upstream.defaults.count, 1));
	cr_assert(eq(int, config->upstream.targets.items[1].transport, TRANSPORT_UDP));
	config_free(config);
}

Test(config, takes_no_listener_id_that_the_tables_do_not_hold)
{
	const char *text =
		"role: core\nnode: {name: core.test}\n"
		"listeners: [{name: core, side: core, address: 127.0.0.1:5090, id: %u}]\n"
		"registrar: {domains: [example.test], users: [{user: bob, password: x}]}\n";
	char with_id[512];

	snprintf(with_id, sizeof(with_id), text, LISTENERS_MAX - 1);
	struct config *config = config_make(with_id);
	cr_assert(config != NULL);
	config_free(config);
	snprintf(with_id, sizeof(with_id), text, LISTENERS_MAX);
	cr_assert(config_make(with_id) == NULL);
}

Test(config, knows_the_line_of_a_member_and_that_a_default_has_none)
{
	struct config *config = config_make(EDGE);

	cr_assert(config != NULL);
	cr_assert(eq(uint, config_line(config, &config->listeners.items[1].address), 4));
	cr_assert(eq(uint, config_line(config, &config->cluster.peers.items[0]), 6));
	cr_assert(eq(uint, config_line(config, &config->log.level), 0));
	config_free(config);
}

Test(config, refuses_a_file_that_is_not_there_empty_or_no_mapping)
{
	struct config_report report = {0};

	cr_assert(config_load("/no/such/file.yaml", &report) == NULL);
	cr_assert(eq(uint, report.errors, 1));
	config_report_free(&report);
	cr_assert(config_make("") == NULL);
	cr_assert(config_make("- a\n") == NULL);
	cr_assert(config_make("---\n" EDGE "---\n" EDGE) == NULL);
	cr_assert(config_make("{[a]: b}") == NULL);
	cr_assert(config_make("[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]") == NULL);
}

Test(config, warns_of_a_registrar_that_believes_everybody_and_goes_on)
{
	static const char text[] =
		"role: core\nnode: {name: core.test}\n"
		"listeners: [{name: core, side: core, address: 127.0.0.1:5090}]\n"
		"registrar: {domains: [example.test]}\n";
	struct config_report report = {0};
	struct config *config = config_read("core.yaml", SPAN(text), &report);

	cr_assert(config != NULL);
	cr_assert(eq(uint, report.errors, 0));
	cr_assert(eq(uint, report.warnings, 1));
	config_free(config);
	config_report_free(&report);
}

// A reader of configurations meets typing errors, torn writes and pasted rubbish; it may refuse, and nothing else.
Test(config, survives_two_thousand_mutated_files)
{
	static const char octets[] = "{}[]:-,&*!|>'\"%@`# \n\t\r\0a1\xc3\xff~";
	size_t length = strlen(EDGE);
	char text[sizeof(EDGE)];
	unsigned refused = 0;

	srand(5626);
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(text, EDGE, length);
		for (int change = 1 + rand() % 3; change > 0; change--)
			text[(size_t)rand() % length] =
				octets[(size_t)rand() % (sizeof(octets) - 1)];
		char *said = config_say("m.yaml", span_of(text, length - (size_t)(rand() % 20)));

		refused += strstr(said, "error:") != NULL;
		free(said);
	}
	cr_assert(gt(uint, refused, 1000));
	cr_assert(lt(uint, refused, 2000));
}

Test(config, has_a_reference_page_that_is_what_the_schema_says)
{
	size_t length;
	char *wanted = file_read(DOCS, "configure", ".md", &length);
	char *made = NULL;
	FILE *stream = open_memstream(&made, &length);

	schema_print_markdown(stream);
	fclose(stream);
	cr_assert(eq(str, made, wanted),
		"make it again: weirctl config schema --markdown > docs/configure.md");
	free(made);
	free(wanted);
}
