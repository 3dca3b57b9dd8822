#include "text.h"

#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *text, struct span piece)
{
	if (piece.length > text->capacity - text->length) {
		text->overflow = true;
		return;
	}
	if (piece.length > 0) // an empty piece may stand nowhere
		memcpy(text->octets + text->length, piece.octets, piece.length);
	text->length += piece.length;
}

void text_format(struct text *text, const char *format, ...)
{
	size_t room = text->capacity - text->length;
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf((char *)text->octets + text->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room) {
		text->overflow = true;
		return;
	}
	text->length += (size_t)length;
}
