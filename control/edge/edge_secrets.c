// edge_secrets.c: the cluster's secrets, their replacement, and whether the other edges hold the same.

#include "../keys/key_folder.h"
#include "edge_private.h"

#include <errno.h>

enum {
	EDGES = 256,
};

int edge_keys_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config *config = control->config;
	struct token_keys_error error;
	char path[KEY_PATH_MAX];

	if (!key_folder_tokens(config->keys.directory, path))
		return -ENAMETOOLONG;
	control->token_keys =
		token_keys_open(path, config->cluster.name, config->keys.rotate_every_s, &error);
	if (control->token_keys == NULL) {
		log_event(control->log, LOG_LEVEL_ERROR, "keys-refused",
			LOG_TEXT("error", error.text));
		return -EINVAL;
	}
	return token_keys_check(control->token_keys, &edge->secrets);
}

void edge_keys_reload(struct edge *edge)
{
	struct control *control = edge->control;
	struct secret_check before = edge->secrets;
	struct token_keys_error error;
	char path[KEY_PATH_MAX];

	if (!key_folder_tokens(control->config->keys.directory, path))
		return;
	if (token_keys_reload(control->token_keys, path, &error) != TOKEN_KEYS_OK) {
		log_event(control->log, LOG_LEVEL_ERROR, "keys-refused",
			LOG_TEXT("error", error.text), LOG_TEXT("in-force", "what was before"));
		return;
	}
	if (token_keys_check(control->token_keys, &edge->secrets) != 0
		|| memcmp(&before, &edge->secrets, sizeof(before)) == 0)
		return;
	log_event(control->log, LOG_LEVEL_NOTICE, "keys-changed",
		LOG_TEXT("held",
			edge->secrets.held == 3           ? "0 and 1"
				: edge->secrets.held == 1 ? "0"
							  : "1"),
		LOG_NUMBER("mint", edge->secrets.minting));
	if (link_client_is_up(control->link))
		edge_send_keys(edge);
	edge_secrets_judge(edge);
}

static void standing_say(struct edge *edge, enum secret_standing standing)
{
	struct log *log = edge->control->log;

	if (standing == SECRET_AGREES) {
		log_event(log, LOG_LEVEL_NOTICE, "secret-agrees");
		return;
	}
	log_event(log, LOG_LEVEL_ERROR, "secret-differs",
		LOG_TEXT("from", standing == SECRET_MINORITY ? "the majority's" : "another edge's"),
		LOG_TEXT("hint",
			"is this machine's token-keys file that of the cluster, and "
			"keys.rotate-every "
			"the same?"));
}

void edge_secrets_judge(struct edge *edge)
{
	const struct secret_check *others[EDGES];
	unsigned count = 0;

	for (unsigned id = 1; id < EDGES; id++)
		if (edge->peers[id].sync.connected)
			others[count++] = &edge->peers[id].sync.hello.secrets;
	enum secret_standing standing = secret_checks_judge(&edge->secrets, others, count);
	if (standing != edge->secret_standing)
		standing_say(edge, standing);
	edge->secret_standing = (uint8_t)standing;
}
