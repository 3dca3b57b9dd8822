// service.h: what a search knows of one transport: where its SRV records are, and the best of them, in order.

#pragma once

#include "dns_answer.h"

enum {
	SERVICE_RECORDS_MAX = 32,
};

struct service {
	bool asked;
	bool denied; // a record says that there is none
	unsigned count;
	char name[DNS_NAME_MAX + 1];
	struct dns_srv records[SERVICE_RECORDS_MAX];
};

// Keep it in its place: by priority, weight (the heavier first), host and port. Of more than are kept the best stay.
void service_add(struct service *service, const struct dns_srv *record);
