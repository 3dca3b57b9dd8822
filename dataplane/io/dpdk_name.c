// dpdk_name.c: a device's name, and the words that its driver must be told.

#include "dpdk_private.h"

#include <rte_bus_pci.h>

#include <net/if.h>
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
	struct rte_pci_addr address;

	if (length >= DPDK_DEVICE_NAME_MAX)
		length = DPDK_DEVICE_NAME_MAX - 1;
	memcpy(cut, name, length);
	cut[length] = '\0';
	// "03:00.0" is known as "0000:03:00.0".
	if (rte_pci_addr_parse(cut, &address) == 0)
		rte_pci_device_name(&address, cut, DPDK_DEVICE_NAME_MAX);
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

// The interface's name goes to out; false: none is said.
static bool interface_read(const char *name, char out[IF_NAMESIZE])
{
	const char *at = strstr(name, ",iface=");
	size_t length = at == NULL ? 0 : strcspn(at + 7, ",");

	if (length == 0 || length >= IF_NAMESIZE)
		return false;
	memcpy(out, at + 7, length);
	out[length] = '\0';
	return true;
}

bool dpdk_name_wants_split(const char *name, unsigned workers)
{
	char interface[IF_NAMESIZE];

	return workers > 1 && name_begins(name, "net_af_xdp") && !name_has_word(name, "start_queue")
		&& !name_has_word(name, "queue_count") && interface_read(name, interface)
		&& dpdk_link_separate_queues(interface) >= workers;
}

bool dpdk_name_complete(
	const char *name, const struct dpdk_name_words *words, char out[DPDK_COMPLETE_NAME_MAX])
{
	const char *word = queue_word(name);
	size_t cut = strcspn(name, ",");
	char member_part[16] = "";
	char queue_part[48] = "";
	char program_part[48] = "";
	int length;

	if (words->split && words->member > 0)
		(void)snprintf(member_part, sizeof(member_part), "q%u", words->member);
	if (words->split)
		(void)snprintf(queue_part, sizeof(queue_part), ",start_queue=%u,queue_count=1",
			words->member);
	else if (word != NULL)
		(void)snprintf(queue_part, sizeof(queue_part), ",%s=%u", word, words->queues);
	if (words->program >= 0)
		(void)snprintf(program_part, sizeof(program_part), ",xdp_prog=/proc/self/fd/%d",
			words->program);
	length = snprintf(out, DPDK_COMPLETE_NAME_MAX, "%.*s%s%s%s%s", (int)cut, name, member_part,
		name + cut, queue_part, program_part);
	return length > 0 && length < DPDK_COMPLETE_NAME_MAX;
}
