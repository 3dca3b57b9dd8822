// control.h: the frame of weir-control: what every module finds, and the order in which modules start.
//
// A module is opened with everything before it in control_modules open, and closed in the reverse order. It keeps a pointer to
// itself in struct control from open to close, and finds others there. All of them run on one libevent loop.

#pragma once

#include "../base/log.h"
#include "../config/apply.h"
#include "../config/config.h"

#include <event2/event.h>
#include <stdint.h>

struct commands;
struct answers;
struct admin;
struct edge_source;
struct resolver;
struct core_role;
struct upstream;
struct token_keys;
struct store;
struct link_client;
struct mesh;
struct edge;

struct control {
	struct event_base *base;
	struct log *log;
	// Stays where it is while the process lives; live keys change in place.
	struct config *config;
	const char *config_path;
	uint64_t started_ms; // monotonic
	uint64_t wall_started_ms;
	bool ready; // traffic is served: control_set_ready()
	const char *waits_for; // what it waits for, for people; NULL: ready
	void (*ready_changed)(void *context); // NULL: nobody asks
	void *ready_context;

	// One a module, NULL while it is closed.
	struct commands *commands; // control/command/commands.h: handlers are registered here
	struct resolver *resolver;
	struct core_role *core; // role: core
	struct upstream *upstream;
	struct token_keys *token_keys;
	struct store *store;
	struct link_client *link;
	struct mesh *mesh;
	struct edge *edge; // flows, registration and the directory
	const struct edge_source *source; // source.h: what commands show of the edge
	struct answers *answers;
	struct admin *admin;
};

enum control_roles {
	CONTROL_EDGE = 1,
	CONTROL_CORE = 2,
};

struct control_module {
	const char *name;
	unsigned roles; // enum control_roles
	// 0; or a negative errno after control_fault() has said why.
	int (*open)(struct control *control);
	void (*close)(struct control *control);
	// Keys that apply live have changed; may be NULL.
	void (*reload)(struct control *control);
};

extern const struct control_module control_modules[];
extern const size_t control_module_count;

// Open all modules of the role. 0, or a negative errno and none is open.
[[nodiscard]] int control_open(struct control *control);
void control_close(struct control *control);
// Read the file again. A file with faults changes nothing: 0 or -EINVAL, and the log says what. changed may be NULL.
int control_reload(struct control *control, config_changed *changed, void *context);

// Whoever knows says that traffic is served (NULL), or what that waits for: text that stays.
void control_set_ready(struct control *control, const char *waits_for);

// Tell an operator why this process cannot start or go on as configured: "weir-control: WHAT", the hint, and the id, which is a
// heading of docs/errors.md. hint may be NULL. Control goes on or ends as the caller decides.
void control_fault(const struct control *control, const char *id, const char *hint,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
// Writes "weir.yaml:8" for a member of the configuration, "weir.yaml" if it has its default there. Returns out.
const char *control_place(
	const struct control *control, const void *member, char *out, size_t capacity);
