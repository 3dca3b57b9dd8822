// The rows of the schema, one by one: their defaults, their limits, and that every row can be read and written.

#include "config/arena.h"
#include "config/cpus.h"
#include "config/device.h"
#include "config/quantity.h"
#include "config/render.h"
#include "config/scalar.h"
#include "config/suggest.h"
#include "config_fixture.h"

#include <stdio.h>

Test(schema, gives_every_default_that_the_page_promises)
{
	struct config *config = config_make(EDGE);

	cr_assert(config != NULL);
	cr_assert(eq(uint, config->cluster.heartbeat_ms, 100));
	cr_assert(eq(uint, config->cluster.suspect_after_ms, 300));
	cr_assert(eq(uint, config->cluster.dead_after_ms, 3000));
	cr_assert(eq(uint, config->keys.rotate_every_s, 7 * 86400));
	cr_assert(eq(str, (char *)config->keys.directory, "/etc/weir/keys"));
	cr_assert(eq(uint, config->flows.flow_timer_udp_s, 28));
	cr_assert(eq(uint, config->flows.flow_timer_stream_s, 120));
	cr_assert(eq(uint, config->flows.park_ms, 20000));
	cr_assert(eq(uint, config->flows.moved_phones_per_s, 20));
	cr_assert(eq(str, (char *)config->store_path, "/var/lib/weir"));
	cr_assert(eq(uint, config->dataplane.workers, 1));
	cr_assert(eq(uint, config->limits.flows, 100000));
	cr_assert(eq(uint, config->limits.message_octets, 16384));
	cr_assert(eq(uint, config->limits.reserved_percent, 10));
	cr_assert(not(config->downgrade_allowed));
	cr_assert(eq(sz, config->upstream.defaults.count, 1));
	cr_assert(eq(uint, config->upstream.probe_down_after, 3));
	config_free(config);
}

static bool row_takes(const struct schema_row *row, const char *text)
{
	_Alignas(max_align_t) uint8_t out[128];
	struct arena *arena = arena_new();
	struct scalar_fault fault;
	bool taken = scalar_read(row, span_of(text, strlen(text)), arena, out, &fault);

	cr_assert(le(sz, row->size, sizeof(out)));
	arena_free(arena);
	return taken;
}

static const struct schema_row *row_of(const char *path)
{
	for (size_t i = 0; i < schema_row_count; i++)
		if (strcmp(schema_rows[i].path, path) == 0)
			return &schema_rows[i];
	cr_fatal("no row %s", path);
}

static void expect_edge(
	const struct schema_row *row, uint64_t number, const char *unit, bool wanted)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)number, unit);
	cr_assert(eq(int, row_takes(row, text), wanted), "%s: %s", row->path, text);
}

Test(schema, takes_every_limit_and_nothing_beyond_it)
{
	static const char *const units[SCHEMA_TYPES] = {[SCHEMA_NUMBER] = "",
		[SCHEMA_OCTETS] = "",
		[SCHEMA_RATE] = "/s",
		[SCHEMA_PERCENT] = "%"};
	unsigned rows = 0;

	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		const char *unit = row->type == SCHEMA_DURATION ? (row->unit == UNIT_S ? "s" : "ms")
								: units[row->type];

		if (unit == NULL || row->size == 0)
			continue;
		expect_edge(row, row->minimum, unit, true);
		expect_edge(row, row->maximum, unit, true);
		expect_edge(row, row->maximum + 1, unit, false);
		if (row->minimum > 0)
			expect_edge(row, row->minimum - 1, unit, false);
		rows++;
	}
	cr_assert(gt(uint, rows, 20));
}

Test(schema, writes_every_default_as_it_reads_it)
{
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		_Alignas(max_align_t) uint8_t out[128];
		struct arena *arena = arena_new();
		struct scalar_fault fault;

		if (row->initial != NULL && row->size > 0) {
			cr_assert(scalar_read(row, span_of(row->initial, strlen(row->initial)),
				arena, out, &fault));
			const char *written = scalar_write(row, out, arena);

			// 120s is written 2m: what is read from it must be the same again.
			_Alignas(max_align_t) uint8_t again[128];

			cr_assert(scalar_read(
				row, span_of(written, strlen(written)), arena, again, &fault));
			cr_assert(row->type == SCHEMA_PATH || row->type == SCHEMA_PATH_OR_OFF
					|| memcmp(out, again, row->size) == 0,
				"%s: %s", row->path, written);
		}
		arena_free(arena);
	}
}

Test(schema, says_something_about_every_key)
{
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		cr_assert(row->flags & SCHEMA_LATER || row->help != NULL, "%s", row->path);
		cr_assert(
			schema_find("", schema_key(row)) != NULL || strchr(row->path, '.') != NULL);
		cr_assert(eq(int,
			strchr(row->path, '[') != NULL && row->path[strlen(row->path) - 1] == ']',
			row->type == SCHEMA_LIST || (row->flags & SCHEMA_MANY) != 0));
	}
}

Test(schema, takes_flags_hosts_and_networks_in_one_spelling)
{
	cr_assert(row_takes(row_of("flows.require-path"), "yes"));
	cr_assert(not(row_takes(row_of("flows.require-path"), "on")));
	cr_assert(row_takes(row_of("node.name"), "2001:db8::1") == false);
	cr_assert(row_takes(row_of("node.name"), "[2001:db8::1]"));
	cr_assert(row_takes(row_of("listeners[].advertise"), "edge.test:5070"));
	cr_assert(not(row_takes(row_of("listeners[].advertise"), "edge.test;lr")));
	cr_assert(row_takes(row_of("inside[]"), "2001:db8::/32"));
	cr_assert(not(row_takes(row_of("inside[]"), "10.0.0.0/8/8")));
	cr_assert(row_takes(row_of("store.path"), "off"));
	cr_assert(not(row_takes(row_of("keys.directory"), "off")));
}

static void expect_device(const char *text, bool wanted)
{
	cr_assert(eq(int, row_takes(row_of("listeners[].port"), text), wanted), "%s", text);
}

Test(schema, takes_pci_addresses_and_virtual_devices_and_nothing_else)
{
	static const char *const right[] = {"0000:3b:00.0", "3B:00.f", "0001:3b:00.0,class=rx",
		"net_null0", "net_ring1", "net_af_xdp0,iface=eth0,start_queue=0",
		"net_pcap0,rx_pcap=/a.pcap,tx_pcap=/b.pcap", "net_tap0,iface=weir0"};
	static const char *const wrong[] = {"", "eth0", "0000:3b:00", "0000:3b:00.0x", "net_",
		"net_null0,", "net_null0,size", "net_null0,=1", "net_null0,size=", "net null0",
		"net_Null0", "net_af_xdp0", "net_af_packet0,size=1",
		"net_af_xdp0,iface=0123456789abcdef", "crypto_null0", "--vdev=net_null0"};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		expect_device(right[i], true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_device(wrong[i], false);
}

Test(schema, takes_a_device_name_of_the_greatest_length_and_no_longer_one)
{
	char text[DEVICE_NAME_MAX + 2];

	memset(text, 'n', sizeof(text));
	memcpy(text, "net_", 4);
	text[DEVICE_NAME_MAX] = '\0';
	expect_device(text, true);
	text[DEVICE_NAME_MAX] = 'n';
	text[DEVICE_NAME_MAX + 1] = '\0';
	expect_device(text, false);
}

Test(device, finds_the_interface_of_the_kernel_in_a_name)
{
	struct span name = SPAN("net_af_xdp0,start_queue=0,iface=eth0,queue_count=2");

	cr_assert(span_equal(device_interface(name), SPAN("eth0")));
	cr_assert(span_equal(device_argument(name, "queue_count"), SPAN("2")));
	cr_assert(eq(sz, device_argument(name, "queue").length, 0));
	cr_assert(span_equal(device_name_base(name), SPAN("net_af_xdp0")));
	cr_assert(eq(sz, device_interface(SPAN("net_tap0,iface=weir0")).length, 0));
	cr_assert(device_is_pci(SPAN("3b:00.0,a=b")));
	cr_assert(not(device_is_pci(name)));
}

static void expect_cpus(const char *text, const char *written)
{
	struct cpus cpus;
	char out[64];

	cr_assert(cpus_read(span_of(text, strlen(text)), &cpus), "%s", text);
	cr_assert(eq(str, (char *)cpus_write(&cpus, out, sizeof(out)), (char *)written));
}

Test(cpus, are_read_and_written_as_numbers_and_ranges)
{
	static const char *const wrong[] = {"", ",", "1,", "-1", "1-", "3-2", "1,1", "2,1", "1-3,3",
		"1024", "0-1024", "a", "1 "};
	struct cpus cpus = {{7}};

	expect_cpus("0", "0");
	expect_cpus("1023", "1023");
	expect_cpus("0-1023", "0-1023");
	expect_cpus("1,2,3,5", "1-3,5");
	expect_cpus("60-70,128", "60-70,128");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert(
			not(cpus_read(span_of(wrong[i], strlen(wrong[i])), &cpus)), "%s", wrong[i]);
	cr_assert(eq(u64, cpus.set[0], 7));
	cr_assert(cpus_read(SPAN("60-70,128"), &cpus));
	cr_assert(eq(uint, cpus_count(&cpus), 12));
	cr_assert(eq(int, cpus_find(&cpus, 11), 128));
}

Test(quantity, refuses_what_is_no_number_or_no_unit)
{
	static const char *const wrong[] = {
		"", "s", "-1s", "+1s", "1 s", "1S", "1ss", "0x1s", "99999999999s", "1.5s", " 1s"};
	uint64_t number = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert(not(quantity_read(
				  span_of(wrong[i], strlen(wrong[i])), duration_units, &number)),
			"%s", wrong[i]);
	cr_assert(eq(u64, number, 7));
	cr_assert(quantity_read(SPAN("4294967295d"), duration_units, &number));
	cr_assert(eq(u64, number, 4294967295ULL * 86400000));
}

Test(suggest, counts_changed_lost_added_and_swapped_letters_as_one_each)
{
	cr_assert(eq(uint, suggest_distance(SPAN("name"), SPAN("name")), 0));
	cr_assert(eq(uint, suggest_distance(SPAN("nmae"), SPAN("name")), 1));
	cr_assert(eq(uint, suggest_distance(SPAN("nam"), SPAN("name")), 1));
	cr_assert(eq(uint, suggest_distance(SPAN("names"), SPAN("name")), 1));
	cr_assert(eq(uint, suggest_distance(SPAN("nome"), SPAN("name")), 1));
	cr_assert(eq(uint, suggest_distance(SPAN(""), SPAN("name")), 4));
}

Test(suggest, names_the_section_that_has_the_key_or_else_the_keys_there_are)
{
	struct arena *arena = arena_new();

	cr_assert(eq(str, (char *)suggest_key(arena, "node", SPAN("heartbeat")),
		"there is 'cluster.heartbeat'"));
	cr_assert(eq(str, (char *)suggest_key(arena, "keys", SPAN("zzzzzz")),
		"known here: directory, rotate-every"));
	arena_free(arena);
}

Test(render, shows_what_the_file_says_or_everything_and_never_a_secret)
{
	struct config *config = config_make(CORE);
	json_t *given = config_render(config, false);
	json_t *all = config_render(config, true);
	char *text = json_dumps(all, 0);

	cr_assert(json_object_get(given, "log") == NULL);
	cr_assert(eq(str,
		(char *)json_string_value(json_object_get(json_object_get(all, "log"), "level")),
		"info"));
	cr_assert(strstr(text, "secret") == NULL);
	cr_assert(strstr(text, "(hidden)") != NULL);
	free(text);
	json_decref(given);
	json_decref(all);
	config_free(config);
}
