#include "rows.h"

// clang-format off
const struct row stages[] = {
	{"parse a BYE of 430 octets", "message", FLOOR_SCAN, 1, message_setup, parse_run, message_teardown},
	{"hashes of a message: bind, branch, return", "message", FLOOR_SCAN, 1, message_setup, hashes_run, message_teardown},
	{"base64url, 60 characters to 45 octets", "text", FLOOR_AES, 1, tokens_setup, base64url_decode_run, tokens_teardown},
	{"base64url, 45 octets to 60 characters", "text", FLOOR_AES, 1, tokens_setup, base64url_encode_run, tokens_teardown},
	{"redeem a token, one by one", "token", FLOOR_AES, 1, tokens_setup, redeem_run, tokens_teardown},
	{"redeem a token, bursts of 32", "token", FLOOR_AES, BURST, tokens_setup, redeem_burst_run, tokens_teardown},
	{"redeem a token, bursts of 32, IPv6", "token", FLOOR_AES, BURST, tokens_v6_setup, redeem_burst_run, tokens_teardown},
	{"redeem a token, bursts of 32, all forged", "token", FLOOR_AES, BURST, tokens_forged_setup, redeem_burst_run, tokens_teardown},
	{"mint a token, one by one", "token", FLOOR_AES, 1, tokens_setup, mint_run, tokens_teardown},
	{"mint a token, bursts of 32", "token", FLOOR_AES, BURST, tokens_setup, mint_burst_run, tokens_teardown},
};
// clang-format on

const unsigned stage_count = sizeof(stages) / sizeof(stages[0]);
