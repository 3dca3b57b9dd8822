// test_keeper.c: control's records become tables, other edges' beats become liveness; edges 2 and 3 are played.

#include "beat_players.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	GENERATION = 1700000000,
};

TestSuite(keeper, .init = setup, .fini = teardown, .timeout = 60);

static struct flow_record flow_record(uint32_t slot, uint8_t transport, const char *peer)
{
	return (struct flow_record){
		.id = {.edge = 1, .slot = slot, .generation = GENERATION},
		.state = FLOW_LIVE,
		.listener = FAKE_ACCESS,
		.transport = transport,
		.peer = fake_endpoint(peer),
	};
}

static void put_flow(const struct flow_record *record)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	size_t length = flow_record_encode(record, octets);

	fake_await_applied(&lab.control, fake_record(&lab.control, LINK_FLOW, octets, length));
}

static enum flow_state flow_state(uint32_t slot)
{
	urcu_qsbr_thread_online();
	enum flow_state state = flow_check(lab.plane->flows, (struct flow_id){1, slot, GENERATION});

	urcu_qsbr_thread_offline();
	return state;
}

static bool await_flow_state(uint32_t slot, enum flow_state wanted)
{
	for (unsigned i = 0; i < 5000 && flow_state(slot) != wanted; i++)
		usleep(1000);
	return flow_state(slot) == wanted;
}

Test(keeper, records_are_applied_in_order_and_counted)
{
	struct flow_record record = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");

	put_flow(&record);
	cr_assert(eq(int, flow_state(1), FLOW_LIVE));
	record.state = FLOW_GONE;
	put_flow(&record);
	cr_assert(eq(int, flow_state(1), FLOW_GONE));
}

Test(keeper, a_record_that_is_none_counts_as_applied_and_changes_nothing)
{
	static const uint8_t junk[3000] = {1, 2, 3};
	static const uint16_t types[] = {0xffff, 1, 47, LINK_FLOW, LINK_KEYS, LINK_HASH_KEYS,
		LINK_SNAPSHOT_BEGIN, LINK_SNAPSHOT_END, LINK_PEER_STATE, LINK_SETTINGS, LINK_NAME,
		LINK_DIRECTORY_END, LINK_EXPLAIN, LINK_EVENT_PEER};
	struct flow_record record = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");

	put_flow(&record);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fake_record(&lab.control, types[i], junk, sizeof(junk));
		fake_await_applied(&lab.control, fake_record(&lab.control, types[i], junk, 7));
	}
	cr_assert(eq(int, flow_state(1), FLOW_LIVE));
	cr_assert(ne(ptr, atomic_load(&lab.plane->directory), NULL));
}

Test(keeper, a_record_larger_than_any_breaks_the_session)
{
	static const uint8_t junk[9000];
	struct pollfd broken = {lab.plane->broken, POLLIN, 0};

	fake_record(&lab.control, LINK_FLOW, junk, sizeof(junk));
	cr_assert(eq(int, poll(&broken, 1, 5000), 1));
	cr_assert(atomic_load(&lab.session->broken));
}

Test(keeper, a_snapshot_sweeps_what_it_does_not_name)
{
	const struct link_snapshot snapshot = {.edge = 1};
	struct flow_record stays = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");
	struct flow_record goes = flow_record(2, TRANSPORT_UDP, "198.51.100.8:5060");

	put_flow(&stays);
	put_flow(&goes);
	fake_record(&lab.control, LINK_SNAPSHOT_BEGIN, &snapshot, sizeof(snapshot));
	put_flow(&stays);
	fake_await_applied(&lab.control,
		fake_record(&lab.control, LINK_SNAPSHOT_END, &snapshot, sizeof(snapshot)));
	cr_assert(eq(int, flow_state(1), FLOW_LIVE));
	cr_assert(eq(int, flow_state(2), FLOW_GONE));
	cr_assert(atomic_load(&lab.plane->peers.own_complete));
}

Test(keeper, a_peer_that_is_not_connected_is_not_waited_for)
{
	struct link_peer_state state = {.edge = 2, .connected = 1, .complete = 0};

	fake_await_applied(
		&lab.control, fake_record(&lab.control, LINK_PEER_STATE, &state, sizeof(state)));
	cr_assert(eq(int, atomic_load(&lab.plane->peers.edge[2].complete), 0));
	state.connected = 0;
	fake_await_applied(
		&lab.control, fake_record(&lab.control, LINK_PEER_STATE, &state, sizeof(state)));
	cr_assert(eq(int, atomic_load(&lab.plane->peers.edge[2].complete), 1));
}

Test(keeper, streams_end_with_control_and_nothing_else_does)
{
	struct flow_record udp = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");
	struct flow_record tls = flow_record(2, TRANSPORT_TLS, "198.51.100.8:5060");

	put_flow(&udp);
	put_flow(&tls);
	plane_lab_disconnect();
	cr_assert(await_flow_state(2, FLOW_GONE));
	cr_assert(eq(int, flow_state(1), FLOW_LIVE));
	cr_assert(atomic_load(&lab.plane->peers.own_complete));
}

Test(keeper, a_peer_is_up_suspect_and_dead_by_its_beats)
{
	struct link_event_peer event;

	cr_assert(eq(int, liveness(2), PEER_DEAD));
	beat_for(&two, 6);
	cr_assert(await_liveness(2, PEER_UP));
	cr_assert(await_event(2, PEER_UP, &event));
	cr_assert(eq(u64, event.incarnation, 500));
	cr_assert(gt(u32, event.round_trip_us, 0));
	cr_assert(await_event(2, PEER_SUSPECT, &event));
	cr_assert(gt(u64, atomic_load(&lab.plane->peers.edge[2].lost_at_ms), 0));
	cr_assert(await_event(2, PEER_DEAD, &event));
	cr_assert(eq(int, liveness(3), PEER_DEAD));
}

Test(keeper, beats_name_their_sender_receiver_and_what_was_heard)
{
	beat_for(&two, 5);
	usleep(3 * BEAT_MS * 1000);
	players_hear();
	cr_assert(gt(uint, two.heard_count, 3));
	cr_assert(gt(uint, three.heard_count, 3));
	cr_assert(eq(int, two.heard.edge, 1));
	cr_assert(eq(int, two.heard.to, 2));
	cr_assert(eq(int, three.heard.to, 3));
	cr_assert(eq(u64, two.heard.incarnation, 77));
	cr_assert(eq(u32, two.heard.echo, (uint32_t)two.sequence));
	cr_assert(eq(u32, three.heard.echo, 0));
}

Test(keeper, beats_for_another_edge_or_under_another_secret_prove_nothing)
{
	for (unsigned i = 0; i < 8; i++) {
		usleep(BEAT_MS * 1000);
		players_hear();
		player_beat(&two, 3);
	}
	cr_assert(eq(int, liveness(2), PEER_DEAD));
	plane_lab_feed(FAKE_PEER, "127.0.0.2:7000",
		SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	cr_assert(plane_lab_await_count(VERDICT_BEAT, 9));
	cr_assert(eq(int, liveness(2), PEER_DEAD));
}

Test(keeper, a_suspect_whose_port_is_unreachable_is_dead_at_once)
{
	const struct endpoint relay = fake_endpoint("127.0.0.2:7000");

	fake_teach_directory(&lab.control, 200);
	for (unsigned i = 0; i < 8; i++) {
		usleep(100000);
		players_hear();
		player_beat(&two, 1);
	}
	cr_assert(await_liveness(2, PEER_UP));
	io_memory_refuse(lab.port, &relay);
	cr_assert(await_liveness(2, PEER_SUSPECT));
	uint64_t lost = atomic_load(&lab.plane->peers.edge[2].lost_at_ms);

	// Without ICMP it would stay suspect for two seconds.
	cr_assert(await_liveness(2, PEER_DEAD));
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_assert(lt(
		u64, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 - lost, 1200));
}

Test(keeper, a_new_incarnation_is_told_to_control)
{
	struct link_event_peer event;

	beat_for(&two, 6);
	cr_assert(await_event(2, PEER_UP, &event));
	two.incarnation = 501;
	two.sequence = 0;
	beat_for(&two, 6);
	do
		cr_assert(fake_await_event(
			&lab.control, LINK_EVENT_PEER, &event, sizeof(event), 3000));
	while (event.edge != 2 || event.incarnation != 501);
}

Test(keeper, the_next_control_is_told_of_every_peer)
{
	struct link_event_peer event;

	beat_for(&two, 6);
	plane_lab_disconnect();
	plane_lab_connect();
	for (uint8_t edge = 2; edge <= 3; edge++) {
		cr_assert(fake_await_event(
			&lab.control, LINK_EVENT_PEER, &event, sizeof(event), 3000));
		cr_assert(eq(int, event.edge, edge));
		cr_assert(eq(u64, event.incarnation, edge == 2 ? 500 : 0));
	}
}

Test(keeper, icmp_makes_a_flow_doubtful_and_tells_control_once)
{
	struct flow_record record = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");
	struct link_down_message head = {
		.kind = LINK_DOWN_SEND, .listener = FAKE_ACCESS, .peer = record.peer, .length = 4};
	struct link_event_flow event;

	put_flow(&record);
	io_memory_refuse(lab.port, &record.peer);
	fake_down(&lab.control, &head, SPAN("hey!"));
	cr_assert(fake_await_event(&lab.control, LINK_EVENT_SUSPECT, &event, sizeof(event), 3000));
	cr_assert(eq(u32, event.slot, 1));
	cr_assert(eq(u32, event.generation, GENERATION));
	cr_assert(eq(int, flow_state(1), FLOW_DOUBTFUL));
	fake_down(&lab.control, &head, SPAN("hey!"));
	cr_assert(not(
		fake_await_event(&lab.control, LINK_EVENT_SUSPECT, &event, sizeof(event), 200)));
}

Test(keeper, a_token_is_explained)
{
	struct flow_record record = flow_record(1, TRANSPORT_UDP, "198.51.100.7:5060");
	const struct token token = {.flow = record.id,
		.kind = TOKEN_ROUTE,
		.listener = FAKE_ACCESS,
		.peer = record.peer,
		.uak = 9};
	struct link_explain question = {.request = 55};
	struct link_explained answer;

	put_flow(&record);
	question.length = (uint8_t)token_mint(two.keys, &token, question.text);
	fake_record(&lab.control, LINK_EXPLAIN, &question, sizeof(question));
	cr_assert(fake_await_event(
		&lab.control, LINK_EVENT_EXPLAINED, &answer, sizeof(answer), 3000));
	cr_assert(eq(u64, answer.request, 55));
	cr_assert(eq(int, answer.token_verdict, TOKEN_OK));
	cr_assert(eq(int, answer.rule, VERDICT_R1_OWN));
	cr_assert(endpoint_equal(&answer.target_peer, &record.peer));
	// Another letter of the alphabet: what is no letter would be malformed, not forged.
	question.text[5] = question.text[5] == 'A' ? 'B' : 'A';
	fake_record(&lab.control, LINK_EXPLAIN, &question, sizeof(question));
	cr_assert(fake_await_event(
		&lab.control, LINK_EVENT_EXPLAINED, &answer, sizeof(answer), 3000));
	cr_assert(eq(int, answer.token_verdict, TOKEN_FORGED));
}

Test(keeper, a_worker_that_stands_still_silences_the_beats)
{
	beat_for(&two, 3);
	worker_stop(&lab.plane->worker[0]);
	// Its own sends would stop with it: what the keeper asks for is looked at here.
	struct channel_record record;
	enum channel_type type;
	unsigned asked = 0;

	usleep(2 * BEAT_MS * 1000);
	while (channel_read(&lab.plane->worker[0].from_keeper, &type, &record))
		;
	usleep(6 * BEAT_MS * 1000);
	while (channel_read(&lab.plane->worker[0].from_keeper, &type, &record))
		asked++;
	cr_assert(eq(uint, asked, 0));
	atomic_store(&lab.plane->worker[0].stop, false);
	cr_assert(eq(int, worker_start(&lab.plane->worker[0], -1), 0));
	two.heard_count = 0;
	usleep(6 * BEAT_MS * 1000);
	players_hear();
	cr_assert(gt(uint, two.heard_count, 1));
}
