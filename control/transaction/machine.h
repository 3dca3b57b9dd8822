// machine.h: the four state machines of RFC 3261 section 17, as RFC 6026 corrected them, as one table.
//
// Pure: a state and an event give the next state and what is to be done. Who keeps messages, clocks and owners is transaction.h.

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum transaction_kind {
	TRANSACTION_INVITE_CLIENT, // figure 5, as RFC 6026 replaced it
	TRANSACTION_CLIENT, // figure 6
	TRANSACTION_INVITE_SERVER, // figure 7, as RFC 6026 replaced it
	TRANSACTION_SERVER, // figure 8
	TRANSACTION_KINDS,
};

enum transaction_state {
	TRANSACTION_SAME, // in a step: stay
	TRANSACTION_TRYING, // of an INVITE client: Calling
	TRANSACTION_PROCEEDING,
	TRANSACTION_ACCEPTED,
	TRANSACTION_COMPLETED,
	TRANSACTION_CONFIRMED,
	TRANSACTION_TERMINATED,
	TRANSACTION_STATES,
};

enum transaction_event {
	TRANSACTION_REQUEST, // a server's request once more
	TRANSACTION_ACK,
	// A response: a client received it, or a server is to send it.
	TRANSACTION_PROVISIONAL, // 100 to 199
	TRANSACTION_SUCCESS, // 200 to 299
	TRANSACTION_FAILURE, // 300 to 699
	TRANSACTION_REPEAT, // timers A, E, G
	TRANSACTION_END, // timers B, D, F, H, I, J, K, L, M
	TRANSACTION_ERROR, // the transport could not deliver
	TRANSACTION_EVENTS,
};

// What a step asks for, as bits.
enum transaction_action {
	TRANSACTION_SEND = 1, // a client its request, a server its latest response
	TRANSACTION_TELL = 2, // the message is its owner's
	TRANSACTION_ACKNOWLEDGE = 4,
	TRANSACTION_TIMED_OUT = 8, // its owner hears that nobody answered
	TRANSACTION_UNREACHABLE = 16, // its owner hears of the error
};

struct transaction_step {
	uint8_t state; // enum transaction_state
	uint8_t actions;
};

// Times of a state, in milliseconds.
struct transaction_times {
	uint32_t repeat_ms; // first retransmission; 0: none
	uint32_t repeat_max_ms; // up to which the interval doubles
	uint32_t end_ms; // until TRANSACTION_END
	bool ends; // false: nothing ends the state by itself
	bool keeps_end; // what was running goes on
};

enum {
	// RFC 3261 section 17.1.1.1.
	TRANSACTION_T1_MS = 500,
	TRANSACTION_T2_MS = 4000,
	TRANSACTION_T4_MS = 5000,
	TRANSACTION_LIFE_MS = 64 * TRANSACTION_T1_MS, // timers B, F, H, J, L, M
	TRANSACTION_D_MS = 32000, // at least that
};

struct transaction_step machine_step(
	enum transaction_kind kind, enum transaction_state state, enum transaction_event event);
// On entering a state. Over a reliable transport nothing is repeated, and nobody waits for repetitions.
struct transaction_times machine_times(
	enum transaction_kind kind, enum transaction_state state, bool reliable);
enum transaction_state machine_begin(enum transaction_kind kind);
const char *machine_state_name(enum transaction_state state);
