// read_message: says how Weir reads messages, for holding that against how others do.
//
// Reads from standard input: a length (2 octets, big endian) and so many octets, again and again; writes a line for each: `-` for
// what is no request that is taken, or in hexadecimal, divided by spaces: host of the request-URI, URI of the first Route, host, port and
// branch of the top Via, Content-Length. What is not there is `.`.

#include <weir/message.h>
#include <weir/uri.h>

#include <stdio.h>

static void field_write(struct span text)
{
	putchar(' ');
	if (text.length == 0)
		putchar('.');
	for (size_t i = 0; i < text.length; i++)
		printf("%02x", text.octets[i]);
}

static void slice_write(const struct message *message, struct slice slice)
{
	field_write(message_span(message, slice));
}

static void number_write(uint32_t number, bool there)
{
	if (there)
		printf(" %u", number);
	else
		printf(" .");
}

static struct slice first_route(const struct message *message)
{
	struct name_address address;
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_ROUTE);
	if (!value_next(&cursor) || !name_address_parse(message->octets, cursor.value, &address))
		return (struct slice){0};
	return address.uri;
}

static void request_write(const struct message *message, const struct uri *target)
{
	printf("+");
	slice_write(message, target->host);
	slice_write(message, first_route(message));
	slice_write(message, message->via.host);
	number_write(message->via.port, message->via.has_port);
	slice_write(message, message->via.branch);
	number_write((uint32_t)(message->length - message->body_offset),
		message_line(message, HEADER_CONTENT_LENGTH) != NULL);
	printf("\n");
}

int main(void)
{
	static uint8_t octets[UINT16_MAX];
	static struct message message;
	uint8_t head[2];

	while (fread(head, sizeof(head), 1, stdin) == 1) {
		size_t length = (size_t)head[0] << 8 | head[1];
		struct uri target;

		if (fread(octets, 1, length, stdin) != length)
			return 1;
		if (message_parse(&message, octets, length) == MESSAGE_OK && message.request
			&& uri_parse(message.octets, message.target, &target)
			&& target.scheme != URI_OTHER)
			request_write(&message, &target);
		else
			printf("-\n");
	}
	return ferror(stdin) || fflush(stdout) != 0;
}
