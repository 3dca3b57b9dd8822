// launch.c: tables, devices, ports, threads, in this order.

#include "launch.h"

#include "confinement.h"
#include "devices.h"
#include "log.h"
#include "plane.h"
#include "ports.h"
#include "telemetry.h"

static enum link_step tables_make(
	const struct link_config *config, struct plane **plane, struct link_failed *failed)
{
	int error = plane_new(config, plane);

	if (error < 0)
		return link_setup_refuse(failed, -error, LINK_SETUP_NO_LISTENER,
			"no tables for %u flows, %u of peers, %u rows and %u workers",
			config->flows_max, config->peer_flows_max, config->rows_max,
			config->workers);
	return LINK_STEP_WAIT;
}

// Routes by the devices' interfaces, and what DPDK's own tools may see.
static enum link_step devices_show(struct plane *plane, struct link_failed *failed)
{
	enum link_step step = devices_run(failed);

	if (step == LINK_STEP_WAIT)
		step = devices_watch(plane, failed);
	if (step == LINK_STEP_WAIT && telemetry_open(plane) < 0)
		log_say("W-TELEMETRY", "DPDK's telemetry does not show what workers count");
	return step;
}

static enum link_step confinement_refuse(struct link_failed *failed, int error)
{
	return link_setup_refuse(failed, -error, LINK_SETUP_NO_LISTENER,
		"capabilities, files or system calls cannot be given up");
}

// Whatever needs a capability or a file has been opened.
static enum link_step threads_begin(struct plane *plane, const struct confinement *confinement,
	bool devices, struct link_failed *failed)
{
	int error = confinement == NULL ? 0 : confinement_begin(confinement);

	if (error < 0)
		return confinement_refuse(failed, error);
	error = plane_start(plane);
	if (error < 0)
		return link_setup_refuse(failed, -error, LINK_SETUP_NO_LISTENER,
			"the workers cannot be started on the processors they were given");
	error = confinement == NULL ? 0 : confinement_finish(confinement, devices);
	if (error == 0)
		return LINK_STEP_WAIT;
	plane_stop(plane);
	return confinement_refuse(failed, error);
}

static enum link_step plane_begin(const struct link_setup *setup, struct plane *plane,
	const struct confinement *confinement, struct link_failed *failed)
{
	bool devices = devices_are_wanted(setup);
	enum link_step step = devices ? devices_open(setup, failed) : LINK_STEP_WAIT;

	if (step == LINK_STEP_WAIT)
		step = ports_open(setup, plane, failed);
	if (step == LINK_STEP_WAIT && devices)
		step = devices_show(plane, failed);
	return step == LINK_STEP_WAIT ? threads_begin(plane, confinement, devices, failed) : step;
}

enum link_step launch_plane(const struct link_setup *setup, const struct confinement *confinement,
	bool *spent, struct plane **plane, struct link_failed *failed)
{
	struct plane *made;
	enum link_step step = tables_make(&setup->config, &made, failed);

	if (step != LINK_STEP_WAIT)
		return step;
	*spent = *spent || devices_are_wanted(setup);
	step = plane_begin(setup, made, confinement, failed);
	if (step == LINK_STEP_WAIT) {
		*plane = made;
		return step;
	}
	telemetry_close();
	plane_free(made);
	return step;
}

void launch_end(struct plane *plane)
{
	plane_stop(plane);
	telemetry_close();
	plane_free(plane);
}
