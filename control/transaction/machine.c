#include "machine.h"

enum {
	SAME = TRANSACTION_SAME,
	TRYING = TRANSACTION_TRYING,
	PROCEEDING = TRANSACTION_PROCEEDING,
	ACCEPTED = TRANSACTION_ACCEPTED,
	COMPLETED = TRANSACTION_COMPLETED,
	CONFIRMED = TRANSACTION_CONFIRMED,
	TERMINATED = TRANSACTION_TERMINATED,

	SEND = TRANSACTION_SEND,
	TELL = TRANSACTION_TELL,
	ACKNOWLEDGE = TRANSACTION_ACKNOWLEDGE,
	TIMED_OUT = TRANSACTION_TIMED_OUT,
	UNREACHABLE = TRANSACTION_UNREACHABLE,
};

typedef struct transaction_step machine[TRANSACTION_STATES][TRANSACTION_EVENTS];

// What has no row changes nothing.
static const machine INVITE_CLIENT = {
	[TRYING] =
		{
			[TRANSACTION_PROVISIONAL] = {PROCEEDING, TELL},
			[TRANSACTION_SUCCESS] = {ACCEPTED, TELL},
			[TRANSACTION_FAILURE] = {COMPLETED, TELL | ACKNOWLEDGE},
			[TRANSACTION_REPEAT] = {SAME, SEND}, // A
			[TRANSACTION_END] = {TERMINATED, TIMED_OUT}, // B
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[PROCEEDING] =
		{
			[TRANSACTION_PROVISIONAL] = {SAME, TELL},
			[TRANSACTION_SUCCESS] = {ACCEPTED, TELL},
			[TRANSACTION_FAILURE] = {COMPLETED, TELL | ACKNOWLEDGE},
			// Runs only behind a CANCEL (section 9.1).
			[TRANSACTION_END] = {TERMINATED, TIMED_OUT},
		},
	[ACCEPTED] =
		{
			[TRANSACTION_SUCCESS] = {SAME, TELL},
			[TRANSACTION_END] = {TERMINATED, 0}, // M
		},
	[COMPLETED] =
		{
			[TRANSACTION_FAILURE] = {SAME, ACKNOWLEDGE},
			[TRANSACTION_END] = {TERMINATED, 0}, // D
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
};

static const machine CLIENT = {
	[TRYING] =
		{
			[TRANSACTION_PROVISIONAL] = {PROCEEDING, TELL},
			[TRANSACTION_SUCCESS] = {COMPLETED, TELL},
			[TRANSACTION_FAILURE] = {COMPLETED, TELL},
			[TRANSACTION_REPEAT] = {SAME, SEND}, // E
			[TRANSACTION_END] = {TERMINATED, TIMED_OUT}, // F
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[PROCEEDING] =
		{
			[TRANSACTION_PROVISIONAL] = {SAME, TELL},
			[TRANSACTION_SUCCESS] = {COMPLETED, TELL},
			[TRANSACTION_FAILURE] = {COMPLETED, TELL},
			[TRANSACTION_REPEAT] = {SAME, SEND}, // E
			[TRANSACTION_END] = {TERMINATED, TIMED_OUT}, // F
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[COMPLETED] =
		{
			[TRANSACTION_END] = {TERMINATED, 0}, // K
		},
};

static const machine INVITE_SERVER = {
	[PROCEEDING] =
		{
			[TRANSACTION_REQUEST] = {SAME, SEND},
			[TRANSACTION_PROVISIONAL] = {SAME, SEND},
			[TRANSACTION_SUCCESS] = {ACCEPTED, SEND},
			[TRANSACTION_FAILURE] = {COMPLETED, SEND},
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[ACCEPTED] =
		{
			[TRANSACTION_ACK] = {SAME, TELL},
			[TRANSACTION_SUCCESS] = {SAME, SEND},
			[TRANSACTION_END] = {TERMINATED, 0}, // L
			[TRANSACTION_ERROR] = {SAME, UNREACHABLE},
		},
	[COMPLETED] =
		{
			[TRANSACTION_REQUEST] = {SAME, SEND},
			[TRANSACTION_ACK] = {CONFIRMED, 0},
			[TRANSACTION_REPEAT] = {SAME, SEND}, // G
			[TRANSACTION_END] = {TERMINATED, TIMED_OUT}, // H
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[CONFIRMED] =
		{
			[TRANSACTION_END] = {TERMINATED, 0}, // I
		},
};

static const machine SERVER = {
	[TRYING] =
		{
			[TRANSACTION_PROVISIONAL] = {PROCEEDING, SEND},
			[TRANSACTION_SUCCESS] = {COMPLETED, SEND},
			[TRANSACTION_FAILURE] = {COMPLETED, SEND},
		},
	[PROCEEDING] =
		{
			[TRANSACTION_REQUEST] = {SAME, SEND},
			[TRANSACTION_PROVISIONAL] = {SAME, SEND},
			[TRANSACTION_SUCCESS] = {COMPLETED, SEND},
			[TRANSACTION_FAILURE] = {COMPLETED, SEND},
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
	[COMPLETED] =
		{
			[TRANSACTION_REQUEST] = {SAME, SEND},
			[TRANSACTION_END] = {TERMINATED, 0}, // J
			[TRANSACTION_ERROR] = {TERMINATED, UNREACHABLE},
		},
};

static const machine *const MACHINES[TRANSACTION_KINDS] = {
	[TRANSACTION_INVITE_CLIENT] = &INVITE_CLIENT,
	[TRANSACTION_CLIENT] = &CLIENT,
	[TRANSACTION_INVITE_SERVER] = &INVITE_SERVER,
	[TRANSACTION_SERVER] = &SERVER,
};

struct transaction_step machine_step(
	enum transaction_kind kind, enum transaction_state state, enum transaction_event event)
{
	return (*MACHINES[kind])[state][event];
}

enum {
	T1 = TRANSACTION_T1_MS,
	T2 = TRANSACTION_T2_MS,
	T4 = TRANSACTION_T4_MS,
	LIFE = TRANSACTION_LIFE_MS,
	NO_BOUND = LIFE, // timer A doubles until timer B ends it
};

// Over an unreliable transport. Behind each the letters of RFC 3261 and RFC 6026.
static const struct transaction_times TIMES[TRANSACTION_KINDS][TRANSACTION_STATES] =
	{
		[TRANSACTION_INVITE_CLIENT] =
			{
				[TRYING] = {T1, NO_BOUND, LIFE, true, false}, // A, B
				[ACCEPTED] = {.end_ms = LIFE, .ends = true}, // M
				[COMPLETED] = {.end_ms = TRANSACTION_D_MS, .ends = true}, // D
			},
		[TRANSACTION_CLIENT] =
			{
				[TRYING] = {T1, T2, LIFE, true, false}, // E, F
				[PROCEEDING] = {T2, T2, LIFE, true, true}, // E, F goes on
				[COMPLETED] = {.end_ms = T4, .ends = true}, // K
			},
		[TRANSACTION_INVITE_SERVER] =
			{
				[ACCEPTED] = {.end_ms = LIFE, .ends = true}, // L
				[COMPLETED] = {T1, T2, LIFE, true, false}, // G, H
				[CONFIRMED] = {.end_ms = T4, .ends = true}, // I
			},
		[TRANSACTION_SERVER] =
			{
				[COMPLETED] = {.end_ms = LIFE, .ends = true}, // J
			},
};

// True if the state is there for repetitions alone: timers D, I, J, K are zero over a reliable transport.
static bool waits_for_repetitions(enum transaction_kind kind, enum transaction_state state)
{
	return state == TRANSACTION_CONFIRMED
		|| (state == TRANSACTION_COMPLETED && kind != TRANSACTION_INVITE_SERVER);
}

struct transaction_times machine_times(
	enum transaction_kind kind, enum transaction_state state, bool reliable)
{
	struct transaction_times times = TIMES[kind][state];

	if (reliable) {
		times.repeat_ms = 0;
		if (waits_for_repetitions(kind, state))
			times.end_ms = 0;
	}
	return times;
}

enum transaction_state machine_begin(enum transaction_kind kind)
{
	return kind == TRANSACTION_INVITE_SERVER ? TRANSACTION_PROCEEDING : TRANSACTION_TRYING;
}

const char *machine_state_name(enum transaction_state state)
{
	static const char *const NAMES[TRANSACTION_STATES] = {
		"same", "trying", "proceeding", "accepted", "completed", "confirmed", "terminated"};

	return NAMES[state];
}
