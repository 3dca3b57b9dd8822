// dpdk_name.c: a device's name, and the words that its driver must be told.

#include "dpdk_private.h"

#include <rte_bus_pci.h>

#include <stdio.h>

// What a driver must be told to make so many queues, since it makes one otherwise.
struct driver_word {
	const char *driver; // how the name begins
	const char *word;
};

static const struct driver_word queue_words[] = {
	{"net_af_packet", "qpairs"},
	{"eth_af_packet", "qpairs"},
	{"net_af_xdp", "queue_count"},
};

void dpdk_name_cut(const char *name, char cut[DPDK_DEVICE_NAME_MAX])
{
	size_t length = strcspn(name, ",");

	if (length >= DPDK_DEVICE_NAME_MAX)
		length = DPDK_DEVICE_NAME_MAX - 1;
	memcpy(cut, name, length);
	cut[length] = '\0';
}

bool dpdk_name_is_pci(const char *name)
{
	char cut[DPDK_DEVICE_NAME_MAX];
	struct rte_pci_addr address;

	dpdk_name_cut(name, cut);
	return rte_pci_addr_parse(cut, &address) == 0;
}

static bool name_has_word(const char *name, const char *word)
{
	size_t length = strlen(word);

	for (const char *comma = strchr(name, ','); comma != NULL; comma = strchr(comma + 1, ','))
		if (strncmp(comma + 1, word, length) == 0 && comma[1 + length] == '=')
			return true;
	return false;
}

bool dpdk_name_complete(const char *name, unsigned queues, char *out, size_t size)
{
	const size_t count = sizeof(queue_words) / sizeof(queue_words[0]);
	const char *word = NULL;
	int length;

	for (size_t i = 0; i < count; i++)
		if (strncmp(name, queue_words[i].driver, strlen(queue_words[i].driver)) == 0)
			word = queue_words[i].word;
	if (word == NULL || name_has_word(name, word))
		length = snprintf(out, size, "%s", name);
	else
		length = snprintf(out, size, "%s,%s=%u", name, word, queues);
	return length > 0 && (size_t)length < size;
}
