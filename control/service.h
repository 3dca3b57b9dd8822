// service.h: what the service manager is told (sd_notify): started, reloading, stopping, and what an edge waits for.
//
// An edge counts as started when it serves, so that what is ordered after it finds it so; but after SERVICE_STARTED_BY_S in any
// case: a clock or a dataplane that is missing is not mended by starting weir-control again.

#pragma once

#include "frame/control.h"

enum {
	SERVICE_STARTED_BY_S = 20,
};

struct service {
	struct control *control;
	struct event *limit;
	bool started; // has been told
};

// After the modules. 0 or -ENOMEM.
[[nodiscard]] int service_open(struct service *service, struct control *control);
void service_close(struct service *service);
// Around a reload.
void service_tell_reload(const struct service *service);
void service_tell_reloaded(const struct service *service);
