// The store and what goes wrong with files: nothing wrong comes out, and the edge goes on.

#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
	MANY = 20000,
	CROWDED = 5000, // flows
};

static size_t load(uint8_t *octets, size_t capacity, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = read(fd, octets, capacity);

	close(fd);
	return (size_t)length;
}

static void save(const uint8_t *octets, size_t length, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(eq(int, write(fd, octets, length) == (ssize_t)length, 1));
	close(fd);
}

// Every 61st octet flipped, one at a time: each trial forks a reader, so all of them would take minutes.
Test(store_damage, gives_nothing_wrong_and_does_not_crash_when_octets_are_flipped, .init = setup,
	.fini = teardown, .timeout = 60)
{
	static uint8_t octets[1 << 20];
	char path[96];

	fill();
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	size_t length = load(octets, sizeof(octets), path);
	for (size_t i = 0; i < length; i += 61) {
		octets[i] ^= 0x55;
		save(octets, length, path);
		octets[i] ^= 0x55;
		unsigned count = count_all();
		cr_assert(le(uint, count, SLOTS), "octet %zu", i);
	}
}

// The facts lie in the file as they are, and begin with the format, the edge and the incarnation.
static void facts_flip(uint8_t *octets, size_t length, uint64_t incarnation, size_t offset)
{
	for (size_t i = 8; i + 40 <= length; i++)
		if (memcmp(octets + i, &incarnation, sizeof(incarnation)) == 0)
			octets[i - 8 + offset] ^= 0x80;
}

Test(store_damage, believes_no_facts_whose_octets_are_flipped, .init = setup, .fini = teardown,
	.timeout = 60)
{
	static uint8_t octets[1 << 20];
	char path[96];

	fill();
	struct store *store = open_as(EDGE);
	uint64_t incarnation = store_incarnation(store);
	store_close(store);
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	size_t length = load(octets, sizeof(octets), path);
	for (size_t offset = 0; offset < 40; offset++) {
		facts_flip(octets, length, incarnation, offset);
		save(octets, length, path);
		facts_flip(octets, length, incarnation, offset);
		store = open_as(EDGE);
		// All of them, or none: the file was set aside.
		if (store_newest_generation(store) != 0) {
			cr_assert(eq(u32, store_newest_generation(store), 1000 + SLOTS));
			cr_assert(eq(u64, store_last_s(store), 5000));
			cr_assert(eq(u64, store_incarnation(store), incarnation));
		}
		store_close(store);
	}
	cr_assert(ne(ptr, strstr(said(), "store-set-aside"), NULL));
}

Test(store_damage, does_not_set_aside_what_it_may_not_open, .init = setup, .fini = teardown)
{
	const struct store_options options = {
		.path = folder, .edge = EDGE, .flows_max = 1000, .current = current, .log = log_};
	struct store *store = NULL;
	char path[96];

	fill();
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	cr_assert(eq(int, chmod(folder, 0777), 0));
	cr_assert(eq(int, chmod(path, 0400), 0));
	bool root = getuid() == 0;
	if (root)
		cr_assert(eq(int, setresuid(65534, 65534, 0), 0));
	int status = store_open(&options, &store);
	if (root)
		cr_assert(eq(int, setresuid(0, 0, 0), 0));
	cr_assert(eq(int, status, -EACCES));
	cr_assert(eq(ptr, strstr(said(), "store-set-aside"), NULL));
	cr_assert(eq(int, chmod(path, 0600), 0));
	cr_assert(eq(uint, count_all(), SLOTS));
}

Test(store_damage, a_path_too_long_to_check_is_not_opened, .init = setup, .fini = teardown)
{
	char path[600];
	const struct store_options options = {
		.path = path, .edge = EDGE, .flows_max = 1000, .current = current, .log = log_};
	struct store *store = NULL;

	// Slashes in a row are one.
	size_t length = (size_t)snprintf(path, sizeof(path), "%s", folder);
	memset(path + length, '/', sizeof(path) - length);
	path[sizeof(path) - 1] = 0;
	cr_assert(eq(int, store_open(&options, &store), -ENAMETOOLONG));
}

Test(store_damage, flows_of_as_many_rows_as_there_may_be_all_fit, .init = setup, .fini = teardown)
{
	const struct store_options options = {.path = folder,
		.edge = EDGE,
		.flows_max = CROWDED,
		.current = current,
		.log = log_};
	struct store *store = NULL;

	cr_assert(eq(int, store_open(&options, &store), 0));
	// Twice, so that the pages of the first are still there when the second are written.
	for (uint32_t slot = 1; slot <= 2 * CROWDED; slot++) {
		struct flow_record record = record_of(1 + slot % CROWDED);
		for (record.row_count = 0; record.row_count < FLOW_ROWS_MAX; record.row_count++)
			record.rows[record.row_count] =
				(struct row){.uak = slot, .aor = 1, .contact = 1};
		store_put(store, &record);
		if (slot % CROWDED == 0)
			cr_assert(eq(int, store_commit(store, slot), 0), "%s", said());
	}
	store_close(store);
}

static struct rlimit whole;

// No file of ours grows beyond half of what the store has.
static void disk_fill(void)
{
	struct rlimit limit;
	struct stat file;
	char path[96];

	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	cr_assert(eq(int, stat(path, &file), 0));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &whole);
	limit = whole;
	limit.rlim_cur = (rlim_t)file.st_size / 2;
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
}

static void disk_free(void)
{
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &whole), 0));
}

static void put_gone(struct store *store, uint32_t slot)
{
	struct flow_record record = record_of(slot);

	record.state = FLOW_GONE;
	record.row_count = 0;
	is_gone[slot] = true;
	store_put(store, &record);
}

Test(store_damage, goes_on_when_the_disk_is_full_and_catches_up, .init = setup, .fini = teardown)
{
	fill();
	struct store *store = open_as(EDGE);
	disk_fill();
	put_gone(store, 3);
	for (uint32_t slot = 4; slot <= SLOTS; slot++) {
		struct flow_record other = record_of(slot);
		store_put(store, &other);
	}
	cr_assert(lt(int, store_commit(store, 6000), 0));
	cr_assert(ne(ptr, strstr(said(), "store-failed"), NULL));
	put_gone(store, 5);
	disk_free();
	// Not tried again in the same second: the loop has other things to do.
	cr_assert(lt(int, store_commit(store, 6000), 0));
	cr_assert(eq(int, store_commit(store, 6001), 0));
	cr_assert(ne(ptr, strstr(said(), "store-works-again"), NULL));
	store_close(store);
	cr_assert(eq(uint, count_all(), SLOTS - 2));
}

Test(store_damage, remembers_a_full_disk_in_a_bit_a_slot, .init = setup, .fini = teardown)
{
	const struct store_options options = {
		.path = folder, .edge = EDGE, .flows_max = MANY, .current = current, .log = log_};
	struct store *store = NULL;
	struct rusage before;
	struct rusage after;

	fill();
	cr_assert(eq(int, store_open(&options, &store), 0));
	disk_fill();
	put_gone(store, 3);
	cr_assert(lt(int, store_commit(store, 6000), 0));
	getrusage(RUSAGE_SELF, &before);
	// They are gone again when the disk has room.
	for (uint32_t slot = SLOTS + 1; slot <= MANY; slot++) {
		struct flow_record record = record_of(slot);
		store_put(store, &record);
		if (slot % 100 == 0)
			cr_assert(lt(int, store_commit(store, 6000 + slot), 0));
	}
	getrusage(RUSAGE_SELF, &after);
	cr_assert(lt(int, after.ru_maxrss - before.ru_maxrss, 8192)); // KiB
	disk_free();
	// A part at each call.
	for (unsigned i = 0; i < 20; i++)
		cr_assert(eq(int, store_commit(store, 60000), 0));
	cr_assert(ne(ptr, strstr(said(), "store-works-again"), NULL));
	cr_assert(eq(u32, store_newest_generation(store), 1000 + MANY));
	store_close(store);
	cr_assert(eq(uint, count_all(), SLOTS - 1));
}
