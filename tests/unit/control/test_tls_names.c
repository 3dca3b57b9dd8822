// For whom a certificate speaks (RFC 5922 section 7).

#include "certificate_maker.h"
#include "tls/tls_names.h"

#include <criterion/new/assert.h>

#define COVERS(name, ...) \
	covers(SPAN(name), (const struct made_name[]){__VA_ARGS__}, \
		sizeof((const struct made_name[]){__VA_ARGS__}) / sizeof(struct made_name))
#define DNS(text) \
	{ \
		GEN_DNS, SPAN(text) \
	}
#define URI(text) \
	{ \
		GEN_URI, SPAN(text) \
	}
#define IP(text) \
	{ \
		GEN_IPADD, SPAN(text) \
	}

static bool covers(struct span name, const struct made_name *names, size_t count)
{
	static struct made_certificate made;

	if (made.key == NULL)
		made.key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_sign(made.key, NULL, NULL, names, count);
	bool found = tls_names_cover(certificate, name);

	X509_free(certificate);
	return found;
}

Test(tls_names, are_dns_names_in_whole_and_without_case)
{
	cr_assert(COVERS("edge1.test", DNS("other.test"), DNS("Edge1.TEST")));
	cr_assert(not(COVERS("edge1.test", DNS("test"))));
	cr_assert(not(COVERS("edge1.test", DNS("sub.edge1.test"))));
	cr_assert(not(COVERS("edge1.test", DNS("edge1.test."))));
	cr_assert(not(COVERS("", DNS(""))));
}

Test(tls_names, are_never_matched_by_a_wildcard)
{
	cr_assert(not(COVERS("edge1.test", DNS("*.test"))));
	cr_assert(not(COVERS("edge1.test", DNS(".test"))));
	cr_assert(not(COVERS("edge1.test", URI("sip:*.test"))));
}

Test(tls_names, do_not_end_at_a_nul)
{
	cr_assert(not(COVERS("edge1.test", DNS("edge1.test\0.evil.test"))));
	cr_assert(not(COVERS("edge1.test", URI("sip:edge1.test\0.evil.test"))));
	cr_assert(not(COVERS("edge1.test\0", DNS("edge1.test"))));
}

Test(tls_names, are_the_hosts_of_sip_uris_without_a_user)
{
	cr_assert(COVERS("a.test", URI("sip:a.test")));
	cr_assert(COVERS("a.test", URI("SIP:A.test;transport=tls")));
	cr_assert(COVERS("a.test", URI("sip:b.test"), URI("sip:a.test:5061")));
	cr_assert(not(COVERS("a.test", URI("sip:user@a.test"))));
	cr_assert(not(COVERS("a.test", URI("sips:a.test"))));
	cr_assert(not(COVERS("a.test", URI("https://a.test"))));
}

Test(tls_names, of_dns_count_only_where_no_sip_uri_names_a_domain)
{
	cr_assert(not(COVERS("a.test", URI("sip:b.test"), DNS("a.test"))));
	cr_assert(COVERS("a.test", URI("urn:weir:edge:1"), DNS("a.test")));
	cr_assert(COVERS("a.test", URI("sip:user@b.test"), DNS("a.test")));
}

Test(tls_names, of_an_address_are_addresses)
{
	cr_assert(COVERS("192.0.2.1", IP("\xc0\x00\x02\x01")));
	cr_assert(not(COVERS("192.0.2.1", DNS("192.0.2.1"))));
	cr_assert(not(COVERS("192.0.2.1", IP("\xc0\x00\x02\x02"))));
	cr_assert(COVERS("[2001:db8::1]",
		IP("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")));
}

Test(tls_names, are_not_looked_for_in_the_common_name)
{
	cr_assert(not(covers(SPAN("authority.test"), NULL, 0)));
}
