#include "../base/log.h"
#include "device.h"
#include "schema.h"

#include <weir/link.h>

#define AT(type, member) \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)NULL)->member)
// A list: where it stands, and the size of an item.
#define LIST_AT(type, member) \
	.offset = offsetof(struct type, member), \
	.size = sizeof(*((struct type *)NULL)->member.items)
#define LIVE .applies = APPLIES_LIVE
#define CONTROL .applies = APPLIES_CONTROL
#define DATAPLANE .applies = APPLIES_DATAPLANE
#define EDGE SCHEMA_EDGE
#define CORE SCHEMA_CORE
#define MUST SCHEMA_REQUIRED
#define MANY SCHEMA_MANY
#define LATER(key) \
	{ \
		key, SCHEMA_SECTION, .flags = SCHEMA_LATER \
	}

enum {
	NAME_MAX_OCTETS = 63,
	TEXT_MAX_OCTETS = 255,
	PATH_MAX_OCTETS = 4095,
	SOCKET_MAX_OCTETS = 107, // sun_path less its NUL
	PEERS_MAX = 64,
	TLS_MAX = 16,
	TARGETS_MAX = 32,
	SERVERS_MAX = 16,
	DAY_S = 86400,
	FLOWS_MAX = 16000000,
};

// clang-format off
const struct schema_row schema_rows[] = {
	{"role", SCHEMA_CHOICE, .words = "edge|core", .initial = "edge", .minimum = ROLE_EDGE, CONTROL, AT(config, role),
		.help = "edge: an edge proxy; core: a registrar and proxy behind edges, without a dataplane"},

	{"node", SCHEMA_SECTION, .help = "this machine"},
	{"node.id", SCHEMA_NUMBER, .minimum = 1, .maximum = 255, .flags = MUST | EDGE, DATAPLANE, AT(config, node.id),
		.help = "unique in the cluster, written into every token"},
	{"node.name", SCHEMA_HOST, .flags = MUST, CONTROL, AT(config, node.name),
		.help = "SRV name put into Record-Route and Path"},
	{"node.region", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, LIVE, AT(config, node.region),
		.help = "where it stands, for people"},

	{"listeners[]", SCHEMA_LIST, .maximum = LISTENERS_MAX, .flags = MUST, DATAPLANE, LIST_AT(config, listeners),
		.help = "sockets that SIP is spoken on; each belongs to one side"},
	{"listeners[].name", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, .flags = MUST, DATAPLANE, AT(config_listener, name),
		.help = "unique, for people"},
	{"listeners[].id", SCHEMA_NUMBER, .minimum = 1, .maximum = LISTENERS_MAX, DATAPLANE, AT(config_listener, id),
		.help = "unique, written into tokens; without it the position in the list, so give one before you reorder"},
	{"listeners[].side", SCHEMA_CHOICE, .words = "access|core|peer", .minimum = SIDE_ACCESS, .flags = MUST, DATAPLANE, AT(config_listener, side),
		.help = "access: user agents; core: registrar and proxies; peer: other edges"},
	{"listeners[].transport", SCHEMA_CHOICE, .words = "udp|!tcp|!tls|!ws|!wss", .initial = "udp", .minimum = TRANSPORT_UDP, DATAPLANE, AT(config_listener, transport),
		.help = "what carries SIP there"},
	{"listeners[].address", SCHEMA_ENDPOINT, .flags = MUST, DATAPLANE, AT(config_listener, address),
		.help = "an address of this host; not 0.0.0.0 or [::]"},
	{"listeners[].driver", SCHEMA_CHOICE, .words = "socket|dpdk", .initial = "socket", .minimum = LINK_DRIVER_SOCKET, DATAPLANE, AT(config_listener, driver),
		.help = "socket: the kernel's UDP; dpdk: a device of its own, see docs/deploy-dpdk.md"},
	{"listeners[].port", SCHEMA_DEVICE, .flags = EDGE, DATAPLANE, AT(config_listener, port),
		.help = "driver dpdk: 0000:3b:00.0 or \"net_af_xdp0,iface=eth0\"; listeners of one device name the same port"},
	{"listeners[].tap", SCHEMA_NAME, .minimum = 1, .maximum = DEVICE_INTERFACE_MAX, .flags = EDGE, DATAPLANE, AT(config_listener, tap),
		.help = "driver dpdk: interface that stands in for a card in the kernel and carries its addresses; without it weir0, weir1 ... for a card and none else; off: none"},
	{"listeners[].advertise", SCHEMA_HOST_PORT, LIVE, AT(config_listener, advertise),
		.help = "written into Path, Record-Route and Via; without it node.name, with the port unless it is 5060"},
	{"listeners[].allow[]", SCHEMA_NETWORK, .flags = MANY, LIVE, LIST_AT(config_listener, allow),
		.help = "who may speak to a core or peer listener, and whom it may send to; without it the upstream targets or the peers, for role: core anybody"},
	{"listeners[].access-networks[]", SCHEMA_NETWORK, .flags = MANY | EDGE, LIVE, LIST_AT(config_listener, access_networks),
		.help = "where an access listener may send; without it public unicast and its own subnet"},
	LATER("listeners[].tls"),
	LATER("listeners[].dscp"),
	LATER("listeners[].free-bind"),

	{"cluster", SCHEMA_SECTION, .flags = EDGE, .help = "the edges that redeem each other's tokens"},
	{"cluster.name", SCHEMA_HOST, .flags = MUST | EDGE, CONTROL, AT(config, cluster.name),
		.help = "the name that phones are given; part of every token key"},
	{"cluster.sync", SCHEMA_CHOICE, .words = "mesh", .initial = "mesh", .flags = EDGE, CONTROL,
		.help = "mesh: one TLS connection between each two edges"},
	{"cluster.listen", SCHEMA_ENDPOINT, .flags = EDGE, CONTROL, AT(config, cluster.listen),
		.help = "where other edges connect to; needed as soon as there are peers"},
	{"cluster.tls", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, .flags = EDGE, CONTROL, AT(config, cluster.tls),
		.help = "name of a tls entry; without it the certificates that weirctl keys init made"},
	{"cluster.peers[]", SCHEMA_LIST, .maximum = PEERS_MAX, .flags = EDGE, CONTROL, LIST_AT(config, cluster.peers),
		.help = "the other edges"},
	{"cluster.peers[].id", SCHEMA_NUMBER, .minimum = 1, .maximum = 255, .flags = MUST | EDGE, CONTROL, AT(config_peer, id),
		.help = "its node.id"},
	{"cluster.peers[].name", SCHEMA_HOST, .flags = EDGE, CONTROL, AT(config_peer, name),
		.help = "its node.name; without it learnt when it connects"},
	{"cluster.peers[].address", SCHEMA_ENDPOINT, .flags = MUST | EDGE, CONTROL, AT(config_peer, address),
		.help = "its cluster.listen"},
	{"cluster.peers[].advertise[]", SCHEMA_HOST_PORT, .flags = MANY | EDGE, LIVE, LIST_AT(config_peer, advertise),
		.help = "other names that its listeners advertise"},
	{"cluster.heartbeat", SCHEMA_DURATION, UNIT_MS, .initial = "100ms", .minimum = 10, .maximum = 60000, .flags = EDGE, LIVE, AT(config, cluster.heartbeat_ms),
		.help = "how often edges tell each other that they live"},
	{"cluster.suspect-after", SCHEMA_DURATION, UNIT_MS, .initial = "300ms", .minimum = 20, .maximum = 600000, .flags = EDGE, LIVE, AT(config, cluster.suspect_after_ms),
		.help = "a silent edge is suspect after this; other ways are tried first from then on"},
	{"cluster.dead-after", SCHEMA_DURATION, UNIT_MS, .initial = "3s", .minimum = 100, .maximum = 600000, .flags = EDGE, LIVE, AT(config, cluster.dead_after_ms),
		.help = "a suspect edge is dead after this"},
	{"cluster.takeover", SCHEMA_CHOICE, .words = "off|!address", .initial = "off", .flags = EDGE, CONTROL,
		.help = "address: send from a dead edge's address once it is ours"},

	{"tls[]", SCHEMA_LIST, .maximum = TLS_MAX, CONTROL, LIST_AT(config, tls), .help = "certificates, used by name"},
	{"tls[].name", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, .flags = MUST, CONTROL, AT(config_tls, name),
		.help = "unique"},
	{"tls[].certificate", SCHEMA_PATH, .maximum = PATH_MAX_OCTETS, .flags = MUST, CONTROL, AT(config_tls, certificate),
		.help = "PEM file: the certificate, then its chain"},
	{"tls[].key", SCHEMA_PATH, .maximum = PATH_MAX_OCTETS, .flags = MUST, CONTROL, AT(config_tls, key),
		.help = "PEM file of the private key"},
	{"tls[].ca", SCHEMA_PATH, .maximum = PATH_MAX_OCTETS, CONTROL, AT(config_tls, ca),
		.help = "PEM file of those who may sign the other side's certificate; without it the system's"},
	{"tls[].client-auth", SCHEMA_CHOICE, .words = "none|optional|required", .initial = "none", .minimum = CLIENT_AUTH_NONE, CONTROL, AT(config_tls, client_auth),
		.help = "whether whoever connects must show a certificate"},

	{"keys", SCHEMA_SECTION, .flags = EDGE, .help = "secrets of the cluster, made by weirctl keys init"},
	{"keys.directory", SCHEMA_PATH, .initial = "/etc/weir/keys", .maximum = PATH_MAX_OCTETS, .flags = EDGE, CONTROL, AT(config, keys.directory),
		.help = "folder of the token secret, the index secret and the mesh's certificates"},
	{"keys.rotate-every", SCHEMA_DURATION, UNIT_S, .initial = "7d", .minimum = 10, .maximum = 40 * DAY_S, .flags = EDGE, CONTROL, AT(config, keys.rotate_every_s),
		.help = "how long one token key mints; tokens stay good for 13 more; the same on every edge"},

	{"upstream", SCHEMA_SECTION, .flags = EDGE, .help = "the registrar and the proxies behind us"},
	{"upstream.targets[]", SCHEMA_URI, .maximum = TARGETS_MAX, .flags = MUST | MANY | EDGE, LIVE, LIST_AT(config, upstream.targets),
		.help = "next hops that are known: requests that name one in a Route go there"},
	{"upstream.default[]", SCHEMA_URI, .maximum = TARGETS_MAX, .flags = MANY | EDGE, LIVE, LIST_AT(config, upstream.defaults),
		.help = "the targets that share everything else by Call-ID; without it all of them"},
	{"upstream.probe", SCHEMA_SECTION, .flags = EDGE, .help = "how a target's life is known"},
	{"upstream.probe.method", SCHEMA_CHOICE, .words = "OPTIONS", .initial = "OPTIONS", .flags = EDGE, LIVE,
		.help = "any answer to it will do"},
	{"upstream.probe.every", SCHEMA_DURATION, UNIT_MS, .initial = "5s", .minimum = 100, .maximum = 3600000, .flags = EDGE, LIVE, AT(config, upstream.probe_every_ms),
		.help = "time between two probes of one address"},
	{"upstream.probe.down-after", SCHEMA_NUMBER, .initial = "3", .minimum = 1, .maximum = 100, .flags = EDGE, LIVE, AT(config, upstream.probe_down_after),
		.help = "probes without an answer until it counts as down"},

	{"resolver", SCHEMA_SECTION, .help = "who is asked about names"},
	{"resolver.servers[]", SCHEMA_ENDPOINT, .maximum = SERVERS_MAX, .flags = MANY, CONTROL, LIST_AT(config, resolver.servers),
		.help = "DNS servers; without them those of /etc/resolv.conf"},

	{"flows", SCHEMA_SECTION, .flags = EDGE, .help = "connections of user agents (RFC 5626)"},
	{"flows.flow-timer", SCHEMA_SECTION, .flags = EDGE, .help = "told to phones: how often they must be heard"},
	{"flows.flow-timer.udp", SCHEMA_DURATION, UNIT_S, .initial = "28s", .minimum = 1, .maximum = 3600, .flags = EDGE, LIVE, AT(config, flows.flow_timer_udp_s),
		.help = "over UDP; NATs forget after 30 s"},
	{"flows.flow-timer.stream", SCHEMA_DURATION, UNIT_S, .initial = "120s", .minimum = 1, .maximum = 3600, .flags = EDGE, LIVE, AT(config, flows.flow_timer_stream_s),
		.help = "over TCP, TLS and WebSocket"},
	{"flows.force-token[]", SCHEMA_NETWORK, .flags = MANY | EDGE, LIVE, LIST_AT(config, flows.force_token),
		.help = "sources whose requests get a token though they never registered; only where no address can be forged"},
	{"flows.shared-flows[]", SCHEMA_NETWORK, .flags = MANY | EDGE, LIVE, LIST_AT(config, flows.shared_flows),
		.help = "sources that many user agents share, such as a gateway: one never ends another's flow"},
	{"flows.require-path", SCHEMA_FLAG, .initial = "no", .flags = EDGE, LIVE, AT(config, flows.require_path),
		.help = "yes: a REGISTER without Supported: path is answered 421"},
	{"flows.park", SCHEMA_DURATION, UNIT_MS, .initial = "20s", .maximum = 32000, .flags = EDGE, LIVE, AT(config, flows.park_ms),
		.help = "how long after a loss a request waits for the phone to come back; 0s: not at all"},
	{"flows.moved-phones", SCHEMA_RATE, .initial = "20/s", .maximum = 65535, .flags = EDGE, LIVE, AT(config, flows.moved_phones_per_s),
		.help = "requests of phones whose address changed that are served a second"},
	LATER("flows.keepalive"),

	{"inside[]", SCHEMA_NETWORK, .flags = MANY | EDGE, LIVE, LIST_AT(config, inside),
		.help = "where no access listener ever sends; without it the subnets of core and peer listeners"},
	{"downgrade", SCHEMA_CHOICE, .words = "refuse|allow", .initial = "refuse", .flags = EDGE, LIVE, AT(config, downgrade_allowed),
		.help = "allow: what must be secure may fail over to an insecure flow"},

	{"store", SCHEMA_SECTION, .flags = EDGE, .help = "what survives a restart"},
	{"store.path", SCHEMA_PATH_OR_OFF, .initial = "/var/lib/weir", .maximum = PATH_MAX_OCTETS, .flags = EDGE, CONTROL, AT(config, store_path),
		.help = "folder; off: start without knowing any flow"},

	{"link", SCHEMA_SECTION, .flags = EDGE, .help = "between weir-control and weir-dataplane"},
	{"link.socket", SCHEMA_PATH, .initial = "/run/weir/dataplane.sock", .maximum = SOCKET_MAX_OCTETS, .flags = EDGE, CONTROL, AT(config, link_socket),
		.help = "where weir-dataplane listens"},

	{"dataplane", SCHEMA_SECTION, .flags = EDGE, .help = "the process that forwards"},
	{"dataplane.workers", SCHEMA_NUMBER, .initial = "1", .minimum = 1, .maximum = LINK_WORKERS_MAX, .flags = EDGE, DATAPLANE, AT(config, dataplane.workers),
		.help = "threads that forward"},
	{"dataplane.cpus", SCHEMA_CPUS, .initial = "auto", .flags = EDGE, DATAPLANE, AT(config, dataplane.cpus),
		.help = "processors of the workers, one each, such as 2-5; auto: wherever the system puts them"},
	{"dataplane.memory", SCHEMA_CHOICE, .words = "auto|huge-pages|ordinary", .initial = "auto", .minimum = LINK_MEMORY_AUTO, .flags = EDGE, DATAPLANE, AT(config, dataplane.memory),
		.help = "where packets of DPDK devices are; auto: in huge pages if there are any, else in ordinary memory"},
	{"dataplane.idle", SCHEMA_CHOICE, .words = "adaptive|poll", .initial = "adaptive", .minimum = LINK_IDLE_ADAPTIVE, .flags = EDGE, DATAPLANE, AT(config, dataplane.idle),
		.help = "workers of DPDK devices while nothing comes; adaptive: they poll, then sleep, up to a millisecond; poll: they never sleep"},
	{"dataplane.eal[]", SCHEMA_TEXT, .maximum = LINK_WORDS_MAX, .flags = MANY | EDGE, DATAPLANE, LIST_AT(config, dataplane.eal),
		.help = "for experts: words for DPDK's EAL, in place of all that weir-dataplane would give it, such as [--no-pci, --in-memory]"},

	{"limits", SCHEMA_SECTION, .flags = EDGE, .help = "memory is taken for these at start; what exceeds them is refused"},
	{"limits.flows", SCHEMA_NUMBER, .initial = "100k", .minimum = 100, .maximum = FLOWS_MAX, .flags = EDGE, DATAPLANE, AT(config, limits.flows),
		.help = "flows of this edge"},
	{"limits.peer-flows", SCHEMA_NUMBER, .initial = "200k", .minimum = 100, .maximum = FLOWS_MAX, .flags = EDGE, DATAPLANE, AT(config, limits.peer_flows),
		.help = "flows known of all other edges together"},
	{"limits.rows", SCHEMA_NUMBER, .initial = "400k", .minimum = 100, .maximum = 4 * FLOWS_MAX, .flags = EDGE, DATAPLANE, AT(config, limits.rows),
		.help = "registration bindings on all those flows"},
	{"limits.reserved", SCHEMA_PERCENT, .initial = "10%", .minimum = 1, .maximum = 90, .flags = EDGE, LIVE, AT(config, limits.reserved_percent),
		.help = "share of the flows that may wait for a registrar's answer"},
	{"limits.reserved-per-network", SCHEMA_NUMBER, .initial = "256", .minimum = 1, .maximum = FLOWS_MAX, .flags = EDGE, LIVE, AT(config, limits.reserved_per_network),
		.help = "of those, from one IPv4 /24 or IPv6 /56"},
	{"limits.message", SCHEMA_OCTETS, .initial = "16KiB", .minimum = 1500, .maximum = 65535, .flags = EDGE, DATAPLANE, AT(config, limits.message_octets),
		.help = "the largest message"},
	LATER("limits.per-source"),
	LATER("limits.register"),
	LATER("limits.overload"),

	{"registrar", SCHEMA_SECTION, .flags = CORE, .help = "who may register (RFC 3261 section 10)"},
	{"registrar.realm", SCHEMA_TEXT, .minimum = 1, .maximum = TEXT_MAX_OCTETS, .flags = CORE, CONTROL, AT(config, registrar.realm),
		.help = "of the digest challenge; without it the first domain"},
	{"registrar.domains[]", SCHEMA_HOST, .flags = MUST | MANY | CORE, CONTROL, LIST_AT(config, registrar.domains),
		.help = "hosts of the addresses of record"},
	{"registrar.users[]", SCHEMA_LIST, .flags = CORE, CONTROL, LIST_AT(config, registrar.users),
		.help = "without users every REGISTER is believed"},
	{"registrar.users[].user", SCHEMA_TEXT, .minimum = 1, .maximum = TEXT_MAX_OCTETS, .flags = MUST | CORE, CONTROL, AT(config_registrar_user, user),
		.help = "the name it proves itself by"},
	{"registrar.users[].password", SCHEMA_TEXT, .minimum = 1, .maximum = TEXT_MAX_OCTETS, .flags = MUST | CORE | SCHEMA_SECRET, CONTROL, AT(config_registrar_user, password),
		.help = "for labs; a file is better: users-file"},
	LATER("registrar.users[].ha1"),
	{"registrar.users-file", SCHEMA_PATH, .maximum = PATH_MAX_OCTETS, .flags = CORE, CONTROL, AT(config, registrar.users_file),
		.help = "lines of user:password; in place of users"},
	{"registrar.min-expires", SCHEMA_DURATION, UNIT_S, .initial = "60s", .minimum = 1, .maximum = 3600, .flags = CORE, CONTROL, AT(config, registrar.min_expires_s),
		.help = "shorter ones are answered 423"},
	{"registrar.default-expires", SCHEMA_DURATION, UNIT_S, .initial = "1h", .minimum = 1, .maximum = 30 * DAY_S, .flags = CORE, CONTROL, AT(config, registrar.default_expires_s),
		.help = "for a REGISTER that asks for none"},
	{"registrar.max-expires", SCHEMA_DURATION, UNIT_S, .initial = "1h", .minimum = 1, .maximum = 30 * DAY_S, .flags = CORE, CONTROL, AT(config, registrar.max_expires_s),
		.help = "longer ones are shortened"},
	{"registrar.nonce-life", SCHEMA_DURATION, UNIT_S, .initial = "5m", .minimum = 1, .maximum = DAY_S, .flags = CORE, CONTROL, AT(config, registrar.nonce_life_s),
		.help = "how long one digest challenge may be answered"},
	{"proxy", SCHEMA_SECTION, .flags = CORE, .help = "how the core forwards"},
	{"proxy.record-route", SCHEMA_FLAG, .initial = "no", .flags = CORE, CONTROL, AT(config, proxy.record_route),
		.help = "yes: it stays in the path of its dialogs"},
	{"proxy.probe", SCHEMA_SECTION, .flags = CORE, .help = "how an edge's life is known"},
	{"proxy.probe.every", SCHEMA_DURATION, UNIT_MS, .initial = "500ms", .minimum = 100, .maximum = 3600000, .flags = CORE, CONTROL, AT(config, proxy.probe_every_ms),
		.help = "time between two OPTIONS to one address"},
	{"proxy.probe.down-after", SCHEMA_NUMBER, .initial = "2", .minimum = 1, .maximum = 100, .flags = CORE, CONTROL, AT(config, proxy.probe_down_after),
		.help = "probes without an answer until it counts as down"},

	{"admin", SCHEMA_SECTION, .help = "who may look and steer"},
	{"admin.socket", SCHEMA_PATH, .initial = "/run/weir/control.sock", .maximum = SOCKET_MAX_OCTETS, CONTROL, AT(config, admin.socket),
		.help = "where weirctl connects to"},
	{"admin.group", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, CONTROL, AT(config, admin.group),
		.help = "members may do everything, as root and weir-control's own user may"},
	{"admin.operator-group", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, CONTROL, AT(config, admin.operator_group),
		.help = "members may look and steer, but not change keys"},
	{"admin.read-group", SCHEMA_NAME, .minimum = 1, .maximum = NAME_MAX_OCTETS, CONTROL, AT(config, admin.read_group),
		.help = "members may look"},

	{"log", SCHEMA_SECTION, .help = "to standard error"},
	{"log.level", SCHEMA_CHOICE, .words = "error|warning|notice|info|debug", .initial = "info", .minimum = LOG_LEVEL_ERROR, LIVE, AT(config, log.level),
		.help = "the least that is written"},
	{"log.format", SCHEMA_CHOICE, .words = "auto|text|journal|!json", .initial = "auto", .minimum = LOG_FORMAT_AUTO, LIVE, AT(config, log.format),
		.help = "auto: journal under systemd, else text"},

	LATER("capture"),
	LATER("metrics"),
	LATER("include"),
};
// clang-format on

const size_t schema_row_count = sizeof(schema_rows) / sizeof(schema_rows[0]);
