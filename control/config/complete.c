// complete.c: values that stand for keys that were left out and depend on others.

#include "reader.h"

static void complete_listeners(struct config *config)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].id == 0)
			config->listeners.items[i].id = (uint8_t)(i + 1);
}

void config_complete(struct config *config)
{
	complete_listeners(config);
	if (config->upstream.defaults.count == 0) {
		config->upstream.defaults.items = config->upstream.targets.items;
		config->upstream.defaults.count = config->upstream.targets.count;
	}
	if (config->registrar.realm.length == 0 && config->registrar.domains.count > 0)
		config->registrar.realm = config->registrar.domains.items[0];
}
