#include "rows.h"

// clang-format off
const struct bench_row stages[] = {
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
	{"BYE, received: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, bye_received_run, scene_teardown},
	{"BYE, parsed: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, bye_parsed_run, scene_teardown},
	{"BYE, redeemed: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, bye_redeemed_run, scene_teardown},
	{"BYE, decided: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, bye_decided_run, scene_teardown},
	{"BYE, rewritten: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, bye_rewritten_run, scene_teardown},
	{"BYE, received: 1048576 flows, 262144 tokens", "message", FLOOR_SCAN, BURST, scene_many_setup, bye_received_run, scene_teardown},
	{"BYE, parsed: 1048576 flows, 262144 tokens", "message", FLOOR_SCAN, BURST, scene_many_setup, bye_parsed_run, scene_teardown},
	{"BYE, redeemed: 1048576 flows, 262144 tokens", "message", FLOOR_SCAN, BURST, scene_many_setup, bye_redeemed_run, scene_teardown},
	{"BYE, decided: 1048576 flows, 262144 tokens", "message", FLOOR_SCAN, BURST, scene_many_setup, bye_decided_run, scene_teardown},
	{"BYE, rewritten: 1048576 flows, 262144 tokens", "message", FLOOR_SCAN, BURST, scene_many_setup, bye_rewritten_run, scene_teardown},
	{"OPTIONS of a phone, whole path: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, request_run, scene_teardown},
	{"200 to OPTIONS, whole path: 1024 flows", "message", FLOOR_SCAN, BURST, scene_few_setup, response_run, scene_teardown},
	{"read a frame of a BYE, IPv4", "frame", FLOOR_MOVE, 1, frame_v4_setup, frame_read_run, frame_teardown},
	{"read a frame of a BYE, IPv6", "frame", FLOOR_MOVE, 1, frame_v6_setup, frame_read_run, frame_teardown},
	{"read a frame of a BYE, checksums by the card", "frame", FLOOR_MOVE, 1, frame_card_setup, frame_read_run, frame_teardown},
	{"write a frame of a BYE, IPv4", "frame", FLOOR_MOVE, 1, frame_v4_setup, frame_write_run, frame_teardown},
	{"write a frame of a BYE, IPv6", "frame", FLOOR_MOVE, 1, frame_v6_setup, frame_write_run, frame_teardown},
	{"write a frame of a BYE, checksums by the card", "frame", FLOOR_MOVE, 1, frame_card_setup, frame_write_run, frame_teardown},
	{"next hop by a gateway, 16 routes", "packet", FLOOR_LOAD, BURST, hops_gateway_setup, hops_run, hops_teardown},
	{"next hop on link, 16 routes, 1024 neighbours", "packet", FLOOR_LOAD, BURST, hops_link_setup, hops_run, hops_teardown},
	{"next hop on link, 4096 routes, 65536 neighbours", "packet", FLOOR_LOAD, BURST, hops_many_setup, hops_run, hops_teardown},
};
// clang-format on

const unsigned stage_count = sizeof(stages) / sizeof(stages[0]);
