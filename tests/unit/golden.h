// golden.h: the words of tests/golden/*.txt: what stands between braces in a message, and key=value attributes of a line.
//
// A golden file is read line by line:
//
//     # comment
//     edge 1                                                     a new world (lab.h), as this edge sees it
//     flow edge=1 slot=5 generation=1000 listener=1 peer=A:P state=live|doubtful|gone [shared=1]
//     row alice contact=sip:alice@192.168.1.5:5060 [committed=MS] [expires=S] [reg=N] [superseded=1]   of the flow above
//     peer 2 up|suspect|dead [lost=MS AGO]
//     complete own|N yes|no
//     started MS AGO
//     target HOST A:P udp|tcp|tls [slot=N generation=N] [healthy=0] [balanced=0] [alias=1]     in place of the lab's
//     takeover                                                   edges 2 and 3 have edge 1's access address, too (lab.h)
//     address LISTENER here|away [for=MS]
//     heard edge=1 slot=5 generation=1000 [ago=MS]               of a flow above
//     setting draining|require_path|moved_per_s|downgrade N
//     transaction call=ID cseq=N from=TAG via=VIA                what {branch}, {w}, {tag} and {token relay} are of
//     grant uak=alice slot=5 generation=1000 status=N retry=S flow_timer=1 tag=N    of the next message from control
//     in wire|grant|refuse|return|control|stream LISTENER SOURCE        a message up to a line with a single dot
//     verdict WORD
//     up register|registered|response [slot=N generation=N]
//     out LISTENER DESTINATION [slot=N generation=N]             the message that must leave, likewise; by the connection of this flow
//
// In messages: {token path|route|relay edge= slot= generation= listener= role=sender|receiver peer= uak= bind=CALL/TAG method= branch=},
// {branch}, {w listener= slot= generation= received= rport= writer=}, {tag STATUS}, {fill OCTETS}. A relay token's bind is of the
// transaction's branch (unless it says `branch`), Call-ID, CSeq number and `method`.

#pragma once

#include "lab.h"

enum {
	GOLDEN_TEXT_MAX = 70000,
};

// The transaction that placeholders are of.
struct golden_transaction {
	char text[4096];
	char call[256];
	char cseq[32];
	char from[256];
	char via[1024];
	struct message message;
	uint8_t branch[BRANCH_HASH_OCTETS];
};

// The value of ` key=` in a line, up to white space or a brace; false: absent.
bool golden_attribute(const char *line, const char *key, char *value, size_t capacity);
uint64_t golden_number(const char *line, const char *key, uint64_t absent);
void golden_transaction_read(
	struct lab *lab, struct golden_transaction *transaction, const char *line);
// Replace what stands in braces; returns the length. Aborts on what it does not know.
size_t golden_expand(struct lab *lab, struct golden_transaction *transaction, const char *text,
	size_t length, uint8_t *out);
