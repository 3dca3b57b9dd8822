#include "resolver_module.h"

#include "../base/text.h"
#include "../targets/resolver.h"

enum {
	SERVERS_MAX = 16,
	SERVERS_OCTETS = SERVERS_MAX * (ENDPOINT_TEXT_MAX + 1),
};

// "127.0.0.1:5353,192.0.2.53:53" as c-ares reads it.
static void servers_write(const struct config_resolver *config, char *out)
{
	struct text text = text_begin((uint8_t *)out, SERVERS_OCTETS);

	for (size_t i = 0; i < config->servers.count; i++) {
		uint8_t server[ENDPOINT_TEXT_MAX];

		if (i > 0)
			text_add(&text, SPAN(","));
		text_add(
			&text, span_of(server, endpoint_format(&config->servers.items[i], server)));
	}
	out[text.length] = '\0';
}

int resolver_module_open(struct control *control)
{
	const struct config_resolver *config = &control->config->resolver;
	char servers[SERVERS_OCTETS + 1];
	char place[128];

	servers_write(config, servers);
	int status = resolver_open(
		control->base, config->servers.count > 0 ? servers : NULL, &control->resolver);

	if (status != 0)
		control_fault(control, "E-RESOLVER",
			"give 'resolver: {servers: [...]}', or make /etc/resolv.conf readable",
			"cannot use the DNS servers (%s): %s",
			control_place(control, &config->servers, place, sizeof(place)),
			strerror(-status));
	return status;
}

void resolver_module_close(struct control *control)
{
	resolver_close(control->resolver);
	control->resolver = NULL;
}
