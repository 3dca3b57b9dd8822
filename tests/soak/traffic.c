#include "traffic.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

enum {
	NETWORKS_FROM = 10, // 127.10.0.0 and on
	HOSTS = 250,
	PORTS_FROM = 6000,
	PORTS = 50000,
	NOISE_MAX = 2048,
	STILL_S = 30, // what takes longer will not come
	RATHER = 100, // shares of the kinds are of so many
};

static const unsigned shares[TRAFFIC_KINDS] = {
	[TRAFFIC_REGISTER] = 15,
	[TRAFFIC_INVITE] = 10,
	[TRAFFIC_BYE] = 22,
	[TRAFFIC_KEEPALIVE] = 12,
	[TRAFFIC_STUN] = 8,
	[TRAFFIC_OPTIONS] = 6,
	[TRAFFIC_GONE] = 1,
	[TRAFFIC_NOISE] = 6,
	[TRAFFIC_CORPUS] = 8,
	[TRAFFIC_SPOILT] = 12,
};

// --- Set-up ---

static bool sample_read(struct traffic *traffic, const char *folder, const char *name)
{
	char path[4096];
	static uint8_t octets[65536];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	struct octets *sample = &traffic->samples[traffic->sample_count];

	if (file == NULL)
		return false;
	sample->length = fread(octets, 1, sizeof(octets) - 1, file);
	fclose(file);
	sample->octets = malloc(sample->length + 1);
	if (sample->octets == NULL)
		return false;
	memcpy(sample->octets, octets, sample->length);
	traffic->sample_count++;
	return true;
}

static bool samples_read(struct traffic *traffic, const char *folder)
{
	DIR *files = opendir(folder);
	const struct dirent *file;
	bool fine = files != NULL;

	while (fine && traffic->sample_count < SAMPLES_MAX && (file = readdir(files)) != NULL)
		if (file->d_name[0] != '.')
			fine = sample_read(traffic, folder, file->d_name);
	if (files != NULL)
		closedir(files);
	return fine && traffic->sample_count > 0;
}

// Each in a network of its own, since an edge gives each network a share of its flows.
static void phone_place(struct phone *phone, unsigned index)
{
	*phone = (struct phone){
		.peer = {.address = {127, (uint8_t)(NETWORKS_FROM + (index >> 8)), (uint8_t)index,
				 (uint8_t)(1 + phone->life % HOSTS)},
			.port = (uint16_t)(PORTS_FROM + phone->life / HOSTS % PORTS),
			.family = ENDPOINT_V4},
		.life = phone->life,
	};
}

static void phone_replace(struct traffic *traffic, struct phone *phone)
{
	phone->life++;
	phone_place(phone, (unsigned)(phone - traffic->phones));
}

struct phone *traffic_find_phone(struct traffic *traffic, const struct endpoint *peer)
{
	unsigned index = (peer->address[1] - (unsigned)NETWORKS_FROM) << 8 | peer->address[2];

	return index < PHONES && endpoint_equal(&traffic->phones[index].peer, peer)
		? &traffic->phones[index]
		: NULL;
}

bool traffic_open(struct traffic *traffic, const char *samples)
{
	const struct link_config config = {.workers = 1,
		.flows_max = FLOWS_MAX,
		.peer_flows_max = 64,
		.rows_max = 2 * FLOWS_MAX,
		.edge = 1};

	traffic->random.state = 1;
	for (unsigned i = 0; i < PHONES; i++)
		phone_place(&traffic->phones[i], i);
	if (!samples_read(traffic, samples) || !control_open(traffic)
		|| plane_new(&config, &traffic->plane) != 0)
		return false;
	traffic->port = io_memory_open(traffic->plane->worker[0].wakeup);
	traffic->plane->worker[0].port = traffic->port;
	if (traffic->port == NULL || plane_start(traffic->plane) != 0
		|| session_new(1, 0, &traffic->session) != 0
		|| plane_attach(traffic->plane, traffic->session) != NULL)
		return false;
	fake_attach(&traffic->control, traffic->session->memfd, traffic->session->wakeups[0],
		traffic->plane->keeper.wakeup, traffic->plane->worker[0].wakeup);
	fake_teach(&traffic->control);
	return true;
}

void traffic_close(struct traffic *traffic)
{
	fake_detach(&traffic->control);
	session_release(plane_attach(traffic->plane, NULL));
	plane_stop(traffic->plane);
	plane_free(traffic->plane);
	control_close(traffic);
	for (unsigned i = 0; i < traffic->sample_count; i++)
		free(traffic->samples[i].octets);
}

uint64_t traffic_received(const struct traffic *traffic)
{
	return atomic_load(&traffic->plane->worker[0].counters.received);
}

uint64_t traffic_judged(const struct traffic *traffic)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		sum += atomic_load(&traffic->plane->worker[0].counters.verdicts[i]);
	return sum;
}

// --- Phones and the core ---

static void put(
	struct traffic *traffic, uint8_t listener, const struct endpoint *from, size_t length)
{
	if (io_memory_feed(traffic->port, listener, from, span_of(traffic->text, length)) != 0)
		abort();
	traffic->fed++;
}

// The core learns by what route it reaches the phone that calls.
static void call_note(struct traffic *traffic, const char *text, size_t length)
{
	static const char contact[] = "Contact: <sip:x@127.";
	const char *at = memmem(text, length, contact, sizeof(contact) - 1);
	unsigned a, b, c, port;

	if (at == NULL || sscanf(at + sizeof(contact) - 1, "%u.%u.%u:%u", &a, &b, &c, &port) != 4)
		return;
	const struct endpoint peer = {.address = {127, (uint8_t)a, (uint8_t)b, (uint8_t)c},
		.port = (uint16_t)port,
		.family = ENDPOINT_V4};
	struct phone *phone = traffic_find_phone(traffic, &peer);

	if (phone != NULL && text_call(&phone->call, text, length))
		phone->route_length = text_route(phone->route, text, length);
}

static void answer(struct traffic *traffic, const struct io_memory_sent *sent)
{
	const char *text = (const char *)sent->octets;

	traffic->answered++;
	if (sent->listener == FAKE_PEER)
		return;
	if (sent->listener == FAKE_CORE && sent->length > 7 && memcmp(text, "INVITE ", 7) == 0)
		call_note(traffic, text, sent->length);
	size_t length = text_answer(traffic->text, text, sent->length);

	if (length > 0)
		put(traffic, sent->listener, &sent->peer, length);
}

static bool others_play(struct traffic *traffic)
{
	struct io_memory_sent sent;
	bool played = false;

	while (io_memory_take(traffic->port, &sent)) {
		// As text: searches end at its end.
		char *text = realloc(sent.octets, sent.length + 1);

		if (text == NULL)
			abort();
		text[sent.length] = 0;
		sent.octets = (uint8_t *)text;
		answer(traffic, &sent);
		free(text);
		played = true;
	}
	return played;
}

bool traffic_settle(struct traffic *traffic)
{
	time_t began = time(NULL);
	unsigned quiet = 0;

	while (quiet < 3) {
		bool played = control_play(traffic);

		played |= others_play(traffic);
		bool done = traffic_received(traffic) == traffic->fed + traffic->handed
			&& io_memory_packets_out(traffic->port) == 0;

		quiet = played || !done ? 0 : quiet + 1;
		if (quiet == 0 && !played) {
			if (time(NULL) - began > STILL_S)
				return false;
			sched_yield();
		}
	}
	return true;
}

enum traffic_kind traffic_draw(struct traffic *traffic)
{
	unsigned drawn = random_below(&traffic->random, RATHER);
	unsigned kind = 0;

	while (drawn >= shares[kind])
		drawn -= shares[kind++];
	return (enum traffic_kind)kind;
}

static size_t noise(struct traffic *traffic)
{
	size_t length = random_below(&traffic->random, NOISE_MAX);

	random_fill(&traffic->random, traffic->text, length);
	return length;
}

static size_t sample(struct traffic *traffic)
{
	const struct octets *sample =
		&traffic->samples[random_below(&traffic->random, traffic->sample_count)];

	memcpy(traffic->text, sample->octets, sample->length);
	return sample->length;
}

static size_t kind_write(struct traffic *traffic, const struct phone *phone, enum traffic_kind kind)
{
	uint64_t number = ++traffic->number;

	switch (kind) {
	case TRAFFIC_REGISTER:
		return text_register(traffic->text, phone, number);
	case TRAFFIC_INVITE:
		return text_invite(traffic->text, phone, number);
	case TRAFFIC_BYE:
		return text_bye(traffic->text, phone, number);
	case TRAFFIC_OPTIONS:
		return text_options(traffic->text, phone, number);
	case TRAFFIC_STUN:
		return text_binding(traffic->text, &traffic->random);
	case TRAFFIC_NOISE:
		return noise(traffic);
	case TRAFFIC_CORPUS:
		return sample(traffic);
	default:
		memcpy(traffic->text, "\r\n\r\n", 4);
		return 4;
	}
}

void traffic_feed(struct traffic *traffic, enum traffic_kind kind)
{
	static const enum traffic_kind spoilt[] = {TRAFFIC_REGISTER, TRAFFIC_INVITE, TRAFFIC_BYE,
		TRAFFIC_OPTIONS, TRAFFIC_STUN, TRAFFIC_CORPUS};
	struct phone *phone = &traffic->phones[random_below(&traffic->random, PHONES)];
	const struct endpoint core = fake_endpoint("127.0.0.9:5060");
	enum traffic_kind shape = kind;

	control_tick(traffic);
	if (kind == TRAFFIC_GONE) {
		phone_replace(traffic, phone);
		return;
	}
	if (kind == TRAFFIC_SPOILT)
		shape = spoilt[random_below(&traffic->random, sizeof(spoilt) / sizeof(spoilt[0]))];
	size_t length = kind_write(traffic, phone, shape);

	if (kind == TRAFFIC_SPOILT)
		length = text_spoil(
			traffic->text, length, sizeof(traffic->text) / 2, &traffic->random);
	bool by_core = shape == TRAFFIC_BYE
		|| (shape == TRAFFIC_CORPUS && random_below(&traffic->random, 4) == 0);

	put(traffic, by_core ? FAKE_CORE : FAKE_ACCESS, by_core ? &core : &phone->peer, length);
}
