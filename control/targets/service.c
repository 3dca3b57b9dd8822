#include "service.h"

#include <strings.h>

static int srv_compare(const struct dns_srv *a, const struct dns_srv *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	int hosts = strcasecmp(a->host, b->host);
	return hosts != 0 ? hosts : (a->port > b->port) - (a->port < b->port);
}

void service_add(struct service *service, const struct dns_srv *record)
{
	unsigned at = service->count;

	while (at > 0 && srv_compare(record, &service->records[at - 1]) < 0)
		at--;
	if (at == SERVICE_RECORDS_MAX)
		return;
	unsigned last =
		service->count < SERVICE_RECORDS_MAX ? service->count++ : SERVICE_RECORDS_MAX - 1;
	memmove(&service->records[at + 1], &service->records[at],
		(last - at) * sizeof(service->records[0]));
	service->records[at] = *record;
}
