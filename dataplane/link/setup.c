#include <weir/setup.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

// What a packet of each type carries.
struct shape {
	uint16_t length;
	uint8_t descriptors_min;
	uint8_t descriptors_max;
};

static const struct shape SHAPES[] = {
	[LINK_HELLO] = {.length = sizeof(struct link_hello)},
	[LINK_CONFIG] = {.length = sizeof(struct link_config)},
	[LINK_DEVICE] = {.length = sizeof(struct link_device)},
	[LINK_LISTENER] = {.length = sizeof(struct link_listener),
		.descriptors_max = LINK_WORKERS_MAX},
	[LINK_START] = {.length = 0},
	[LINK_UP] = {.descriptors_min = 4, .descriptors_max = SETUP_DESCRIPTORS_MAX},
	[LINK_FAILED] = {.length = sizeof(struct link_failed)},
};

static bool shape_fits(uint16_t type, size_t length, uint32_t descriptors)
{
	if (type < LINK_HELLO || type > LINK_FAILED)
		return false;
	const struct shape *shape = &SHAPES[type];

	return length == shape->length && descriptors >= shape->descriptors_min
		&& descriptors <= shape->descriptors_max;
}

// Room for the control message; the union aligns it.
union ancillary {
	struct cmsghdr header;
	uint8_t octets[CMSG_SPACE(sizeof(int) * SETUP_DESCRIPTORS_MAX)];
};

static void ancillary_fill(
	union ancillary *ancillary, struct msghdr *message, const int *descriptors, uint32_t count)
{
	size_t length = sizeof(int) * count;

	memset(ancillary, 0, sizeof(*ancillary));
	ancillary->header.cmsg_level = SOL_SOCKET;
	ancillary->header.cmsg_type = SCM_RIGHTS;
	ancillary->header.cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(&ancillary->header), descriptors, length);
	message->msg_control = ancillary;
	message->msg_controllen = CMSG_SPACE(length);
}

int setup_send(
	int socket, uint16_t type, struct span payload, const int *descriptors, uint32_t count)
{
	struct record_header header = {.length = (uint32_t)payload.length, .type = type};
	struct iovec parts[] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)payload.octets, .iov_len = payload.length},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	union ancillary ancillary;
	ssize_t sent;

	if (!shape_fits(type, payload.length, count))
		return -EINVAL;
	if (count > 0)
		ancillary_fill(&ancillary, &message, descriptors, count);
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

// All descriptors of the message; false, and the rest closed, when there are more than a packet may carry (the alignment of the
// control message leaves room for one).
static bool ancillary_take(struct msghdr *message, struct setup_packet *packet)
{
	bool taken = true;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL;
		at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int descriptor;
			memcpy(&descriptor, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
			if (packet->descriptor_count < SETUP_DESCRIPTORS_MAX) {
				packet->descriptors[packet->descriptor_count++] = descriptor;
			} else {
				close(descriptor);
				taken = false;
			}
		}
	}
	return taken;
}

static bool packet_is_valid(const struct record_header *header, size_t received, int flags,
	const struct setup_packet *packet)
{
	return (flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && received >= sizeof(*header)
		&& header->length == received - sizeof(*header) && header->flags == 0
		&& shape_fits(header->type, header->length, packet->descriptor_count);
}

int setup_receive(int socket, struct setup_packet *packet)
{
	struct setup_packet arrived = {0};
	struct record_header header = {0};
	union ancillary ancillary;
	struct iovec parts[] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = arrived.payload, .iov_len = sizeof(arrived.payload)},
	};
	struct msghdr message = {.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &ancillary,
		.msg_controllen = sizeof(ancillary)};
	ssize_t received;

	do
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET ? 0 : -errno;
	bool taken = ancillary_take(&message, &arrived);
	if (received == 0 || !taken
		|| !packet_is_valid(&header, (size_t)received, message.msg_flags, &arrived)) {
		setup_close(&arrived);
		return received == 0 ? 0 : -EBADMSG;
	}

	arrived.type = header.type;
	arrived.length = (uint16_t)header.length;
	*packet = arrived;
	return 1;
}

void setup_close(struct setup_packet *packet)
{
	for (uint32_t i = 0; i < packet->descriptor_count; i++)
		if (packet->descriptors[i] >= 0)
			close(packet->descriptors[i]);
	packet->descriptor_count = 0;
}
