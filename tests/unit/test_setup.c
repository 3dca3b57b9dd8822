// test_setup.c: packets and their descriptors cross whole or not at all, and a refused one leaves no descriptor behind.

#include <weir/setup.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int ends[2];
static struct setup_packet packet;

static void setup(void)
{
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0));
	memset(&packet, 0xa5, sizeof(packet));
}

static unsigned descriptors_open(void)
{
	unsigned count = 0;
	DIR *folder = opendir("/proc/self/fd");

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

// A packet as a hostile peer may write it: any octets, any descriptors.
static void send_raw(const void *octets, size_t length, const int *descriptors, size_t count)
{
	struct iovec part = {.iov_base = (void *)octets, .iov_len = length};
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int) * 253)] = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > 0) {
		struct cmsghdr *header = (struct cmsghdr *)control;
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	}
	cr_assert(eq(i64, sendmsg(ends[0], &message, 0), (int64_t)length));
}

static void assert_refused(const void *octets, size_t length, const int *descriptors, size_t count)
{
	unsigned before = descriptors_open();
	struct setup_packet untouched = packet;

	send_raw(octets, length, descriptors, count);
	cr_assert(eq(int, setup_receive(ends[1], &packet), -EBADMSG));
	cr_assert(eq(uint, descriptors_open(), before));
	cr_assert(eq(int, memcmp(&untouched, &packet, sizeof(packet)), 0));
}

struct raw {
	struct record_header header;
	uint8_t payload[1024];
};

static struct raw raw_of(uint16_t type, uint32_t length)
{
	return (struct raw){.header = {.length = length, .type = type}};
}

Test(setup, a_packet_arrives_as_it_was_sent, .init = setup)
{
	struct link_hello hello = {
		.abi = LINK_ABI, .running = 1, .incarnation = 1700000000123456789};

	cr_assert(eq(int, setup_receive(ends[1], &packet), -EAGAIN));
	cr_assert(eq(
		int, setup_send(ends[0], LINK_HELLO, span_of(&hello, sizeof(hello)), NULL, 0), 0));
	cr_assert(eq(int, setup_receive(ends[1], &packet), 1));
	cr_assert(eq(int, packet.type, LINK_HELLO));
	cr_assert(eq(int, packet.length, sizeof(hello)));
	cr_assert(eq(u32, packet.descriptor_count, 0));
	cr_assert(eq(int, memcmp(packet.payload, &hello, sizeof(hello)), 0));
}

Test(setup, as_many_descriptors_cross_as_a_type_may_carry_in_their_order, .init = setup)
{
	int sent[SETUP_DESCRIPTORS_MAX];
	struct stat theirs, ours;

	for (unsigned i = 0; i < SETUP_DESCRIPTORS_MAX; i++) {
		int pipes[2];
		cr_assert(eq(int, pipe(pipes), 0));
		sent[i] = pipes[0];
	}
	cr_assert(eq(int,
		setup_send(ends[0], LINK_UP, (struct span){0}, sent, SETUP_DESCRIPTORS_MAX), 0));
	cr_assert(eq(int, setup_receive(ends[1], &packet), 1));
	cr_assert(eq(u32, packet.descriptor_count, SETUP_DESCRIPTORS_MAX));
	for (unsigned i = 0; i < SETUP_DESCRIPTORS_MAX; i++) {
		cr_assert(eq(int, fstat(sent[i], &ours), 0));
		cr_assert(eq(int, fstat(packet.descriptors[i], &theirs), 0));
		cr_assert(ours.st_ino == theirs.st_ino);
		cr_assert(eq(int, fcntl(packet.descriptors[i], F_GETFD), FD_CLOEXEC));
	}
}

Test(setup, closing_a_packet_leaves_the_descriptors_that_were_taken, .init = setup)
{
	unsigned before = descriptors_open();
	int four[4] = {0, 1, 2, ends[0]};

	cr_assert(eq(int, setup_send(ends[0], LINK_UP, (struct span){0}, four, 4), 0));
	cr_assert(eq(int, setup_receive(ends[1], &packet), 1));
	cr_assert(eq(uint, descriptors_open(), before + 4));
	int taken = packet.descriptors[2];
	packet.descriptors[2] = -1;
	setup_close(&packet);
	setup_close(&packet);
	cr_assert(eq(uint, descriptors_open(), before + 1));
	cr_assert(ge(int, fcntl(taken, F_GETFD), 0));
}

Test(setup, what_a_type_does_not_carry_is_not_sent, .init = setup)
{
	static const uint8_t octets[sizeof(struct link_failed) + 1];
	int descriptors[SETUP_DESCRIPTORS_MAX + 1] = {0};

	cr_assert(eq(int, setup_send(ends[0], 0, (struct span){0}, NULL, 0), -EINVAL));
	cr_assert(eq(int, setup_send(ends[0], LINK_FLOW, (struct span){0}, NULL, 0), -EINVAL));
	cr_assert(eq(int, setup_send(ends[0], LINK_HELLO, span_of(octets, 15), NULL, 0), -EINVAL));
	cr_assert(eq(int, setup_send(ends[0], LINK_HELLO, span_of(octets, 16), descriptors, 1),
		-EINVAL));
	cr_assert(eq(int, setup_send(ends[0], LINK_UP, (struct span){0}, descriptors, 3), -EINVAL));
	cr_assert(eq(int,
		setup_send(
			ends[0], LINK_UP, (struct span){0}, descriptors, SETUP_DESCRIPTORS_MAX + 1),
		-EINVAL));
	cr_assert(eq(int, setup_receive(ends[1], &packet), -EAGAIN));
}

Test(setup, a_packet_of_any_other_length_is_refused, .init = setup)
{
	static const uint32_t lengths[] = {[LINK_HELLO] = sizeof(struct link_hello),
		[LINK_CONFIG] = sizeof(struct link_config),
		[LINK_DEVICE] = sizeof(struct link_device),
		[LINK_LISTENER] = sizeof(struct link_listener),
		[LINK_START] = 0,
		[LINK_FAILED] = sizeof(struct link_failed)};

	for (uint16_t type = LINK_HELLO; type <= LINK_FAILED; type++) {
		if (type == LINK_UP)
			continue;
		for (uint32_t length = 0; length <= SETUP_PAYLOAD_MAX + 40; length++) {
			if (length == lengths[type])
				continue;
			struct raw raw = raw_of(type, length);
			assert_refused(&raw, sizeof(raw.header) + length, NULL, 0);
		}
	}
}

Test(setup, a_packet_is_refused_when_its_header_says_another_length, .init = setup)
{
	static const uint32_t claims[] = {0, 15, 17, 512, 0x7fffffff, 0xffffffff, 0xfffffff8};

	for (unsigned i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		struct raw raw = raw_of(LINK_HELLO, claims[i]);
		assert_refused(&raw, sizeof(raw.header) + sizeof(struct link_hello), NULL, 0);
	}
	struct raw flagged = raw_of(LINK_START, 0);
	flagged.header.flags = 1;
	assert_refused(&flagged, sizeof(flagged.header), NULL, 0);
}

Test(setup, a_packet_is_refused_at_every_prefix_of_its_header, .init = setup)
{
	struct raw raw = raw_of(LINK_START, 0);

	for (size_t length = 1; length < sizeof(raw.header); length++)
		assert_refused(&raw, length, NULL, 0);
}

Test(setup, a_packet_of_an_unknown_type_is_refused, .init = setup)
{
	static const uint16_t types[] = {
		0, LINK_FAILED + 1, LINK_FLOW, LINK_UP_MESSAGE, 0x8000, 0xffff};

	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct raw raw = raw_of(types[i], 0);
		assert_refused(&raw, sizeof(raw.header), NULL, 0);
	}
}

Test(setup, no_descriptor_stays_open_that_nobody_asked_for, .init = setup)
{
	struct raw hello = raw_of(LINK_HELLO, sizeof(struct link_hello));
	struct raw up = raw_of(LINK_UP, 0);
	struct raw device = raw_of(LINK_DEVICE, sizeof(struct link_device));
	struct raw listener = raw_of(LINK_LISTENER, sizeof(struct link_listener));
	int descriptors[253] = {0};

	assert_refused(&hello, sizeof(hello.header) + sizeof(struct link_hello), descriptors, 1);
	assert_refused(&device, sizeof(device.header) + sizeof(struct link_device), descriptors, 1);
	assert_refused(&listener, sizeof(listener.header) + sizeof(struct link_listener),
		descriptors, LINK_WORKERS_MAX + 1);
	assert_refused(&up, sizeof(up.header), descriptors, 3);
	for (size_t count = SETUP_DESCRIPTORS_MAX + 1; count <= 253; count += 36)
		assert_refused(&up, sizeof(up.header), descriptors, count);
	assert_refused(&hello, sizeof(hello), descriptors, 253);
}

Test(setup, a_good_packet_is_read_after_a_bad_one, .init = setup)
{
	struct raw bad = raw_of(LINK_CONFIG, 1);

	assert_refused(&bad, sizeof(bad), NULL, 0);
	cr_assert(eq(int, setup_send(ends[0], LINK_START, (struct span){0}, NULL, 0), 0));
	cr_assert(eq(int, setup_receive(ends[1], &packet), 1));
	cr_assert(eq(int, packet.type, LINK_START));
}

Test(setup, the_death_of_the_other_side_is_the_end_and_no_signal, .init = setup)
{
	close(ends[0]);
	cr_assert(eq(int, setup_receive(ends[1], &packet), 0));
	cr_assert(eq(int, setup_send(ends[1], LINK_START, (struct span){0}, NULL, 0), -EPIPE));
}
