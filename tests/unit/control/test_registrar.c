// REGISTER as RFC 3261 section 10.3 and RFC 5626 section 6 ask: what is answered, and what is bound afterwards.

#include "core/registrar.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

static const struct span DOMAIN = {(const uint8_t *)"example.test", 12};
static struct registrar registrar;
static const struct gruu_key gruu_key;
static struct message message;
static char datagram[8192];
static char answer[16384]; // the header lines of the last answer
static const struct span ALICE = {(const uint8_t *)"alice@example.test", 18};

#define INSTANCE ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\""
#define PATH_OB "Path: <sip:token@edge1.test;lr;ob>\r\n"
#define OUTBOUND "Supported: path, outbound\r\n"

static struct hop source; // of what registers

static void setup(void)
{
	source = (struct hop){.transport = TRANSPORT_UDP};
	registrar.options = (struct registrar_options){
		.realm = DOMAIN,
		.domains = &DOMAIN,
		.domain_count = 1,
		.min_expires_s = 60,
		.max_expires_s = 7200,
		.default_expires_s = 3600,
		.nonce_life_s = 60,
		.flow_timer_s = 120,
	};
	registrar.location = location_new();
	registrar.gruu_key = &gruu_key;
}

static void teardown(void)
{
	location_free(registrar.location);
}

static unsigned reg(const char *to, unsigned cseq, const char *lines)
{
	struct text headers = text_begin((uint8_t *)answer, sizeof(answer) - 1);
	int length = snprintf(datagram, sizeof(datagram),
		"REGISTER sip:example.test SIP/2.0\r\n"
		"%sVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
		"From: <sip:alice@example.test>;tag=1\r\nTo: <%s>\r\nCall-ID: c1\r\nCSeq: %u "
		"REGISTER\r\n"
		"%sContent-Length: 0\r\n\r\n",
		source.connection != 0 ? "" : "Via: SIP/2.0/UDP edge1.test;branch=z9hG4bK2\r\n", to,
		cseq, lines);

	cr_assert(
		eq(int, message_parse(&message, (uint8_t *)datagram, (size_t)length), MESSAGE_OK));
	unsigned status = registrar_answer(&registrar, &message, &source, 1000, &headers);
	answer[headers.length] = 0;
	return status;
}

static unsigned alice(unsigned cseq, const char *lines)
{
	return reg("sip:alice@example.test", cseq, lines);
}

static unsigned bindings(void)
{
	unsigned n = 0;

	for (struct binding *b = location_find(registrar.location, ALICE, 1000); b != NULL;
		b = b->next)
		n++;
	return n;
}

Test(registrar, binds_a_contact_and_names_it_in_the_answer, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint, alice(1, "Contact: <sip:alice@10.0.0.1:5070>;q=0.5\r\n"), 200));
	cr_assert(eq(uint, bindings(), 1));
	cr_assert(ne(ptr,
		strstr(answer, "Contact: <sip:alice@10.0.0.1:5070>;q=0.5;expires=3600\r\n"), NULL));
}

Test(registrar, keeps_all_parameters_but_expires, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint,
		alice(1,
			OUTBOUND PATH_OB
			"Contact: <sip:alice@10.0.0.1>;expires=300;reg-id=1" INSTANCE "\r\n"),
		200));
	cr_assert(
		ne(ptr, strstr(answer, "<sip:alice@10.0.0.1>;reg-id=1" INSTANCE ";expires=300\r\n"),
			NULL),
		"%s", answer);
	cr_assert(ne(ptr, strstr(answer, "Require: outbound\r\n"), NULL));
	cr_assert(ne(ptr, strstr(answer, "Path: <sip:token@edge1.test;lr;ob>\r\n"), NULL));
}

Test(registrar, answers_a_query_without_changing_anything, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint, alice(1, "Contact: <sip:alice@10.0.0.1>\r\n"), 200));
	cr_assert(eq(uint, alice(2, ""), 200));
	cr_assert(ne(ptr, strstr(answer, "Contact: <sip:alice@10.0.0.1>"), NULL));
	cr_assert(eq(uint, bindings(), 1));
}

Test(registrar, removes_one_contact_or_all, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint, alice(1, "Contact: <sip:a@10.0.0.1>, <sip:a@10.0.0.2>\r\n"), 200));
	cr_assert(eq(uint, alice(2, "Contact: <sip:a@10.0.0.1>;expires=0\r\n"), 200));
	cr_assert(eq(uint, bindings(), 1));
	cr_assert(eq(uint, alice(3, "Contact: *\r\nExpires: 0\r\n"), 200));
	cr_assert(eq(uint, bindings(), 0));
}

Test(registrar, refuses_a_star_that_is_not_alone_or_not_a_removal, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint, alice(1, "Contact: *\r\n"), 400));
	cr_assert(eq(uint, alice(2, "Contact: *\r\nExpires: 10\r\n"), 400));
	cr_assert(eq(uint, alice(3, "Contact: *, <sip:a@10.0.0.1>\r\nExpires: 0\r\n"), 400));
	cr_assert(eq(uint, bindings(), 0));
}

Test(registrar, changes_nothing_when_one_contact_of_several_is_wrong, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(
		uint, alice(1, "Contact: <sip:a@10.0.0.1>, <sip:a@10.0.0.2>;expires=30\r\n"), 423));
	cr_assert(ne(ptr, strstr(answer, "Min-Expires: 60\r\n"), NULL));
	cr_assert(eq(uint, bindings(), 0));
}

Test(registrar, takes_a_retransmission_and_refuses_an_older_request, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(uint, alice(5, "Contact: <sip:a@10.0.0.1>\r\n"), 200));
	cr_assert(eq(uint, alice(5, "Contact: <sip:a@10.0.0.1>\r\n"), 200));
	cr_assert(eq(uint, alice(4, "Contact: <sip:a@10.0.0.1>\r\n"), 500));
	cr_assert(eq(uint, bindings(), 1));
}

Test(registrar, refuses_other_domains_schemes_and_unknown_requirements, .init = setup,
	.fini = teardown)
{
	cr_assert(
		eq(uint, reg("sip:alice@elsewhere.test", 1, "Contact: <sip:a@10.0.0.1>\r\n"), 404));
	cr_assert(eq(uint, reg("tel:+4912345", 2, "Contact: <sip:a@10.0.0.1>\r\n"), 416));
	cr_assert(eq(uint, alice(3, "Require: pref\r\nContact: <sip:a@10.0.0.1>\r\n"), 420));
	cr_assert(ne(ptr, strstr(answer, "Unsupported: pref\r\n"), NULL));
}

Test(registrar, holds_two_flows_of_one_instance, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint,
		alice(1, OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=1" INSTANCE "\r\n"),
		200));
	cr_assert(eq(uint,
		alice(2, OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=2" INSTANCE "\r\n"),
		200));
	cr_assert(eq(uint, bindings(), 2));
	cr_assert(eq(uint,
		alice(3, OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.9>;reg-id=2" INSTANCE "\r\n"),
		200));
	cr_assert(eq(uint, bindings(), 2));
}

Test(registrar, answers_439_when_the_first_hop_cannot_do_outbound, .init = setup, .fini = teardown)
{
	const char *no_ob = "Path: <sip:token@edge1.test;lr>\r\n";
	char lines[512];

	snprintf(lines, sizeof(lines), "%s%sContact: <sip:a@10.0.0.1>;reg-id=1" INSTANCE "\r\n",
		OUTBOUND, no_ob);
	cr_assert(eq(uint, alice(1, lines), 439));
	snprintf(lines, sizeof(lines), "%sContact: <sip:a@10.0.0.1>;reg-id=1" INSTANCE "\r\n",
		no_ob);
	cr_assert(eq(uint, alice(2, lines), 200));
	cr_assert(eq(ptr, strstr(answer, "Require: outbound"), NULL));
}

Test(registrar, refuses_malformed_reg_ids_and_several_contacts_with_one, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(uint,
		alice(1, OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=0" INSTANCE "\r\n"),
		400));
	cr_assert(eq(uint,
		alice(2,
			OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=2147483648" INSTANCE
					 "\r\n"),
		400));
	cr_assert(eq(uint,
		alice(3,
			OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=1" INSTANCE
					 ", <sip:a@10.0.0.2>\r\n"),
		400));
}

Test(registrar, ignores_a_reg_id_without_instance, .init = setup, .fini = teardown)
{
	cr_assert(
		eq(uint, alice(1, OUTBOUND PATH_OB "Contact: <sip:a@10.0.0.1>;reg-id=1\r\n"), 200));
	cr_assert(eq(ptr, strstr(answer, "Require: outbound"), NULL));
}

Test(registrar, challenges_a_known_domain_and_refuses_other_peoples_aors, .init = setup,
	.fini = teardown)
{
	static const struct digest_user bob = {
		{(const uint8_t *)"bob", 3}, {(const uint8_t *)"pw", 2}};

	registrar.options.users = &bob;
	registrar.options.user_count = 1;
	cr_assert(eq(int, digest_key_draw(&registrar.key), 0));
	cr_assert(eq(uint, alice(1, "Contact: <sip:a@10.0.0.1>\r\n"), 401));
	cr_assert(ne(ptr, strstr(answer, "algorithm=SHA-256"), NULL));
	cr_assert(ne(ptr, strstr(answer, "algorithm=MD5"), NULL));
	cr_assert(lt(ptr, strstr(answer, "algorithm=SHA-256"), strstr(answer, "algorithm=MD5")));
}

Test(registrar, gives_an_instance_its_gruus_if_the_phone_knows_what_they_are, .init = setup,
	.fini = teardown)
{
	const char *contact = "Contact: <sip:alice@10.0.0.1>" INSTANCE "\r\n";
	char lines[512];

	cr_assert(eq(uint, alice(1, contact), 200));
	cr_assert(eq(ptr, strstr(answer, "gruu"), NULL));
	snprintf(lines, sizeof(lines), "Supported: gruu\r\n%s", contact);
	cr_assert(eq(uint, alice(2, lines), 200));
	cr_assert(ne(ptr,
			  strstr(answer,
				  ";pub-gruu=\"sip:alice@example.test;gr=urn:uuid:"
				  "00000000-0000-1000-8000-000a95a0e128\";temp-gruu=\"sip:tgruu."),
			  NULL),
		"%s", answer);
	cr_assert(ne(ptr, strstr(answer, "@example.test;gr\";expires="), NULL));
	cr_assert(eq(uint, alice(3, "Supported: gruu\r\nContact: *\r\nExpires: 0\r\n"), 200));
	cr_assert(eq(uint, alice(4, "Supported: gruu\r\nContact: <sip:alice@10.0.0.1>\r\n"), 200));
	cr_assert(eq(ptr, strstr(answer, "gruu"), NULL)); // no instance
}

Test(registrar, keeps_no_gruu_that_a_phone_claims_and_binds_none, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint,
		alice(1,
			"Contact: "
			"<sip:alice@10.0.0.1>;a=\"x;y\";pub-gruu=\"sip:b@example.test;gr=x\""
			";temp-gruu=\"sip:c@example.test;gr\";expires=300;b\r\n"),
		200));
	cr_assert(
		ne(ptr, strstr(answer, "Contact: <sip:alice@10.0.0.1>;a=\"x;y\";b;expires=300\r\n"),
			NULL),
		"%s", answer);
	cr_assert(eq(uint, alice(2, "Contact: <sip:alice@example.test;gr=urn:x>\r\n"), 403));
}

Test(registrar, tells_the_service_route_where_there_is_one, .init = setup, .fini = teardown)
{
	cr_assert(eq(uint, alice(1, "Contact: <sip:alice@10.0.0.1>\r\n"), 200));
	cr_assert(eq(ptr, strstr(answer, "Service-Route"), NULL));
	registrar.options.service_route = SPAN("<sip:core.test;lr>");
	cr_assert(eq(uint, alice(2, "Contact: <sip:alice@10.0.0.1>\r\n"), 200));
	cr_assert(ne(ptr, strstr(answer, "Service-Route: <sip:core.test;lr>\r\n"), NULL));
}

// --- Phones that are connected to us ---

#define CONTACT_1 \
	"Contact: <sip:alice@10.1.1.1;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n"

static void connect_by(uint64_t connection)
{
	source = (struct hop){
		.peer = {.family = ENDPOINT_V4, .address = {10, 1, 1, 1}, .port = 40000},
		.transport = TRANSPORT_TCP,
		.connection = connection};
}

Test(registrar, a_connection_to_us_is_a_flow_and_is_told_its_flow_timer, .init = setup,
	.fini = teardown)
{
	connect_by(7);
	cr_assert(eq(uint, alice(1, OUTBOUND CONTACT_1), 200));
	cr_assert(ne(ptr, strstr(answer, "Require: outbound\r\nFlow-Timer: 120\r\n"), NULL));
	struct binding *binding = location_find(registrar.location, ALICE, 1000);
	cr_assert(eq(uint, binding->reg_id, 1));
	cr_assert(eq(u64, binding->flow.connection, 7));
	cr_assert(binding->flow.flow);
}

Test(registrar, a_connection_that_closes_ends_its_bindings_and_no_others, .init = setup,
	.fini = teardown)
{
	connect_by(7);
	cr_assert(eq(uint, alice(1, OUTBOUND CONTACT_1), 200));
	connect_by(8);
	cr_assert(eq(uint,
		alice(2,
			OUTBOUND
			"Contact: "
			"<sip:alice@10.1.1.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n"),
		200));
	cr_assert(eq(uint, reg("sip:sales@example.test", 1, OUTBOUND CONTACT_1), 200));
	cr_assert(eq(uint, location_close_flow(registrar.location, 7), 1));
	cr_assert(eq(uint, bindings(), 1));
	cr_assert(eq(uint, location_close_flow(registrar.location, 8), 2));
	cr_assert(eq(uint, bindings(), 0));
	unsigned aors, held;
	location_count(registrar.location, &aors, &held);
	cr_assert(eq(uint, aors + held, 0));
}

Test(registrar, a_flow_that_is_registered_anew_lives_by_the_new_connection, .init = setup,
	.fini = teardown)
{
	connect_by(7);
	cr_assert(eq(uint, alice(1, OUTBOUND CONTACT_1), 200));
	connect_by(9);
	cr_assert(eq(uint, alice(2, OUTBOUND CONTACT_1), 200));
	cr_assert(eq(uint, location_close_flow(registrar.location, 7), 0));
	cr_assert(eq(uint, bindings(), 1));
	cr_assert(eq(uint, location_close_flow(registrar.location, 9), 1));
}

Test(registrar, without_a_reg_id_the_contact_outlives_the_connection, .init = setup,
	.fini = teardown)
{
	connect_by(7);
	cr_assert(eq(uint, alice(1, "Contact: <sip:alice@10.1.1.1;transport=tcp>\r\n"), 200));
	cr_assert(eq(ptr, strstr(answer, "outbound"), NULL));
	cr_assert(eq(uint, location_close_flow(registrar.location, 7), 0));
	struct binding *binding = location_find(registrar.location, ALICE, 1000);
	cr_assert(eq(u64, binding->flow.connection, 0));
}

Test(registrar, a_connection_from_a_proxy_is_nobodys_flow, .init = setup, .fini = teardown)
{
	connect_by(7);
	cr_assert(eq(uint, alice(1, PATH_OB OUTBOUND CONTACT_1), 200));
	cr_assert(eq(u64, location_find(registrar.location, ALICE, 1000)->flow.connection, 0));
	cr_assert(eq(ptr, strstr(answer, "Flow-Timer"), NULL));
	// Without a Path its second Via tells.
	cr_assert(eq(uint,
		reg("sip:sales@example.test", 1,
			"Via: SIP/2.0/TCP 10.1.1.1;branch=z9hG4bK0\r\n" OUTBOUND CONTACT_1),
		439));
}
