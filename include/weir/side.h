// side.h: where a message comes from and goes to (a listener decides it, never the message), and how it travels.

#pragma once

// Stored in one octet; part of stored and sent records, so values never change.
enum side {
	SIDE_NONE = 0,
	SIDE_ACCESS = 1, // user agents
	SIDE_CORE = 2, // registrar and proxies behind us: trusted
	SIDE_PEER = 3, // other edges: trusted
};

enum transport {
	TRANSPORT_NONE = 0,
	TRANSPORT_UDP = 1,
	TRANSPORT_TCP = 2,
	TRANSPORT_TLS = 3,
	TRANSPORT_WS = 4,
	TRANSPORT_WSS = 5,
};

enum {
	// Ids are below it: a token holds seven bits of one.
	LISTENERS_MAX = 127,
};
