#include "via_write.h"

#include <weir/base64url.h>

#include <openssl/crypto.h>

static void number_put(uint8_t *out, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t number_get(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8
		| octets[3];
}

void branch_write(const uint8_t branch[BRANCH_HASH_OCTETS], uint8_t text[BRANCH_LENGTH])
{
	memcpy(text, "z9hG4bK", 7);
	base64url_encode(text + 7, branch, BRANCH_HASH_OCTETS);
}

// RFC 3261 section 20.42, RFC 7118 section 5.2.
static struct span transport_name(uint8_t transport)
{
	switch (transport) {
	case TRANSPORT_TCP:
		return SPAN("TCP");
	case TRANSPORT_TLS:
		return SPAN("TLS");
	case TRANSPORT_WS:
		return SPAN("WS");
	case TRANSPORT_WSS:
		return SPAN("WSS");
	default:
		return SPAN("UDP");
	}
}

static size_t received_format(const struct endpoint *source, uint8_t *out)
{
	size_t length = endpoint_format_host(source, out);

	// The brackets of an IPv6 reference have no place here (RFC 3261 section 25.1, via-received).
	if (source->family == ENDPOINT_V6) {
		length -= 2;
		memmove(out, out + 1, length);
	}
	return length;
}

static bool sent_by_is(const struct message *message, const struct endpoint *source)
{
	struct endpoint host;

	if (!endpoint_parse_address(message_span(message, message->via.host), &host))
		return false;
	host.port = source->port;
	return endpoint_equal(&host, source);
}

void via_return_decide(const struct message *message, const struct endpoint *source, bool always,
	struct via_return *out)
{
	bool rport = always || message->via.has_rport;

	out->rport = rport ? source->port : 0;
	out->length = 0;
	// RFC 3581 section 4: with rport, received in any case; RFC 3261 section 18.2.1: else if sent-by is not the source.
	if (rport || !sent_by_is(message, source))
		out->length = (uint8_t)received_format(source, out->received);
}

// Ours come right after sent-by, so that they are the first of their names whatever else the value carries.
void via_return_write(
	struct edit_plan *plan, const struct message *message, const struct via_return *back)
{
	const struct via *via = &message->via;

	if (via->received_parameter.length != 0)
		edit_cut(plan, via->received_parameter);
	if (via->rport_parameter.length != 0 && back->rport != 0)
		edit_cut(plan, via->rport_parameter);
	if (back->length == 0)
		return;
	edit_open(plan, (uint16_t)(via->sent_by.offset + via->sent_by.length), 0);
	edit_add(plan, SPAN(";received="));
	edit_add(plan, span_of(back->received, back->length));
	if (back->rport != 0) {
		edit_add(plan, SPAN(";rport="));
		edit_add_number(plan, back->rport);
	}
	edit_close(plan);
}

// The host that a response goes back to, as the reader of the Via finds it: a maddr that leads it counts (RFC 3261 section
// 18.2.2), so nobody may put one there either.
static struct span return_host(
	const struct message *message, struct slice maddr, struct span received, uint16_t rport)
{
	return rport == 0 && maddr.length != 0 ? message_span(message, maddr) : received;
}

// Whose address it is has no need to say so; writer: 0, or who else writes it.
static void proof_write(const struct world *world, uint8_t writer, const struct proof *proof,
	const uint8_t branch[BRANCH_HASH_OCTETS], struct span host, uint16_t rport,
	uint8_t octets[PROOF_OCTETS])
{
	octets[0] = proof->listener;
	number_put(octets + 1, proof->slot);
	number_put(octets + 5, proof->generation);
	identity_hash_return(world->hashes, writer, proof->listener, proof->slot, proof->generation,
		branch, host, rport, octets + 9);
}

void via_write(const struct world *world, struct edit_plan *plan, const struct message *message,
	const struct directory_listener *out, bool alias, const struct proof *proof,
	const uint8_t branch[BRANCH_HASH_OCTETS], const struct via_return *back)
{
	uint8_t octets[PROOF_OCTETS];
	uint8_t text[PROOF_LENGTH];
	uint8_t branch_text[BRANCH_LENGTH];

	branch_write(branch, branch_text);
	proof_write(world, out->owner != 0 ? world_edge(world) : 0, proof, branch,
		return_host(message, message->via.maddr, span_of(back->received, back->length),
			back->rport),
		back->rport, octets);
	base64url_encode(text, octets, sizeof(octets));
	edit_open(plan, message_line(message, HEADER_VIA)->offset, 0);
	edit_add(plan, SPAN("Via: SIP/2.0/"));
	edit_add(plan, transport_name(out->listener.transport));
	edit_add(plan, SPAN(" "));
	edit_add(plan, out->sent_by);
	edit_add(plan, SPAN(";branch="));
	edit_add(plan, span_of(branch_text, sizeof(branch_text)));
	edit_add(plan, SPAN(";w="));
	edit_add(plan, span_of(text, sizeof(text)));
	if (alias)
		edit_add(plan, SPAN(";alias"));
	// RFC 3581 is about UDP: a connection is its own way back.
	edit_add(plan, listener_is_stream(out) ? SPAN("\r\n") : SPAN(";rport\r\n"));
	edit_close(plan);
}

static bool branch_read(struct span text, uint8_t branch[BRANCH_HASH_OCTETS])
{
	return text.length == BRANCH_LENGTH && memcmp(text.octets, "z9hG4bK", 7) == 0
		&& base64url_decode(
			   branch, BRANCH_HASH_OCTETS, span_of(text.octets + 7, BRANCH_LENGTH - 7))
		== BRANCH_HASH_OCTETS;
}

// Those who may have written a Via of this address: the edge whose it is, then we, then others that it may have been at.
static unsigned writers_list(const struct world *world, const struct directory_via *named,
	uint8_t edges[DIRECTORY_NAMESAKES_MAX + 2])
{
	const struct directory_listener *listener = named->edge == world_edge(world)
		? directory_listener(world->directory, named->listener)
		: NULL;
	unsigned count = 0;

	edges[count++] = listener != NULL && listener->owner != 0 ? listener->owner : named->edge;
	if (listener == NULL)
		return count;
	if (listener->owner != 0)
		edges[count++] = world_edge(world);
	for (unsigned i = 0; i < listener->namesake_count; i++)
		if (listener->namesakes[i].edge != edges[0])
			edges[count++] = listener->namesakes[i].edge;
	return count;
}

// False: none of them wrote it so.
static bool writer_find(const struct world *world, const struct message *message,
	const struct via *next, const uint8_t *edges, unsigned count,
	const uint8_t branch[BRANCH_HASH_OCTETS], const uint8_t octets[PROOF_OCTETS],
	struct proof *proof)
{
	struct span host = return_host(
		message, next->maddr, message_span(message, next->received), next->rport);
	uint8_t expected[PROOF_OCTETS];

	for (unsigned i = 0; i < count; i++) {
		proof_write(
			world, i == 0 ? 0 : edges[i], proof, branch, host, next->rport, expected);
		proof->edge = edges[i];
		if (CRYPTO_memcmp(octets, expected, sizeof(expected)) == 0)
			return true;
	}
	return false;
}

bool proof_read(const struct world *world, const struct message *message, const struct via *next,
	const struct directory_via *named, struct proof *proof)
{
	uint8_t edges[DIRECTORY_NAMESAKES_MAX + 2];
	uint8_t claimed[BRANCH_HASH_OCTETS];
	uint8_t branch[BRANCH_HASH_OCTETS];
	uint8_t octets[PROOF_OCTETS];
	struct proof said;

	if (message->via.proof.length != PROOF_LENGTH
		|| !branch_read(message_span(message, message->via.branch), claimed)
		|| base64url_decode(
			   octets, sizeof(octets), message_span(message, message->via.proof))
			!= PROOF_OCTETS)
		return false;
	said = (struct proof){0, octets[0], number_get(octets + 1), number_get(octets + 5)};
	identity_hash_branch(world->hashes, message, next, branch);
	if (CRYPTO_memcmp(claimed, branch, sizeof(branch)) != 0
		|| !writer_find(world, message, next, edges, writers_list(world, named, edges),
			branch, octets, &said))
		return false;
	*proof = said;
	return true;
}
