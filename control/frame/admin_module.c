#include "admin_module.h"

#include "../admin/admin.h"
#include "../command/commands.h"

#include <errno.h>
#include <grp.h>

enum {
	CALL_MS = 10000,
	GROUP_OCTETS = 16384,
};

int commands_module_open(struct control *control)
{
	control->commands = commands_new();
	return control->commands == NULL ? -ENOMEM : 0;
}

void commands_module_close(struct control *control)
{
	commands_free(control->commands);
	control->commands = NULL;
}

static int group_find(const struct control *control, const struct span *name, int64_t *id)
{
	char octets[GROUP_OCTETS];
	char place[128];
	struct group group;
	struct group *found = NULL;

	*id = LEVEL_NO_GROUP;
	if (name->length == 0)
		return 0;
	if (getgrnam_r((const char *)name->octets, &group, octets, sizeof(octets), &found) == 0
		&& found != NULL) {
		*id = found->gr_gid;
		return 0;
	}
	control_fault(control, "E-ADMIN-GROUP", "make it with groupadd, or take the key out",
		"there is no group '%s' on this host (%s)", (const char *)name->octets,
		control_place(control, name, place, sizeof(place)));
	return -ENOENT;
}

static int groups_find(const struct control *control, struct level_groups *groups)
{
	const struct config_admin *config = &control->config->admin;
	int status = group_find(control, &config->group, &groups->admin);

	if (status == 0)
		status = group_find(control, &config->operator_group, &groups->operator);
	return status == 0 ? group_find(control, &config->read_group, &groups->view) : status;
}

int admin_module_open(struct control *control)
{
	struct admin_options options = {
		.base = control->base,
		.log = control->log,
		.commands = control->commands,
		.path = control->config->admin.socket,
		.call_ms = CALL_MS,
	};
	char place[128];
	int status = groups_find(control, &options.groups);

	if (status != 0)
		return status;
	status = admin_open(&options, &control->admin);
	if (status != 0)
		control_fault(control, "E-ADMIN-SOCKET",
			status == -EADDRINUSE
				? "another weir-control runs with it; give 'admin: {socket: ...}'"
				: "make its folder, writable for weir-control",
			"cannot open the admin socket %s (%s): %s", options.path,
			control_place(
				control, &control->config->admin.socket, place, sizeof(place)),
			strerror(-status));
	return status;
}

void admin_module_close(struct control *control)
{
	admin_close(control->admin);
	control->admin = NULL;
}
