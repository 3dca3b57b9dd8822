// golden_player.c: golden files, played line by line.

#include "golden_player.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>

struct player {
	const struct golden_way *way;
	struct lab *lab;
	const char *file;
	unsigned line;
	FILE *stream;
	struct golden_transaction transaction;
	struct flow_record record; // being collected
	bool has_record;
	struct grant grant;
	bool played; // a message is in the burst, decided, and not dealt with
	bool unseen; // it leaves, and no `out` has looked at it
	char text[GOLDEN_TEXT_MAX];
	uint8_t expanded[GOLDEN_TEXT_MAX + 4096];
};

static struct player player;

static void fail(const char *what)
{
	cr_fatal("%s:%u: %s", player.file, player.line, what);
}

static bool line_read(char *line, size_t capacity)
{
	if (fgets(line, (int)capacity, player.stream) == NULL)
		return false;
	line[strcspn(line, "\n")] = 0;
	player.line++;
	return true;
}

// Up to the line with a single dot; every line ends in CRLF.
static size_t message_read(void)
{
	static char line[8192];
	size_t at = 0;

	while (line_read(line, sizeof(line)) && strcmp(line, ".") != 0)
		at += (size_t)snprintf(player.text + at, sizeof(player.text) - at, "%s\r\n", line);
	return golden_expand(player.lab, &player.transaction, player.text, at, player.expanded);
}

static uint8_t listener_read(const char *word)
{
	static const char *const names[] = {"", "access", "core", "peer", "access6", "core6", "tcp",
		"tls", "wss", "core-tcp", "core-tls", "taken"};

	for (uint8_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	fail("no such listener");
	return 0;
}

static enum origin origin_read(const char *word)
{
	static const char *const names[] = {
		"wire", "grant", "refuse", "return", "control", "stream"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0)
			return (enum origin)i;
	fail("no such origin");
	return ORIGIN_WIRE;
}

static void record_flush(void)
{
	if (player.has_record)
		lab_put(player.lab, &player.record);
	player.has_record = false;
}

static void flow_read(const char *line)
{
	char value[128];

	record_flush();
	player.has_record = true;
	player.record =
		(struct flow_record){.id = {(uint8_t)golden_number(line, "edge", 1),
					     (uint32_t)golden_number(line, "slot", 0),
					     (uint32_t)golden_number(line, "generation", 0)},
			.state = FLOW_LIVE,
			.listener = (uint8_t)golden_number(line, "listener", 1),
			.flags = golden_number(line, "shared", 0) != 0 ? FLOW_SHARED : 0};
	player.record.transport = (uint8_t)lab_transport(player.record.listener);
	if (golden_attribute(line, "peer", value, sizeof(value)))
		player.record.peer = lab_endpoint(value);
	if (golden_attribute(line, "state", value, sizeof(value)))
		player.record.state = strcmp(value, "live") == 0 ? FLOW_LIVE
			: strcmp(value, "doubtful") == 0         ? FLOW_DOUBTFUL
								 : FLOW_GONE;
}

static void row_read(const char *line)
{
	char name[64];
	char contact[128];
	struct row *row = &player.record.rows[player.record.row_count++];

	sscanf(line, "row %63s", name);
	*row = (struct row){.uak = lab_uak(player.lab, name),
		.aor = lab_aor(player.lab, name),
		.instance = lab_instance(player.lab, name),
		.committed_at_ms = golden_number(line, "committed", 1),
		.expires_at_s = (uint32_t)golden_number(line, "expires", LAB_NOW_S + 600),
		.reg_id = (uint32_t)golden_number(line, "reg", 1),
		.superseded = golden_number(line, "superseded", 0) != 0};
	if (golden_attribute(line, "contact", contact, sizeof(contact)))
		row->contact = lab_contact(player.lab, contact);
}

static enum transport transport_read(const char *word)
{
	static const char *const names[] = {"", "udp", "tcp", "tls"};

	for (unsigned i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0)
			return (enum transport)i;
	fail("no such transport");
	return TRANSPORT_NONE;
}

static void target_read(const char *line)
{
	struct lab *lab = player.lab;
	char host[LINK_NAME_MAX + 1];
	char address[64];
	char transport[8];

	if (sscanf(line, "target %255s %63s %7s", host, address, transport) != 3
		|| lab->target_count == LAB_TARGETS_MAX)
		fail("no target");
	struct link_target *target = &lab->targets[lab->target_count++];

	*target = (struct link_target){.endpoint = lab_endpoint(address),
		.transport = (uint8_t)transport_read(transport),
		.slot = (uint32_t)golden_number(line, "slot", 0),
		.generation = (uint32_t)golden_number(line, "generation", 0),
		.healthy = (uint8_t)golden_number(line, "healthy", 1),
		.balanced = (uint8_t)golden_number(line, "balanced", 1),
		.alias = (uint8_t)golden_number(line, "alias", 0),
		.host_length = (uint8_t)strlen(host),
		.identity = lab->target_count};
	memcpy(target->host, host, strlen(host));
	lab_rebuild(lab);
}

static void peer_read(const char *line)
{
	unsigned edge;
	char state[16];
	uint64_t lost = golden_number(line, "lost", 0);

	sscanf(line, "peer %u %15s", &edge, state);
	lab_set_peer(player.lab, (uint8_t)edge,
		strcmp(state, "up") == 0                ? PEER_UP
			: strcmp(state, "suspect") == 0 ? PEER_SUSPECT
							: PEER_DEAD,
		lost == 0 ? 0 : LAB_NOW_MS - lost);
}

static void complete_read(const char *line)
{
	char who[16];
	char what[16];
	bool yes;

	sscanf(line, "complete %15s %15s", who, what);
	yes = strcmp(what, "yes") == 0;
	if (strcmp(who, "own") == 0)
		atomic_store(&player.lab->peers.own_complete, yes);
	else
		atomic_store(&player.lab->peers.edge[atoi(who)].complete, yes);
}

static void address_read(const char *line)
{
	char listener[16];
	char what[16];

	sscanf(line, "address %15s %15s", listener, what);
	lab_set_address(player.lab, listener_read(listener), strcmp(what, "here") == 0,
		golden_number(line, "for", 0));
}

static void heard_read(const char *line)
{
	const struct flow *flow = flow_find(player.lab->flows,
		(struct flow_id){(uint8_t)golden_number(line, "edge", 1),
			(uint32_t)golden_number(line, "slot", 0),
			(uint32_t)golden_number(line, "generation", 0)});

	if (flow == NULL)
		fail("no such flow");
	flow_hear(flow, false, LAB_NOW_MS - golden_number(line, "ago", 0));
}

static void takeover_read(void)
{
	player.lab->takeover = true;
	lab_rebuild(player.lab);
}

static void setting_read(const char *line)
{
	char key[32];
	unsigned value;
	struct link_settings *settings = &player.lab->settings;

	sscanf(line, "setting %31s %u", key, &value);
	if (strcmp(key, "draining") == 0)
		settings->draining = (uint8_t)value;
	else if (strcmp(key, "require_path") == 0)
		settings->require_path = (uint8_t)value;
	else if (strcmp(key, "downgrade") == 0)
		settings->downgrade = (uint8_t)value;
	else if (strcmp(key, "moved_per_s") == 0)
		settings->moved_per_s = (uint16_t)value;
	else
		fail("no such setting");
	lab_rebuild(player.lab);
}

static void grant_read(const char *line)
{
	char name[64];

	player.grant = (struct grant){.slot = (uint32_t)golden_number(line, "slot", 0),
		.generation = (uint32_t)golden_number(line, "generation", 0),
		.tag = (uint32_t)golden_number(line, "tag", 0),
		.status = (uint16_t)golden_number(line, "status", 0),
		.retry_after_s = (uint16_t)golden_number(line, "retry", 0),
		.flow_timer = golden_number(line, "flow_timer", 0) != 0};
	if (golden_attribute(line, "uak", name, sizeof(name)))
		player.grant.uak = lab_uak(player.lab, name);
}

// What the stages decided happens now: after everything that looks at it.
static void message_end(void)
{
	const struct burst *burst = player.lab == NULL ? NULL : player.lab->burst;

	if (player.unseen)
		fail("something left that no `out` expects");
	if (player.played)
		player.way->end(player.lab, burst->packet[0], burst->action[0] == ACTION_SEND);
	player.played = false;
}

static void in_read(const char *line)
{
	char word[16];
	char listener[16];
	char source[64];

	message_end();
	sscanf(line, "in %15s %15s %63s", word, listener, source);
	enum origin origin = origin_read(word);
	struct endpoint endpoint = lab_endpoint(source);
	size_t length = message_read();

	lab_begin(player.lab);
	player.lab->burst->grant[0] = player.grant;
	player.played = player.way->bring(player.lab, listener_read(listener), &endpoint,
		span_of(player.expanded, length), origin);
	if (!player.played)
		return;
	lab_run(player.lab);
	player.unseen = player.lab->burst->action[0] == ACTION_SEND;
}

static void verdict_check(const char *line)
{
	if (!player.played)
		return;
	const char *word = lab_word((enum verdict)player.lab->burst->verdict[0]);

	if (strcmp(line + strlen("verdict "), word) != 0)
		cr_fatal("%s:%u: the verdict is %s", player.file, player.line, word);
}

static void up_check(const char *line)
{
	static const char *const names[] = {"register", "registered", "response"};
	const struct burst *burst = player.lab->burst;
	char kind[16];

	if (!player.played)
		return;
	sscanf(line, "up %15s", kind);
	if (burst->action[0] != ACTION_CONTROL || strcmp(kind, names[burst->up_kind[0]]) != 0
		|| burst->flow[0].slot != golden_number(line, "slot", 0)
		|| burst->flow[0].generation != golden_number(line, "generation", 0))
		fail("not handed up so");
}

// By a stream it leaves by the connection that the line names.
static void carrier_check(const char *line, const struct packet *packet)
{
	const struct flow_id *carrier = &player.lab->burst->decision[0].carrier;

	if (lab_transport(packet->listener) != TRANSPORT_UDP
		&& (carrier->slot != golden_number(line, "slot", 0)
			|| carrier->generation != golden_number(line, "generation", 0)))
		fail("left by another connection");
}

static void out_check(const char *line)
{
	char listener[16];
	char destination[64];
	struct endpoint endpoint;
	unsigned at = player.line;
	size_t length = message_read();

	if (!player.played)
		return;
	const struct packet *packet = player.lab->burst->packet[0];

	if (!player.unseen)
		fail("nothing left");
	player.unseen = false;
	sscanf(line, "out %15s %63s", listener, destination);
	endpoint = lab_endpoint(destination);
	if (packet->listener != listener_read(listener)
		|| !endpoint_equal(&packet->peer, &endpoint)) {
		uint8_t text[ENDPOINT_TEXT_MAX];

		cr_fatal("%s:%u: left by listener %u to %.*s", player.file, at, packet->listener,
			(int)endpoint_format(&packet->peer, text), text);
	}
	carrier_check(line, packet);
	if (!span_equal(span_of(packet->octets, packet->length), span_of(player.expanded, length)))
		cr_fatal("%s:%u: expected\n%.*s\nbut sent\n%.*s", player.file, at, (int)length,
			player.expanded, (int)packet->length, packet->octets);
}

static void line_play(const char *line)
{
	if (strncmp(line, "row ", 4) == 0) {
		row_read(line);
		return;
	}
	if (strncmp(line, "flow ", 5) == 0) {
		flow_read(line);
		return;
	}
	record_flush();
	if (strncmp(line, "edge ", 5) == 0) {
		message_end();
		if (player.lab != NULL)
			lab_free(player.lab);
		player.lab = lab_new((uint8_t)atoi(line + 5));
	} else if (strncmp(line, "peer ", 5) == 0) {
		peer_read(line);
	} else if (strncmp(line, "target ", 7) == 0) {
		target_read(line);
	} else if (strncmp(line, "complete ", 9) == 0) {
		complete_read(line);
	} else if (strncmp(line, "started ", 8) == 0) {
		atomic_store(
			&player.lab->peers.started_ms, LAB_NOW_MS - strtoull(line + 8, NULL, 10));
	} else if (strcmp(line, "takeover") == 0) {
		takeover_read();
	} else if (strncmp(line, "address ", 8) == 0) {
		address_read(line);
	} else if (strncmp(line, "heard ", 6) == 0) {
		heard_read(line);
	} else if (strncmp(line, "setting ", 8) == 0) {
		setting_read(line);
	} else if (strncmp(line, "transaction ", 12) == 0) {
		golden_transaction_read(player.lab, &player.transaction, line);
	} else if (strncmp(line, "grant ", 6) == 0) {
		grant_read(line);
	} else if (strncmp(line, "in ", 3) == 0) {
		in_read(line);
	} else if (strncmp(line, "verdict ", 8) == 0) {
		verdict_check(line);
	} else if (strncmp(line, "up ", 3) == 0) {
		up_check(line);
	} else if (strncmp(line, "out ", 4) == 0) {
		out_check(line);
	} else if (line[0] != 0 && line[0] != '#') {
		fail("what is this?");
	}
}

bool golden_bring_in_memory(struct lab *lab, uint8_t listener, const struct endpoint *source,
	struct span message, enum origin origin)
{
	(void)lab_add(lab, listener, source, message, origin);
	return true;
}

void golden_play(const char *folder, const char *file, const struct golden_way *way)
{
	static char line[8192];
	char path[512];

	player = (struct player){.way = way, .file = file};
	snprintf(path, sizeof(path), "%s/%s.txt", folder, file);
	player.stream = fopen(path, "r");
	cr_assert(ne(ptr, player.stream, NULL));
	urcu_qsbr_register_thread();
	while (line_read(line, sizeof(line)))
		line_play(line);
	message_end();
	fclose(player.stream);
	lab_free(player.lab);
	urcu_qsbr_unregister_thread();
}
