// answers.h: what weir-control answers to the commands that need no more than the frame and its modules.

#pragma once

#include "../command/commands.h"
#include "../frame/control.h"

struct answers {
	struct control *control;
	struct event *log_timer; // `log level --for`
	enum log_level log_before;
};

[[nodiscard]] int answers_open(struct control *control);
void answers_close(struct control *control);

// The context of all of them is struct answers.
void answer_config_check(void *context, struct command_call *call);
void answer_config_show(void *context, struct command_call *call);
void answer_config_schema(void *context, struct command_call *call);
void answer_drops_show(void *context, struct command_call *call);
void answer_flows_show(void *context, struct command_call *call);
void answer_help(void *context, struct command_call *call);
void answer_log_level(void *context, struct command_call *call);
void answer_log_show(void *context, struct command_call *call);
void answer_peers_show(void *context, struct command_call *call);
void answer_ports_queues(void *context, struct command_call *call);
void answer_ports_show(void *context, struct command_call *call);
void answer_reload(void *context, struct command_call *call);
void answer_status(void *context, struct command_call *call);
void answer_token_explain(void *context, struct command_call *call);
void answer_upstream_show(void *context, struct command_call *call);

// answer_log.c: the timer of answers.
void answer_log_revert(evutil_socket_t socket, short what, void *context);
// answer_drops.c: one verdict summed over all workers; false: no dataplane is connected.
[[nodiscard]] bool answer_count_verdicts(
	const struct control *control, uint64_t *verdicts, uint64_t *received, uint64_t *sent);

// answer_ports.c: a section of the status, if there are ports.
void answer_put_ports(json_t *result, const struct control *control);

// Puts a text that may be anything into an object: what is not UTF-8 is left out.
void answer_put_span(json_t *object, const char *key, struct span text);
void answer_put_endpoint(json_t *object, const char *key, const struct endpoint *endpoint);
const char *answer_transport(uint8_t transport);
const char *answer_liveness(uint8_t liveness);
// "edge2.example.net" of the configuration or its HELLO; length 0: not known.
struct span answer_edge_name(const struct control *control, uint8_t edge);
