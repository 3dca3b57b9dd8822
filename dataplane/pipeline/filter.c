#include "filter.h"

enum transport filter_token_transport(const struct directory *directory, const struct token *token)
{
	const struct directory_listener *listener;

	if (token->flow.edge != directory_settings(directory)->edge)
		return directory_peer_transport(directory, token->flow.edge, token->listener);
	listener = directory_listener(directory, token->listener);
	return listener == NULL ? TRANSPORT_NONE : (enum transport)listener->listener.transport;
}

bool filter_is_secure(enum transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_WSS;
}

bool filter_token_is_secure(const struct directory *directory, const struct token *token)
{
	return filter_is_secure(filter_token_transport(directory, token));
}

bool filter_passes_flow(bool secure, const struct flow *flow)
{
	return !secure || filter_is_secure((enum transport)flow->transport);
}

bool filter_passes_peer(const struct directory *directory, bool secure, uint8_t edge)
{
	const struct directory_peer *peer = directory_peer(directory, edge);

	return peer != NULL && (!secure || peer->secure);
}
