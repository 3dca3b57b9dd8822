#include "core_role.h"

#include "core.h"
#include "core_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	USERS_MAX = 100000,
	USER_LINE_MAX = 1024,
	SERVICE_ROUTE_MAX = 512,
	CONNECT_MS = 4000, // TCP, and TLS if there is any
	GRACE_MS = 10000, // behind a Flow-Timer
};

struct core_role {
	struct core *core;
	struct trunk_listener listeners[CORE_LISTENERS_MAX];
	struct digest_user *users;
	unsigned user_count;
	char *user_text; // of users-file; the users point into it
	uint8_t sent_by[TRANSPORT_TLS + 1][ENDPOINT_TEXT_MAX]; // by enum transport
	uint8_t service_route[SERVICE_ROUTE_MAX];
};

// "user:password" a line; empty lines and lines that begin with '#' are passed over.
static bool users_parse(struct core_role *role, struct control *control, const char *path)
{
	char *save = NULL;
	unsigned number = 0;

	for (char *line = strtok_r(role->user_text, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		number++;
		if (line[0] == '#' || line[0] == '\r')
			continue;
		if (colon == NULL || colon == line || role->user_count == USERS_MAX) {
			control_fault(control, "E-USERS", "write one user:password a line",
				"%s:%u: not user:password, or more than %d users", path, number,
				USERS_MAX);
			return false;
		}
		char *end = colon + 1 + strcspn(colon + 1, "\r");
		role->users[role->user_count++] = (struct digest_user){
			.name = span_of(line, (size_t)(colon - line)),
			.password = span_of(colon + 1, (size_t)(end - colon - 1)),
		};
	}
	return true;
}

static char *file_read(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	char *text = NULL;

	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &status) == 0)
		text = calloc(1, (size_t)status.st_size + 1);
	if (text != NULL
		&& fread(text, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static bool users_load(struct core_role *role, struct control *control)
{
	const struct config_registrar *registrar = &control->config->registrar;
	size_t capacity = registrar->users_file != NULL ? USERS_MAX : registrar->users.count;

	role->users = calloc(capacity + 1, sizeof(*role->users));
	if (role->users == NULL) {
		control_fault(control, "E-MEMORY", NULL, "out of memory for %zu users", capacity);
		return false;
	}
	if (registrar->users_file == NULL) {
		for (size_t i = 0; i < registrar->users.count; i++)
			role->users[role->user_count++] = (struct digest_user){
				registrar->users.items[i].user, registrar->users.items[i].password};
		return true;
	}
	role->user_text = file_read(registrar->users_file);
	if (role->user_text == NULL) {
		control_fault(control, "E-USERS", "make it readable for weir-control",
			"cannot read users-file %s: %s", registrar->users_file, strerror(errno));
		return false;
	}
	return users_parse(role, control, registrar->users_file);
}

// Of each transport the first listener: its address stands in Vias, and in Record-Route its `advertise`, else the node's name on the usual
// port, else the address again.
static void name_write(struct core_role *role, const struct config *config,
	const struct config_listener *listener, struct own_name *name)
{
	uint8_t *sent_by = role->sent_by[listener->transport];

	if (name->sent_by.length > 0)
		return;
	name->sent_by = span_of(sent_by, endpoint_format(&listener->address, sent_by));
	name->written = name->sent_by;
	if (listener->advertise.text.length > 0)
		name->written = listener->advertise.text;
	else if (listener->address.port == destination_default_port(listener->transport)
		&& config->node.name.length > 0)
		name->written = config->node.name;
}

static void listeners_write(
	struct core_role *role, const struct config *config, struct core_options *options)
{
	for (size_t i = 0; i < config->listeners.count && i < CORE_LISTENERS_MAX; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		role->listeners[options->listener_count++] =
			(struct trunk_listener){.address = listener->address,
				.transport = listener->transport,
				.tls = listener->tls,
				.allow = listener->allow.items,
				.allow_count = listener->allow.count};
		name_write(role, config, listener, &options->names[listener->transport]);
		if (options->client_tls.length == 0)
			options->client_tls = listener->tls;
	}
}

static struct trunk_limits limits_of(const struct config *config)
{
	return (struct trunk_limits){
		.connections = config->streams.connections,
		.per_source = config->streams.per_source,
		.write_octets = config->streams.write_queue_octets,
		.connect_ms = CONNECT_MS,
		.first_ms = config->streams.first_message_ms,
		.header_ms = config->streams.headers_ms,
		.write_ms = config->streams.write_stall_ms,
		.idle_ms = config->streams.idle_ms,
		.keepalive_ms = config->registrar.flow_timer_s * 1000 + GRACE_MS,
	};
}

// The transport of the first listener is the one that its URI needs not say, if that is UDP.
static struct span service_route_write(
	struct core_role *role, const struct config *config, const struct core_options *options)
{
	struct text text = text_begin(role->service_route, sizeof(role->service_route));
	uint8_t transport = config->listeners.items[0].transport;

	text_add(&text, SPAN("<sip:"));
	text_add(&text, options->names[transport].written);
	if (transport != TRANSPORT_UDP)
		text_add(&text,
			transport == TRANSPORT_TCP ? SPAN(";transport=tcp")
						   : SPAN(";transport=tls"));
	text_add(&text, SPAN(";lr>"));
	return text_span(&text);
}

static void options_write(
	struct core_role *role, const struct control *control, struct core_options *options)
{
	const struct config *config = control->config;

	*options = (struct core_options){
		.base = control->base,
		.resolver = control->resolver,
		.listeners = role->listeners,
		.limits = limits_of(config),
		.record_route = config->proxy.record_route,
		.transactions_max = config->proxy.transactions,
		.forks_max = config->proxy.forks,
		.timer_c_ms = config->proxy.timer_c_ms,
		.probe_every_ms = config->proxy.probe_every_ms,
		.probe_down_after = config->proxy.probe_down_after,
		.registrar =
			{
				.realm = config->registrar.realm,
				.domains = config->registrar.domains.items,
				.domain_count = (unsigned)config->registrar.domains.count,
				.min_expires_s = config->registrar.min_expires_s,
				.max_expires_s = config->registrar.max_expires_s,
				.default_expires_s = config->registrar.default_expires_s,
				.nonce_life_s = config->registrar.nonce_life_s,
				.flow_timer_s = config->registrar.flow_timer_s,
				.users = role->users,
				.user_count = role->user_count,
			},
	};
	listeners_write(role, config, options);
	if (config->registrar.service_route)
		options->registrar.service_route = service_route_write(role, config, options);
}

// False: it has been logged why not. *set is NULL where nobody wants one.
static bool certificates_load(const struct control *control, struct tls_set **set)
{
	const struct config *config = control->config;
	struct tls_fault fault = {.what = ""};
	bool wanted = false;

	*set = NULL;
	for (size_t i = 0; i < config->listeners.count; i++)
		wanted |= config->listeners.items[i].tls.length > 0;
	if (!wanted || tls_set_new(config, set, &fault) == 0)
		return true;
	log_event(control->log, LOG_LEVEL_ERROR, "certificates-refused",
		LOG_TEXT("error", fault.what));
	return false;
}

static void bind_complain(const struct control *control, int failed, int status)
{
	const struct config_listener *listener = &control->config->listeners.items[failed];
	uint8_t address[ENDPOINT_TEXT_MAX];
	char place[128];
	size_t length = endpoint_format(&listener->address, address);

	control_fault(control, "E-BIND",
		"is another process there, or is it no address of this host?",
		"cannot bind %.*s/%s (listener %s, %s): %s", (int)length, (char *)address,
		listener->transport == TRANSPORT_UDP ? "udp" : "tcp",
		(const char *)listener->name.octets,
		control_place(control, listener, place, sizeof(place)), strerror(-status));
}

static int core_start(struct core_role *role, struct control *control)
{
	struct core_options options;
	int failed;

	options_write(role, control, &options);
	if (!certificates_load(control, &options.tls))
		return -EINVAL;
	int status = core_open(&options, &role->core, &failed);
	if (status != 0 && failed >= 0)
		bind_complain(control, failed, status);
	else if (status != 0)
		control_fault(
			control, "E-MEMORY", NULL, "cannot start the core: %s", strerror(-status));
	return status;
}

int core_role_open(struct control *control)
{
	struct core_role *role = calloc(1, sizeof(*role));

	control->core = role;
	if (role == NULL) {
		control_fault(control, "E-MEMORY", NULL, "out of memory");
		return -ENOMEM;
	}
	int status = users_load(role, control) ? core_start(role, control) : -EINVAL;
	if (status == 0)
		status = core_status_register(role->core, control->commands);
	if (status != 0)
		core_role_close(control);
	return status;
}

// Who connects from now on is shown what the files hold now; who is connected stays.
void core_role_reload(struct control *control)
{
	struct tls_set *set;

	if (certificates_load(control, &set) && set != NULL)
		core_set_tls(control->core->core, set);
}

void core_role_close(struct control *control)
{
	struct core_role *role = control->core;

	if (role->core != NULL) {
		core_status_unregister(control->commands);
		core_close(role->core);
	}
	free(role->users);
	free(role->user_text);
	free(role);
	control->core = NULL;
}
