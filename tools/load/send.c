// send.c: messages at a rate.

#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sender {
	const struct load_options *options;
	struct load_templates templates;
	int socket;
	uint64_t sent;
	struct mmsghdr messages[LOAD_BURST];
	struct iovec vectors[LOAD_BURST];
};

// A burst of different templates: one that stands in it twice would carry one number twice.
static unsigned burst_fill(struct sender *sender, uint64_t wanted)
{
	size_t templates = sender->templates.count;
	unsigned count = templates < LOAD_BURST ? (unsigned)templates : LOAD_BURST;

	if (wanted < count)
		count = (unsigned)wanted;
	for (unsigned i = 0; i < count; i++) {
		uint64_t number = sender->sent + i;
		struct load_template *template = &sender->templates.items[number % templates];

		load_number_write(template, number);
		sender->vectors[i] = (struct iovec){template->octets, template->length};
		sender->messages[i].msg_hdr = (struct msghdr){
			.msg_name = (void *)&sender->options->to,
			.msg_namelen = sizeof(sender->options->to),
			.msg_iov = &sender->vectors[i],
			.msg_iovlen = 1,
		};
	}
	return count;
}

// What the kernel has no room for is not sent, and its number is used by the next one.
static int burst_send(struct sender *sender, uint64_t wanted)
{
	unsigned count = burst_fill(sender, wanted);
	int sent = sendmmsg(sender->socket, sender->messages, count, 0);

	if (sent < 0)
		return errno == ENOBUFS || errno == EAGAIN || errno == ECONNREFUSED ? 0 : -errno;
	sender->sent += (uint64_t)sent;
	return 0;
}

static int sender_run(struct sender *sender)
{
	const struct load_options *options = sender->options;
	uint64_t begin = load_clock_ns(CLOCK_MONOTONIC);
	uint64_t length = (uint64_t)(options->seconds * 1e9);
	uint64_t passed;
	int error = 0;

	while (error == 0 && sender->sent < LOAD_NUMBERS_MAX - LOAD_BURST
		&& (passed = load_clock_ns(CLOCK_MONOTONIC) - begin) < length) {
		uint64_t due = options->rate == 0
			? UINT64_MAX
			: (uint64_t)((double)passed * (double)options->rate / 1e9) + 1;

		if (due > sender->sent)
			error = burst_send(sender, due - sender->sent);
	}
	printf("{\"sent\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
		(unsigned long long)sender->sent,
		(double)(load_clock_ns(CLOCK_MONOTONIC) - begin) / 1e9,
		(double)load_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
	return error;
}

int load_send(const struct load_options *options)
{
	struct sender sender = {.options = options};
	int error = load_templates_read(options->templates, &sender.templates);

	if (error < 0)
		return error;
	sender.socket = load_socket_open(&options->from);
	error = sender.socket < 0 ? sender.socket : sender_run(&sender);
	if (sender.socket >= 0)
		close(sender.socket);
	load_templates_free(&sender.templates);
	return error;
}
