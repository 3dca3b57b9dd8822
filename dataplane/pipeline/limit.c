#include "limit.h"

#include "../table/bucket.h"

enum {
	SIP_SHORTEST = 20, // below it is a keep-alive (message.h): dropped for the price of a look
	STUN_COOKIE_AT = 4, // RFC 5389 section 6
	STUN_COOKIE = 0x2112a442,
	SHARED_TIMES = 16, // as many messages of a source in shared-flows, for the same price
	LOOKED_THROUGH = 2048, // octets of a message that is looked through for its To-tag
};

// In the order in which they are given up.
enum limit_class {
	LIMIT_DIALOG, // of a dialog, or a transaction that was let in: responses too
	LIMIT_REGISTER, // and STUN, which keeps a registration reachable
	LIMIT_OPENING, // opens a dialog or stands alone; and whatever else it is
};

// Four octets as one number, to be compared at once.
#define START(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static uint32_t octets_read(const uint8_t *octets)
{
	return START(octets[0], octets[1], octets[2], octets[3]);
}

// By its first octets alone: methods that stand in a dialog, or belong to a transaction, by themselves; "SIP/" begins a response.
static enum limit_class class_read(const struct packet *packet)
{
	switch (octets_read(packet->octets)) {
	case START('S', 'I', 'P', '/'):
	case START('A', 'C', 'K', ' '):
	case START('B', 'Y', 'E', ' '):
	case START('C', 'A', 'N', 'C'):
	case START('I', 'N', 'F', 'O'):
	case START('P', 'R', 'A', 'C'):
	case START('U', 'P', 'D', 'A'):
		return LIMIT_DIALOG;
	case START('R', 'E', 'G', 'I'):
		return LIMIT_REGISTER;
	default:
		return octets_read(packet->octets + STUN_COOKIE_AT) == STUN_COOKIE ? LIMIT_REGISTER
										   : LIMIT_OPENING;
	}
}

// What follows the name and its colon on a To line, or nothing.
static struct span to_value(struct span line)
{
	size_t name = line.length > 0 && octet_lower(line.octets[0]) == 't' ? 1 : 0;

	if (name == 1 && line.length > 1 && octet_lower(line.octets[1]) == 'o')
		name = 2;
	while (name > 0 && name < line.length
		&& (line.octets[name] == ' ' || line.octets[name] == '\t'))
		name++;
	if (name == 0 || name == line.length || line.octets[name] != ':')
		return span_of(line.octets, 0);
	return span_of(line.octets + name, line.length - name);
}

static bool value_has_tag(struct span value)
{
	static const uint8_t word[] = {'t', 'a', 'g', '='};

	for (size_t i = 0; i + 1 + sizeof(word) < value.length; i++) {
		size_t same = 0;

		while (value.octets[i] == ';' && same < sizeof(word)
			&& octet_lower(value.octets[i + 1 + same]) == word[same])
			same++;
		if (same == sizeof(word))
			return true;
	}
	return false;
}

// A look, no parser: whoever deceives it spends the rest of their own bucket.
static bool packet_has_to_tag(const struct packet *packet)
{
	size_t length = packet->length < LOOKED_THROUGH ? packet->length : LOOKED_THROUGH;
	struct span left = span_of(packet->octets, length);

	while (left.length > 0) {
		const uint8_t *end = memchr(left.octets, '\n', left.length);
		size_t line = end == NULL ? left.length : (size_t)(end - left.octets) + 1;

		if (value_has_tag(to_value(span_of(left.octets, line))))
			return true;
		left = span_of(left.octets + line, left.length - line);
	}
	return false;
}

static uint64_t now_ns(const struct world *world)
{
	return world->now_ms * 1000000;
}

// What the lower classes leave to those above them.
static uint64_t kept_ns(const struct bucket_size *size, enum limit_class class)
{
	return size->depth_ns / 4 * (unsigned)class;
}

static bool is_behind(const struct world *world, unsigned times)
{
	const struct limits *limits = world->limits;
	uint32_t behind_ms = directory_settings(world->directory)->behind_ms;

	return behind_ms != 0 && limits->full_bursts >= LIMITS_FULL_BURSTS
		&& world->now_ms - limits->full_since_ms >= (uint64_t)behind_ms * times;
}

// Turning away what opens something is mostly enough. What is in a dialog is never turned away: it is what there is room for then.
static bool is_shed(const struct world *world, enum limit_class class)
{
	switch (class) {
	case LIMIT_OPENING:
		return is_behind(world, 1);
	case LIMIT_REGISTER:
		return is_behind(world, 10);
	default:
		return false;
	}
}

// The price of a message of this source.
static struct bucket_size size_of(
	const struct world *world, const struct endpoint *peer, uint32_t per_s, uint32_t burst)
{
	struct bucket_size size = bucket_size_of(per_s, burst);

	if (directory_prefix_listed(world->directory, LINK_PREFIX_SHARED_FLOWS, 0, peer))
		size.cost_ns /= SHARED_TIMES;
	return size;
}

static bool phone_takes(const struct world *world, const struct flow *flow, enum limit_class class)
{
	const struct link_settings *settings = directory_settings(world->directory);
	struct bucket_size size =
		size_of(world, &flow->peer, settings->phone_per_s, settings->phone_burst);

	return flow_spend(flow, &size, kept_ns(&size, class), now_ns(world));
}

// By its own bucket and, a second's worth of which all may take at once, the one of all strangers. What is refused by either pays neither.
static enum verdict stranger_judge(
	const struct world *world, const struct endpoint *peer, enum limit_class class)
{
	const struct link_settings *settings = directory_settings(world->directory);
	struct bucket_size own =
		size_of(world, peer, settings->source_per_s, settings->source_burst);
	struct bucket_size all =
		bucket_size_of(settings->strangers_per_s, settings->strangers_per_s);
	struct source *source = source_find(world->limits->sources, peer, now_ns(world));
	uint64_t *strangers_ns = &world->limits->strangers_ns;

	if (!bucket_has(source->paid_ns, &own, kept_ns(&own, class), now_ns(world)))
		return VERDICT_SOURCE_LIMIT;
	if (!bucket_has(*strangers_ns, &all, kept_ns(&all, class), now_ns(world)))
		return VERDICT_STRANGER_LIMIT;
	bucket_spend(&source->paid_ns, &own, now_ns(world));
	bucket_spend(strangers_ns, &all, now_ns(world));
	return VERDICT_NONE;
}

static enum verdict class_judge(const struct world *world, const struct burst *burst,
	unsigned index, enum limit_class class)
{
	const struct endpoint *peer = &burst->packet[index]->peer;
	const struct flow *flow = burst->source[index];

	if (is_shed(world, class))
		return VERDICT_SHED;
	if (flow != NULL)
		return phone_takes(world, flow, class) ? VERDICT_NONE : VERDICT_PHONE_LIMIT;
	return stranger_judge(world, peer, class);
}

static bool rate_take(struct rate *rate, uint32_t second, uint32_t per_s)
{
	if (rate->second != second)
		*rate = (struct rate){second, 0};
	if (rate->taken >= per_s)
		return false;
	rate->taken++;
	return true;
}

enum verdict limit_judge(const struct world *world, const struct burst *burst, unsigned index)
{
	const struct packet *packet = burst->packet[index];
	enum limit_class class;
	enum verdict verdict;

	if (packet->length < SIP_SHORTEST)
		return VERDICT_NONE;
	class = class_read(packet);
	verdict = class_judge(world, burst, index, class);
	if (verdict == VERDICT_NONE || class == LIMIT_DIALOG)
		return verdict;
	if (class == LIMIT_OPENING && packet_has_to_tag(packet))
		return class_judge(world, burst, index, LIMIT_DIALOG);
	return rate_take(&world->limits->answers, world->now_s,
		       directory_settings(world->directory)->limit_answers_per_s)
		? VERDICT_LIMITED
		: verdict;
}

bool limit_take_refusal(const struct world *world, const struct endpoint *peer)
{
	struct source *source = source_find(world->limits->sources, peer, now_ns(world));

	if (source->second != (uint16_t)world->now_s) {
		source->second = (uint16_t)world->now_s;
		source->refusals = 0;
	}
	if (source->refusals >= directory_settings(world->directory)->refusals_per_s)
		return false;
	source->refusals++;
	return true;
}
