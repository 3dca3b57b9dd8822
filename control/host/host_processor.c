// host_processor.c: the processor, and whether workers have theirs to themselves.

#include "host_private.h"

#include <weir/link.h>

#include <ctype.h>
#include <stdlib.h>

struct level {
	const char *name;
	const char *flags[8]; // of /proc/cpuinfo
};

// The levels of the x86-64 psABI, by flags that tell them apart.
static const struct level levels[] = {
	{"x86-64-v4", {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}},
	{"x86-64-v3", {"avx2", "bmi1", "bmi2", "fma", "movbe", "f16c"}},
	{"x86-64-v2", {"sse4_2", "ssse3", "popcnt", "cx16"}},
};

// A line of /proc/cpuinfo: what stands behind "key\t: ". Empty: there is none.
static const char *line_find(char *text, const char *key)
{
	size_t length = strlen(key);

	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');
		const char *colon = strchr(line, ':');

		if (strncmp(line, key, length) == 0 && (line[length] == '\t' || line[length] == ' ')
			&& colon != NULL && (end == NULL || colon < end))
			return colon + 1 + (colon[1] == ' ');
		line = end == NULL ? NULL : end + 1;
	}
	return "";
}

static bool flags_have(const char *flags, const char *flag)
{
	size_t length = strlen(flag);
	size_t line = strcspn(flags, "\n");

	for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += length)
		if ((at == flags || at[-1] == ' ')
			&& (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
			return (size_t)(at - flags) < line;
	return false;
}

static bool level_fits(const struct level *level, const char *flags)
{
	for (unsigned i = 0; i < 8 && level->flags[i] != NULL; i++)
		if (!flags_have(flags, level->flags[i]))
			return false;
	return true;
}

static const char *level_find(const char *flags)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (level_fits(&levels[i], flags))
			return levels[i].name;
	return flags[0] == '\0' ? "not x86-64" : "x86-64";
}

static void check_instructions(struct host *host)
{
	char text[HOST_CPUINFO_MAX];

	if (!host_read(host, text, sizeof(text), "/proc/cpuinfo")) {
		host_tell(host, "processor", HOST_ADVICE, NULL, "/proc/cpuinfo cannot be read");
		return;
	}
	const char *flags = line_find(text, "flags");
	const char *name = line_find(text, "model name");
	bool aes = flags_have(flags, "aes");
	bool steady = flags_have(flags, "constant_tsc") && flags_have(flags, "nonstop_tsc");
	bool runs = flags_have(flags, "sse4_2");
	enum host_state state = HOST_OK;

	if (!aes || !steady)
		state = HOST_ADVICE;
	if (!runs && flags[0] != '\0')
		state = host_wants_devices(host) ? HOST_MISSING : HOST_ADVICE;
	host_tell(host, "processor", state,
		!runs ? "take another processor: DPDK needs SSE4.2"
		      : "let a virtual machine have the host's processor (cpu host-passthrough)",
		"%.*s: %s, %s AES, %s clock", (int)strcspn(name, "\n"), name, level_find(flags),
		aes ? "with" : "without", steady ? "steady" : "unsteady");
}

static void check_online(struct host *host)
{
	char text[HOST_TEXT_MAX];
	char wanted[HOST_TEXT_MAX];
	struct cpus online;
	const struct cpus *cpus = host->config == NULL ? NULL : &host->config->dataplane.cpus;

	if (cpus == NULL || cpus_count(cpus) == 0)
		return;
	if (!host_read(host, text, sizeof(text), "/sys/devices/system/cpu/online")
		|| !cpus_read(span_of(text, strlen(text)), &online))
		return;
	bool all = true;

	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
		all = all && (!cpus_has(cpus, cpu) || cpus_has(&online, cpu));
	cpus_write(cpus, wanted, sizeof(wanted));
	host_tell(host, "cpus", all ? HOST_OK : HOST_MISSING,
		host_text(host, "dataplane: {cpus: ...} of these: %s", text),
		"%s %s of those that run (%s)", wanted, all ? "are" : "are not all", text);
}

// Whether the workers' processors are kept free of everything else.
static void check_isolation(struct host *host)
{
	char text[HOST_TEXT_MAX] = "";
	char wanted[HOST_TEXT_MAX];
	struct cpus isolated = {0};
	bool poll = host_wants_devices(host) && host->config->dataplane.idle == LINK_IDLE_POLL;

	if (host_read(host, text, sizeof(text), "/sys/devices/system/cpu/isolated")
		&& !cpus_read(span_of(text, strlen(text)), &isolated))
		isolated = (struct cpus){0};
	if (!poll) {
		host_tell(host, "isolated", HOST_OK, NULL, "%s%s", text[0] == '\0' ? "none" : text,
			host_wants_devices(host) ? ", and idle workers sleep" : "");
		return;
	}
	const struct cpus *cpus = &host->config->dataplane.cpus;

	if (cpus_count(cpus) == 0) {
		host_tell(host, "isolated", HOST_ADVICE,
			"give each worker a processor of its own: dataplane: {cpus: 2-3}",
			"workers never sleep, and share their processors with others");
		return;
	}
	bool all = true;

	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
		all = all && (!cpus_has(cpus, cpu) || cpus_has(&isolated, cpu));
	cpus_write(cpus, wanted, sizeof(wanted));
	host_tell(host, "isolated", all ? HOST_OK : HOST_ADVICE,
		host_text(host,
			"add isolcpus=%s nohz_full=%s rcu_nocbs=%s to the kernel's command line, "
			"reboot",
			wanted, wanted, wanted),
		"%s; workers that never sleep are on %s", text[0] == '\0' ? "none" : text, wanted);
}

struct governing {
	const struct host *host;
	unsigned scaled;
	unsigned saving; // not "performance"
	char name[32]; // of one that saves
};

static void governor_count(void *context, const char *name)
{
	struct governing *governing = context;
	char text[HOST_TEXT_MAX];

	if (strncmp(name, "cpu", 3) != 0 || !isdigit((unsigned char)name[3])
		|| !host_read(governing->host, text, sizeof(text),
			"/sys/devices/system/cpu/%s/cpufreq/scaling_governor", name))
		return;
	governing->scaled++;
	if (strcmp(text, "performance") == 0)
		return;
	governing->saving++;
	snprintf(governing->name, sizeof(governing->name), "%.31s", text);
}

static void check_governor(struct host *host)
{
	struct governing governing = {.host = host};

	host_walk(host, "/sys/devices/system/cpu", governor_count, &governing);
	if (governing.scaled == 0)
		host_tell(host, "governor", HOST_OK, NULL, "this host scales no frequency");
	else if (governing.saving == 0)
		host_tell(host, "governor", HOST_OK, NULL, "performance");
	else
		host_tell(host, "governor", HOST_ADVICE, "cpupower frequency-set -g performance",
			"%s on %u of %u processors", governing.name, governing.saving,
			governing.scaled);
}

void host_check_processor(struct host *host)
{
	check_instructions(host);
	check_online(host);
	check_isolation(host);
	check_governor(host);
}
