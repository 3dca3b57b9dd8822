#include "scene.h"

#include <errno.h>

// The rows of one size share one edge.
static struct scene *few;
static struct scene *many;

typedef void (*burst_stage)(const struct world *world, struct burst *burst);

static const burst_stage in_order[] = {parse_burst, redeem_burst, decide_burst, rewrite_burst};

static void stages_run(struct scene *scene, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		in_order[i](&scene->world, scene->burst);
	measure_keep(scene->burst->count);
}

static bool all_are(const struct scene *scene, enum verdict verdict)
{
	for (unsigned i = 0; i < BURST; i++)
		if (scene->burst->verdict[i] != verdict || scene->burst->action[i] != ACTION_SEND)
			return false;
	return true;
}

// What is measured is what the row says: BYEs that leave by their own flow, responses that go back.
static bool scene_is_good(struct scene *scene)
{
	scene_receive_byes(scene);
	stages_run(scene, 4);
	if (!all_are(scene, VERDICT_R1_OWN))
		return false;
	scene_write_requests(scene);
	scene_receive_requests(scene);
	stages_run(scene, 4);
	if (!scene_keep_responses(scene))
		return false;
	scene_receive_responses(scene);
	stages_run(scene, 4);
	return all_are(scene, VERDICT_RESPONSE);
}

// The thread reads flows as long as there is an edge.
static void reader_begin(void)
{
	if (few == NULL && many == NULL)
		urcu_qsbr_register_thread();
}

static void reader_end(void)
{
	if (few == NULL && many == NULL)
		urcu_qsbr_unregister_thread();
}

static struct scene *scene_open(uint32_t flow_count, uint32_t call_count)
{
	struct scene *scene = scene_new(flow_count, call_count);

	if (scene != NULL && !scene_is_good(scene)) {
		scene_free(scene);
		scene = NULL;
		errno = EBADMSG;
	}
	return scene;
}

static struct scene *scene_share(struct scene **shared, uint32_t flow_count, uint32_t call_count)
{
	reader_begin();
	if (*shared == NULL)
		*shared = scene_open(flow_count, call_count);
	if (*shared != NULL)
		(*shared)->users++;
	reader_end();
	return *shared;
}

void *scene_few_setup(void)
{
	return scene_share(&few, SCENE_FEW_FLOWS, SCENE_FEW_CALLS);
}

void *scene_many_setup(void)
{
	return scene_share(&many, SCENE_MANY_FLOWS, SCENE_MANY_CALLS);
}

void scene_teardown(void *state)
{
	struct scene *scene = state;

	if (--scene->users > 0)
		return;
	if (scene == few)
		few = NULL;
	else
		many = NULL;
	scene_free(scene);
	reader_end();
}

static void byes_run(struct scene *scene, uint64_t rounds, unsigned count)
{
	for (; rounds > 0; rounds--) {
		scene_receive_byes(scene);
		stages_run(scene, count);
	}
}

void bye_received_run(void *state, uint64_t rounds)
{
	byes_run(state, rounds, 0);
}

void bye_parsed_run(void *state, uint64_t rounds)
{
	byes_run(state, rounds, 1);
}

void bye_redeemed_run(void *state, uint64_t rounds)
{
	byes_run(state, rounds, 2);
}

void bye_decided_run(void *state, uint64_t rounds)
{
	byes_run(state, rounds, 3);
}

void bye_rewritten_run(void *state, uint64_t rounds)
{
	byes_run(state, rounds, 4);
}

void request_run(void *state, uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		scene_receive_requests(state);
		stages_run(state, 4);
	}
}

void response_run(void *state, uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		scene_receive_responses(state);
		stages_run(state, 4);
	}
}
