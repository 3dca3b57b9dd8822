// channel.c: a ring between two threads.

#include "channel.h"

#include <errno.h>
#include <stdlib.h>

int channel_init(struct channel *channel)
{
	size_t octets = RING_DATA_OFFSET + CHANNEL_OCTETS;
	void *memory = aligned_alloc(64, octets);

	if (memory == NULL)
		return -ENOMEM;
	memset(memory, 0, octets);
	channel->memory = memory;
	ring_attach(&channel->writer, memory, CHANNEL_OCTETS);
	ring_attach(&channel->reader, memory, CHANNEL_OCTETS);
	return 0;
}

void channel_fini(struct channel *channel)
{
	free(channel->memory);
	channel->memory = NULL;
}

bool channel_write(struct channel *channel, enum channel_type type, const struct endpoint *peer,
	uint8_t listener, struct span text)
{
	struct channel_record record = {
		.peer = *peer, .listener = listener, .length = (uint8_t)text.length};

	if (text.length > CHANNEL_TEXT_MAX)
		return false;
	if (text.length > 0)
		memcpy(record.text, text.octets, text.length);
	return ring_write(&channel->writer, (uint16_t)type, 0, span_of(&record, sizeof(record)),
		       span_of(NULL, 0))
		== 0;
}

bool channel_read(struct channel *channel, enum channel_type *type, struct channel_record *record)
{
	struct record_header header;

	if (ring_read(&channel->reader, &header, (uint8_t *)record, sizeof(*record))
		!= (int64_t)sizeof(*record))
		return false;
	*type = (enum channel_type)header.type;
	return true;
}
