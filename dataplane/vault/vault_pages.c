#include <weir/vault.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Out of the kernel's own map, locked, and in no dump by themselves.
static void *secret_map(size_t size)
{
	int file = (int)syscall(SYS_memfd_secret, 0);
	void *pages = MAP_FAILED;

	if (file < 0)
		return MAP_FAILED;
	if (ftruncate(file, (off_t)size) == 0)
		pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return pages;
}

static void *private_map(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages != MAP_FAILED)
		(void)mlock(pages, size);
	return pages;
}

void *vault_map(size_t size)
{
	void *pages = secret_map(size);

	if (pages == MAP_FAILED)
		pages = private_map(size);
	if (pages == MAP_FAILED)
		return NULL;
	(void)madvise(pages, size, MADV_DONTDUMP);
	(void)madvise(pages, size, MADV_DONTFORK);
	return pages;
}

void vault_unmap(void *pages, size_t size)
{
	OPENSSL_cleanse(pages, size);
	(void)munmap(pages, size);
}
