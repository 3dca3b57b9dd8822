// What the files of tls entries say of a configuration.

#include "certificate_maker.h"
#include "tls/tls_check.h"

#include <criterion/new/assert.h>

static struct made_certificate made;
static struct config_report report;
static struct config *config;

static void load(const char *certificate, const char *key)
{
	char text[2048];
	int length = snprintf(text, sizeof(text),
		"node: {id: 1, name: edge1.test}\n"
		"listeners:\n"
		"  - {name: access, side: access, address: '127.0.0.1:5060', advertise: "
		"phones.test}\n"
		"  - {name: core, side: core, address: '127.0.0.1:5080', advertise: inner.test}\n"
		"  - {name: peer, side: peer, address: '127.0.0.1:5070'}\n"
		"cluster:\n"
		"  name: edge.test\n"
		"  listen: 127.0.0.1:7060\n"
		"  peers: [{id: 2, name: edge2.test, address: '127.0.0.1:7061'}]\n"
		"upstream: {targets: ['sip:127.0.0.1:5090']}\n"
		"tls:\n"
		"  - {name: public, certificate: %s, key: %s}\n",
		certificate, key);

	config = config_read("weir.yaml", span_of(text, (size_t)length), &report);
	cr_assert(config != NULL);
}

static void setup_names(const struct made_name *names, size_t count)
{
	certificate_make(&made, NULL, names, count);
	load(made.certificate_path, made.key_path);
}

static void teardown(void)
{
	config_free(config);
	config_report_free(&report);
	certificate_drop(&made);
}

TestSuite(tls_check, .fini = teardown);

static bool fault_says(const char *words, unsigned line)
{
	for (const struct config_fault *fault = report.faults; fault != NULL; fault = fault->next)
		if (strstr(fault->message, words) != NULL && fault->mark.line == line)
			return true;
	return false;
}

static void check_access(void)
{
	tls_check_access(config, &report, SPAN("public"), &config->tls.items[0].name);
}

Test(tls_check, finds_nothing_where_every_name_is_there)
{
	const struct made_name names[] = {{GEN_DNS, SPAN("edge.test")},
		{GEN_DNS, SPAN("edge1.test")}, {GEN_DNS, SPAN("edge2.test")},
		{GEN_DNS, SPAN("phones.test")}};

	setup_names(names, 4);
	tls_check_files(config, &report);
	check_access();
	cr_assert(eq(int, (int)report.errors, 0));
}

Test(tls_check, names_every_edge_and_the_cluster_that_the_certificate_lacks)
{
	const struct made_name names[] = {{GEN_DNS, SPAN("edge1.test")}};

	setup_names(names, 1);
	check_access();
	cr_assert(eq(int, (int)report.errors, 3));
	cr_assert(fault_says("'public' does not name 'edge.test'", 12));
	cr_assert(fault_says("'public' does not name 'edge2.test'", 12));
	cr_assert(fault_says("'public' does not name 'phones.test'", 12));
}

Test(tls_check, says_nothing_of_names_in_a_file_that_cannot_be_read)
{
	setup_names(NULL, 0);
	unlink(made.certificate_path);
	check_access();
	cr_assert(eq(int, (int)report.errors, 0));
	tls_check_files(config, &report);
	cr_assert(eq(int, (int)report.errors, 1));
	cr_assert(fault_says("no certificate can be read: No such file", 12)
		|| fault_says("no certificate can be read", 12));
}

Test(tls_check, finds_a_key_that_is_anothers_at_its_line_and_column)
{
	struct made_certificate other;

	setup_names(NULL, 0);
	certificate_make(&other, NULL, NULL, 0);
	config_free(config);
	config_report_free(&report);
	report = (struct config_report){0};
	load(made.certificate_path, other.key_path);
	tls_check_files(config, &report);
	certificate_drop(&other);
	cr_assert(eq(int, (int)report.errors, 1));
	cr_assert(fault_says("key", 12));
	cr_assert(gt(int, (int)report.faults->mark.column, 40));
}

Test(tls_check, loads_no_configuration_whose_files_are_not_there)
{
	char path[64];

	setup_names(NULL, 0);
	file_make(path);
	FILE *file = fopen(path, "w");

	cr_assert(file != NULL);
	fprintf(file,
		"role: core\nnode: {name: core.test}\n"
		"listeners: [{name: core, side: core, address: '127.0.0.1:5080'}]\n"
		"registrar: {domains: [weir.test]}\n"
		"tls: [{name: a, certificate: %s, key: /no/such.key}]\n",
		made.certificate_path);
	fclose(file);
	struct config_report second = {0};

	cr_assert(tls_config_load(path, &second) == NULL);
	cr_assert(eq(int, (int)second.errors, 1));
	config_report_free(&second);
	unlink(path);
}
