// devices.c: DPDK, from the words of the link to running devices.

#include "devices.h"

#include "io/io_dpdk.h"
#include "kernel_watch.h"
#include "plane.h"

#include <assert.h>

static_assert((int)LINK_DEVICES_MAX == (int)DPDK_DEVICES_MAX, "devices");
static_assert((int)LINK_DEVICE_NAME_OCTETS == (int)DPDK_DEVICE_NAME_MAX, "names of devices");
static_assert((int)LINK_WORDS_MAX == (int)DPDK_WORDS_MAX, "words of the EAL");
static_assert((int)LINK_MEMORY_HUGE == (int)DPDK_MEMORY_HUGE
		&& (int)LINK_MEMORY_ORDINARY == (int)DPDK_MEMORY_ORDINARY,
	"memory");
static_assert((int)LINK_EXCEPTION_TAP == (int)DPDK_EXCEPTION_TAP, "exceptions");
static_assert(sizeof(((struct link_failed *)0)->what) >= DPDK_COMPLAINT_MAX, "complaints");

bool devices_are_wanted(const struct link_setup *setup)
{
	for (unsigned i = 0; i < setup->listener_count; i++)
		if (setup->listeners[i].listener.driver == LINK_DRIVER_DPDK)
			return true;
	return false;
}

static enum link_step eal_start(const struct link_setup *setup, struct link_failed *failed)
{
	const char *words[LINK_WORDS_MAX];
	const char *names[LINK_DEVICES_MAX];
	char complaint[DPDK_COMPLAINT_MAX];
	const char *word = setup->config.words;

	for (unsigned i = 0; i < setup->config.word_count; i++) {
		words[i] = word;
		word += strlen(word) + 1;
	}
	for (unsigned i = 0; i < setup->device_count; i++)
		names[i] = setup->devices[i].name;
	const struct dpdk_start_options options = {
		.words = words,
		.word_count = setup->config.word_count,
		.devices = names,
		.device_count = setup->device_count,
		.workers = setup->config.workers,
		.memory = setup->config.memory,
	};
	int error = dpdk_start(&options, complaint);

	if (error < 0)
		return link_setup_refuse_device(failed, -error, 0, "%s", complaint);
	return LINK_STEP_WAIT;
}

static enum link_step device_open(
	const struct link_setup *setup, unsigned index, struct link_failed *failed)
{
	const struct link_device *device = &setup->devices[index];
	struct endpoint addresses[LISTENERS_MAX];
	char complaint[DPDK_COMPLAINT_MAX];
	struct dpdk_device_options options = {
		.name = device->name,
		.exception = device->exception,
		.tap = device->tap,
		.workers = setup->config.workers,
		.addresses = addresses,
	};

	for (unsigned i = 0; i < setup->listener_count; i++) {
		const struct link_listener *listener = &setup->listeners[i].listener;

		if (listener->driver == LINK_DRIVER_DPDK && listener->device == index)
			addresses[options.address_count++] = listener->address;
	}
	int opened = dpdk_open_device(&options, complaint);

	if (opened < 0)
		return link_setup_refuse_device(failed, -opened, (uint8_t)index, "%s", complaint);
	assert((unsigned)opened == index);
	return LINK_STEP_WAIT;
}

enum link_step devices_open(const struct link_setup *setup, struct link_failed *failed)
{
	enum link_step step = eal_start(setup, failed);

	for (unsigned i = 0; i < setup->device_count && step == LINK_STEP_WAIT; i++)
		step = device_open(setup, i, failed);
	return step;
}

enum link_step devices_run(struct link_failed *failed)
{
	char complaint[DPDK_COMPLAINT_MAX];
	int error = dpdk_run_devices(complaint);

	if (error < 0)
		return link_setup_refuse_device(failed, -error, 0, "%s", complaint);
	return LINK_STEP_WAIT;
}

enum link_step devices_watch(struct plane *plane, struct link_failed *failed)
{
	struct kernel_device watched[LINK_DEVICES_MAX];
	struct dpdk_device_info info;
	unsigned count = 0;

	for (unsigned i = 0; dpdk_read_device(i, &info); i++)
		if (info.interface != 0)
			watched[count++] = (struct kernel_device){info.interface, (uint8_t)i};
	int error = kernel_watch_open(plane, watched, count, &plane->watch);

	if (error < 0)
		return link_setup_refuse(failed, -error, LINK_SETUP_NO_LISTENER,
			"the kernel's routes cannot be read");
	return LINK_STEP_WAIT;
}

void devices_close(void)
{
	dpdk_stop();
}
