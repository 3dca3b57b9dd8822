#include "tls_names.h"

#include <weir/endpoint.h>

#include <openssl/x509v3.h>

// Octets and length, never a C string: a NUL inside must not shorten a name.
static struct span text_of(const ASN1_STRING *string)
{
	return span_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

// The host of "sip:host", without port and parameters; length 0: no identity of a domain (RFC 5922 section 7.1).
static struct span sip_host(struct span uri)
{
	const struct span scheme = SPAN("sip:");
	size_t length = scheme.length;

	if (uri.length < length || !span_equal_nocase(span_of(uri.octets, length), scheme)
		|| memchr(uri.octets, '@', uri.length) != NULL)
		return span_of(NULL, 0);
	while (length < uri.length && memchr(":;?", uri.octets[length], 3) == NULL)
		length++;
	return span_of(uri.octets + scheme.length, length - scheme.length);
}

static bool address_is(const ASN1_OCTET_STRING *octets, const struct endpoint *address)
{
	size_t length = address->family == ENDPOINT_V4 ? 4 : 16;

	return span_equal(text_of(octets), span_of(address->address, length));
}

static bool names_hold_address(const GENERAL_NAMES *names, const struct endpoint *address)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_IPADD && address_is(name->d.iPAddress, address))
			return true;
	}
	return false;
}

// RFC 5922 section 7.1: DNS names count only if there is no `sip` URI that names a domain.
static bool names_hold_host(const GENERAL_NAMES *names, struct span host)
{
	bool by_uri = false, uri = false, dns = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			dns |= span_equal_nocase(text_of(name->d.dNSName), host);
		if (name->type != GEN_URI)
			continue;
		struct span domain = sip_host(text_of(name->d.uniformResourceIdentifier));

		by_uri |= domain.length > 0;
		uri |= domain.length > 0 && span_equal_nocase(domain, host);
	}
	return by_uri ? uri : dns;
}

bool tls_names_cover(X509 *certificate, struct span name)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct endpoint address;
	bool found = false;

	if (names != NULL && name.length > 0)
		found = endpoint_parse_address(name, &address) ? names_hold_address(names, &address)
							       : names_hold_host(names, name);
	GENERAL_NAMES_free(names);
	return found;
}

bool tls_peer_is(const SSL *ssl, struct span name)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);

	return certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK
		&& tls_names_cover(certificate, name);
}
