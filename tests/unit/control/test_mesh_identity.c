// Which edge a certificate is of, on the mesh.

#include "certificate_maker.h"
#include "host_openssl.h"
#include "mesh/identity.h"

#include <criterion/new/assert.h>
#include <openssl/err.h>

static struct made_certificate authority, own;

static void setup(void)
{
	const struct made_name name = {GEN_URI, SPAN("urn:weir:edge:1")};

	certificate_make(&authority, NULL, NULL, 0);
	certificate_make(&own, &authority, &name, 1);
}

static void teardown(void)
{
	certificate_drop(&own);
	certificate_drop(&authority);
}

TestSuite(mesh_identity, .init = setup, .fini = teardown);

static SSL_CTX *context_of(const struct made_certificate *made)
{
	char why[256];
	SSL_CTX *context = identity_open(made->certificate_path, made->key_path,
		authority.certificate_path, why, sizeof(why));

	cr_assert(context != NULL, "%s", why);
	return context;
}

// The edge that the server takes the client for; -1: it does not speak with it.
static int shake(SSL_CTX *accepting, SSL_CTX *connecting)
{
	SSL *server = SSL_new(accepting), *client = SSL_new(connecting);
	BIO *one, *other;
	int edge = -1;

	cr_assert(BIO_new_bio_pair(&one, 0, &other, 0) == 1);
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, other, other);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (unsigned turn = 0; turn < 10; turn++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	if (SSL_is_init_finished(server))
		edge = identity_read(server);
	SSL_free(client);
	SSL_free(server);
	ERR_clear_error();
	return edge;
}

static int edge_of(const struct made_name *names, size_t count)
{
	struct made_certificate made;

	certificate_make(&made, &authority, names, count);
	SSL_CTX *accepting = context_of(&own), *connecting = context_of(&made);
	int edge = shake(accepting, connecting);

	SSL_CTX_free(connecting);
	SSL_CTX_free(accepting);
	certificate_drop(&made);
	return edge;
}

Test(mesh_identity, is_the_number_in_the_one_urn_of_an_edge)
{
	const struct made_name names[] = {{GEN_DNS, SPAN("edge3.test")},
		{GEN_URI, SPAN("https://edge3.test")}, {GEN_URI, SPAN("urn:weir:edge:3")},
		{GEN_URI, SPAN("urn:weir:edge:4")}};

	cr_assert(eq(int, edge_of(names, 3), 3));
	cr_assert(eq(int, edge_of(names, 2), 0));
	cr_assert(eq(int, edge_of(names, 4), 0), "two edges");
	cr_assert(eq(int, edge_of(names, 0), 0));
}

Test(mesh_identity, does_not_end_at_a_nul_and_is_nothing_but_digits)
{
	const struct made_name names[] = {{GEN_URI, SPAN("urn:weir:edge:3\0.evil.test")},
		{GEN_URI, SPAN("urn:weir:edge:3\0")}, {GEN_URI, SPAN("urn:weir:edge:\0003")},
		{GEN_URI, SPAN("urn:weir:edge:")}, {GEN_URI, SPAN("urn:weir:edge:256")},
		{GEN_URI, SPAN("urn:weir:edge:+3")}, {GEN_URI, SPAN("urn:weir:edge: 3")},
		{GEN_URI, SPAN("urn:weir:edge:0")}, {GEN_DNS, SPAN("urn:weir:edge:3")}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert(eq(int, edge_of(&names[i], 1), 0), "name %u", i);
}

Test(mesh_identity, is_told_by_tls_1_3_alone_and_by_who_shows_a_certificate_of_the_cluster)
{
	const struct made_name name = {GEN_URI, SPAN("urn:weir:edge:3")};
	struct made_certificate peer, stranger;

	certificate_make(&peer, &authority, &name, 1);
	certificate_make(&stranger, NULL, &name, 1);
	SSL_CTX *accepting = context_of(&own), *connecting = context_of(&peer);
	SSL_CTX *nobody = SSL_CTX_new(TLS_client_method()),
		*other = SSL_CTX_new(TLS_client_method());

	cr_assert(eq(int, shake(accepting, connecting), 3));
	cr_assert(eq(int, shake(accepting, nobody), -1));
	cr_assert(eq(int,
		SSL_CTX_use_certificate_file(other, stranger.certificate_path, SSL_FILETYPE_PEM),
		1));
	cr_assert(eq(
		int, SSL_CTX_use_PrivateKey_file(other, stranger.key_path, SSL_FILETYPE_PEM), 1));
	cr_assert(eq(int, shake(accepting, other), -1));
	SSL_CTX_set_min_proto_version(connecting, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(connecting, TLS1_2_VERSION);
	cr_assert(eq(int, shake(accepting, connecting), -1));
	SSL_CTX_free(nobody);
	SSL_CTX_free(other);
	SSL_CTX_free(connecting);
	SSL_CTX_free(accepting);
	certificate_drop(&stranger);
	certificate_drop(&peer);
}

Test(mesh_identity, leaves_no_record_to_the_kernel_whatever_openssl_cnf_says)
{
	host_openssl_set("KTLS");
	SSL_CTX *context = context_of(&own);

	cr_assert(eq(u64, SSL_CTX_get_options(context) & SSL_OP_ENABLE_KTLS, 0));
	SSL_CTX_free(context);
}
