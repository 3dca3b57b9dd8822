#include "core_status.h"

static void put(json_t *section, const char *key, uint64_t count)
{
	json_object_set_new(section, key, json_integer((json_int_t)count));
}

static void put_registrations(json_t *section, struct core *core)
{
	unsigned aors;
	unsigned bindings;

	location_count(core_location(core), &aors, &bindings);
	put(section, "aors_count", aors);
	put(section, "bindings_count", bindings);
	put(section, "registered_count", core_count(core)->registered);
}

static void put_transactions(json_t *section, const struct proxy *proxy)
{
	const struct transactions_counters *counters = proxy_count_transactions(proxy);
	uint32_t transactions;
	uint32_t contexts;

	proxy_measure(proxy, &transactions, &contexts);
	put(section, "transactions_held_count", transactions);
	put(section, "requests_held_count", contexts);
	put(section, "transactions_count", counters->opened);
	put(section, "retransmissions_absorbed_count", counters->absorbed);
	put(section, "retransmissions_sent_count", counters->repeated);
	put(section, "unanswered_count", counters->timed_out);
	put(section, "cancels_sent_count", counters->cancelled);
}

static void put_proxy(json_t *section, const struct proxy *proxy)
{
	const struct proxy_counters *counters = proxy_count(proxy);

	put(section, "requests_count", counters->contexts);
	put(section, "forked_count", counters->forked);
	put(section, "next_flow_count", counters->next_flows);
	put(section, "next_address_count", counters->next_addresses);
	put(section, "flows_failed_count", counters->flows_failed);
	put(section, "large_count", counters->large);
	put(section, "timer_c_count", counters->timer_c);
	put(section, "loops_count", counters->loops);
	put(section, "overloaded_count", counters->overloaded);
	put(section, "strays_count", counters->strays);
}

static void put_connections(json_t *section, const struct trunks_counts *counts)
{
	uint64_t ended = 0;

	for (unsigned i = 0; i < TRUNK_ENDS; i++)
		ended += counts->ended[i];
	put(section, "connections_count", counts->open);
	put(section, "connections_accepted_count", counts->accepted);
	put(section, "connections_opened_count", counts->opened);
	put(section, "connections_refused_count", counts->turned_away);
	put(section, "connections_ended_count", ended);
	put(section, "connections_failed_count",
		counts->ended[TRUNK_END_REFUSED] + counts->ended[TRUNK_END_STRANGER]);
	put(section, "pings_count", counts->pings);
}

static void describe(void *context, json_t *section)
{
	struct core *core = context;
	const struct core_counters *counters = core_count(core);
	const struct proxy_counters *proxy = proxy_count(core_proxy(core));

	put(section, "received_count", counters->received);
	put(section, "sent_count", counters->sent);
	put(section, "refused_count", counters->refused + proxy->refused);
	put(section, "dropped_count", counters->dropped + proxy->dropped);
	put_registrations(section, core);
	put_transactions(section, core_proxy(core));
	put_proxy(section, core_proxy(core));
	put(section, "flows_closed_count", counters->flows_closed);
	put_connections(section, core_count_connections(core));
}

int core_status_register(struct core *core, struct commands *commands)
{
	return commands == NULL ? 0 : commands_register_status(commands, "core", describe, core);
}

void core_status_unregister(struct commands *commands)
{
	if (commands != NULL)
		commands_unregister_status(commands, "core");
}
