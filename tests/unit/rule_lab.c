#include "rule_lab.h"

#include "../../dataplane/pipeline/adoption.h"
#include "../../dataplane/pipeline/rule.h"

enum verdict rule_lab_ask(const struct lab *lab, const struct rule_lab_query *query, uint8_t *edge)
{
	struct rule_result result;

	rule_find(&lab->world,
		&(struct rule_query){
			.flow = query->flow,
			.listener = query->listener,
			.uak = query->uak,
			.transport = TRANSPORT_UDP,
			.budget = query->relays,
			.secure_flow = query->secure_flow,
			.parkable = true,
		},
		&result);
	*edge = result.edge;
	return result.verdict;
}

const struct flow *rule_lab_find_source(
	const struct lab *lab, uint8_t listener, const struct endpoint *peer)
{
	return adoption_find_source(
		&lab->world, directory_listener(lab->directory, listener), peer);
}
