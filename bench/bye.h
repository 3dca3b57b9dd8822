// bye.h: the message that floors and stages share: the BYE of a call through an edge, with its token.

#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	BYE_OCTETS = 430,
};

extern const uint8_t bye[BYE_OCTETS];
