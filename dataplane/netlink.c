// netlink.c: asking the kernel for its tables.

#include "netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	NETLINK_ROOM = 32768, // the kernel fills a buffer of a dump up to here
	NETLINK_PATIENCE_S = 5, // it answers at once, or never
};

static int socket_open(int flags, struct mnl_socket **socket)
{
	*socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	if (*socket == NULL)
		return -errno;
	if (mnl_socket_bind(*socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	int error = -errno;

	mnl_socket_close(*socket);
	return error;
}

int netlink_open(struct mnl_socket **socket)
{
	const struct timeval patience = {.tv_sec = NETLINK_PATIENCE_S};
	int error = socket_open(0, socket);

	if (error < 0)
		return error;
	if (setsockopt(mnl_socket_get_fd(*socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		    sizeof(patience))
		== 0)
		return 0;
	error = -errno;
	mnl_socket_close(*socket);
	return error;
}

int netlink_subscribe(const unsigned *groups, unsigned count, struct mnl_socket **socket)
{
	int error = socket_open(SOCK_NONBLOCK, socket);

	if (error < 0)
		return error;
	for (unsigned i = 0; i < count; i++) {
		int group = (int)groups[i];

		if (mnl_socket_setsockopt(*socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))
			< 0) {
			error = -errno;
			mnl_socket_close(*socket);
			return error;
		}
	}
	return 0;
}

// A dump that failed half way ends as one that did not, but for this number, at which libmnl does not look.
static int end_judge(const struct nlmsghdr *message, void *context)
{
	int error = 0;

	(void)context;
	if (mnl_nlmsg_get_payload_len(message) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	if (error >= 0)
		return MNL_CB_STOP;
	errno = -error;
	return MNL_CB_ERROR;
}

static int answer_read(struct mnl_socket *socket, mnl_cb_t each, void *context)
{
	mnl_cb_t control[NLMSG_DONE + 1] = {[NLMSG_DONE] = end_judge};
	char room[NETLINK_ROOM];
	unsigned port = mnl_socket_get_portid(socket);
	int more = MNL_CB_OK;

	while (more > MNL_CB_STOP) {
		ssize_t length = mnl_socket_recvfrom(socket, room, sizeof(room));

		if (length < 0)
			return -errno;
		more = mnl_cb_run2(
			room, (size_t)length, 0, port, each, context, control, NLMSG_DONE + 1);
	}
	return more == MNL_CB_STOP ? 0 : -errno;
}

int netlink_dump(
	struct mnl_socket *socket, uint16_t type, uint8_t family, mnl_cb_t each, void *context)
{
	char room[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct rtgenmsg))];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct rtgenmsg *general = mnl_nlmsg_put_extra_header(request, sizeof(*general));

	general->rtgen_family = family;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	return answer_read(socket, each, context);
}

static int local_judge(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	bool *local = context;

	if (message->nlmsg_type == RTM_NEWROUTE
		&& mnl_nlmsg_get_payload_len(message) >= sizeof(*header))
		*local = header->rtm_type == RTN_LOCAL;
	return MNL_CB_STOP;
}

// The way the kernel would go there itself (`ip route get`). That there is none at all is an answer, too.
int netlink_ask_local(struct mnl_socket *socket, const struct endpoint *address, bool *local)
{
	uint8_t octets = address->family == ENDPOINT_V4 ? 4 : 16;
	char room[NETLINK_ROOM];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->rtm_family = address->family == ENDPOINT_V4 ? AF_INET : AF_INET6;
	header->rtm_dst_len = (uint8_t)(octets * 8);
	mnl_attr_put(request, RTA_DST, octets, address->address);
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	ssize_t length = mnl_socket_recvfrom(socket, room, sizeof(room));

	if (length < 0)
		return -errno;
	*local = false;
	(void)mnl_cb_run(
		room, (size_t)length, 0, mnl_socket_get_portid(socket), local_judge, local);
	return 0;
}

static int attribute_keep(const struct nlattr *attribute, void *context)
{
	struct netlink_attributes *attributes = context;
	unsigned type = mnl_attr_get_type(attribute);

	if (type < NETLINK_ATTRIBUTES_MAX)
		attributes->of[type] = attribute;
	return MNL_CB_OK;
}

bool netlink_read_attributes(
	const struct nlmsghdr *message, size_t header, struct netlink_attributes *attributes)
{
	if (mnl_nlmsg_get_payload_len(message) < header)
		return false;
	memset(attributes, 0, sizeof(*attributes));
	return mnl_attr_parse(message, (unsigned)header, attribute_keep, attributes)
		!= MNL_CB_ERROR;
}

void netlink_read_octets(const void *octets, size_t length, struct netlink_attributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
	(void)mnl_attr_parse_payload(octets, length, attribute_keep, attributes);
}

void netlink_read_nested(const struct nlattr *nest, struct netlink_attributes *attributes)
{
	if (nest == NULL)
		memset(attributes, 0, sizeof(*attributes));
	else
		netlink_read_octets(
			mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), attributes);
}

bool netlink_copy(
	const struct netlink_attributes *attributes, unsigned type, void *out, size_t length)
{
	const struct nlattr *attribute = attributes->of[type];

	if (attribute == NULL || mnl_attr_get_payload_len(attribute) != length)
		return false;
	memcpy(out, mnl_attr_get_payload(attribute), length);
	return true;
}

uint32_t netlink_read_u32(
	const struct netlink_attributes *attributes, unsigned type, uint32_t otherwise)
{
	uint32_t value;

	return netlink_copy(attributes, type, &value, sizeof(value)) ? value : otherwise;
}

uint16_t netlink_read_u16(
	const struct netlink_attributes *attributes, unsigned type, uint16_t otherwise)
{
	uint16_t value;

	return netlink_copy(attributes, type, &value, sizeof(value)) ? value : otherwise;
}

bool netlink_text_is(const struct netlink_attributes *attributes, unsigned type, const char *text)
{
	const struct nlattr *attribute = attributes->of[type];

	// Its end is in it.
	return attribute != NULL && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0
		&& strcmp(mnl_attr_get_str(attribute), text) == 0;
}

bool netlink_take_address(
	uint8_t family, const void *octets, size_t length, struct endpoint *address)
{
	if (!(family == AF_INET && length == 4) && !(family == AF_INET6 && length == 16))
		return false;
	*address = (struct endpoint){.family = family == AF_INET ? ENDPOINT_V4 : ENDPOINT_V6};
	memcpy(address->address, octets, length);
	return true;
}
