// check_upstream.c: whether the core can be sent to.

#include "reader.h"

static bool span_is_set(struct span span)
{
	return span.length > 0;
}

static const char *text_of(struct span span)
{
	return span.length > 0 ? (const char *)span.octets : "";
}

static void check_defaults(struct config_reader *reader)
{
	const struct config_upstream *upstream = &reader->config->upstream;

	for (size_t i = 0; i < upstream->defaults.count; i++) {
		const struct config_uri *uri = &upstream->defaults.items[i];
		bool found = false;

		for (size_t j = 0; j < upstream->targets.count; j++)
			found |= span_equal(uri->text, upstream->targets.items[j].text);
		if (span_is_set(uri->text) && !found)
			config_fault(reader, CONFIG_ERROR, uri,
				"write it as it stands under 'targets'",
				"'%s' is none of the targets", text_of(uri->text));
	}
}

// How the core is sent to, as far as the URI says it (RFC 3263 section 4.1); TRANSPORT_NONE: DNS does.
static uint8_t transport_of(const struct config_uri *uri)
{
	struct endpoint address;

	if (uri->transport != TRANSPORT_NONE)
		return uri->transport;
	return uri->port != 0 || endpoint_parse_address(uri->host, &address) ? TRANSPORT_UDP
									     : TRANSPORT_NONE;
}

static const struct config_listener *listener_find(const struct config *config, uint8_t transport)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].side == SIDE_CORE
			&& config->listeners.items[i].transport == transport)
			return &config->listeners.items[i];
	return NULL;
}

static const struct config_tls *tls_find(const struct config *config, struct span name)
{
	for (size_t i = 0; i < config->tls.count; i++)
		if (span_is_set(name) && span_equal(name, config->tls.items[i].name))
			return &config->tls.items[i];
	return NULL;
}

// RFC 5922: whom we have reached is told by a certificate, and by nothing if any authority's will do.
static void check_authority(struct config_reader *reader, const struct config_uri *uri,
	const struct config_listener *listener)
{
	const struct config_tls *tls = tls_find(reader->config, listener->tls);

	if (tls != NULL && tls->ca == NULL)
		config_fault(reader, CONFIG_ERROR, uri,
			"give the tls entry of the core listener a 'ca', the file of the "
			"authorities that vouch for the core",
			"nothing says whom to believe: tls entry '%s' has no 'ca'",
			text_of(tls->name));
}

static void check_target(struct config_reader *reader, const struct config_uri *uri)
{
	static const char *const words[] = {
		[TRANSPORT_UDP] = "udp", [TRANSPORT_TCP] = "tcp", [TRANSPORT_TLS] = "tls"};
	uint8_t transport = transport_of(uri);

	if (!span_is_set(uri->text) || transport == TRANSPORT_NONE)
		return;
	const struct config_listener *listener = listener_find(reader->config, transport);

	if (listener == NULL)
		config_fault(reader, CONFIG_ERROR, uri,
			"give it a listener with 'side: core' and this transport: it is sent to "
			"from there",
			"no core listener speaks %s, so this target cannot be sent to",
			words[transport]);
	else if (transport == TRANSPORT_TLS)
		check_authority(reader, uri, listener);
}

void config_check_upstream(struct config_reader *reader)
{
	const struct config_upstream *upstream = &reader->config->upstream;

	// What is missing is not told from what was refused.
	bool whole = reader->report->errors == 0;

	check_defaults(reader);
	for (size_t i = 0; whole && i < upstream->targets.count; i++)
		check_target(reader, &upstream->targets.items[i]);
}
