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

static bool name_begins(const char *name, const char *driver)
{
	return strncmp(name, driver, strlen(driver)) == 0;
}

bool dpdk_name_wants_program(const char *name)
{
	return name_begins(name, "net_af_xdp") && !name_has_word(name, "xdp_prog");
}

static const char *queue_word(const char *name)
{
	const size_t count = sizeof(queue_words) / sizeof(queue_words[0]);

	for (size_t i = 0; i < count; i++)
		if (name_begins(name, queue_words[i].driver)
			&& !name_has_word(name, queue_words[i].word))
			return queue_words[i].word;
	return NULL;
}

bool dpdk_name_complete(
	const char *name, unsigned queues, int program, char out[DPDK_COMPLETE_NAME_MAX])
{
	const char *word = queue_word(name);
	char queue_part[32] = "";
	char program_part[48] = "";
	int length;

	if (word != NULL)
		(void)snprintf(queue_part, sizeof(queue_part), ",%s=%u", word, queues);
	if (program >= 0)
		(void)snprintf(
			program_part, sizeof(program_part), ",xdp_prog=/proc/self/fd/%d", program);
	length = snprintf(out, DPDK_COMPLETE_NAME_MAX, "%s%s%s", name, queue_part, program_part);
	return length > 0 && length < DPDK_COMPLETE_NAME_MAX;
}
