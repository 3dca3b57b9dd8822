#include "private_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	TEXT_MAX = 1
		<< 18, // of a file; a key of 16384 bits with certificates beside it is far smaller
};

// OpenSSL itself would ask at the terminal, and stand still until an answer comes.
static int passphrase_refuse(char *out, int capacity, int writing, void *context)
{
	(void)out;
	(void)capacity;
	(void)writing;
	(void)context;
	return -1;
}

// The length, or -1 and errno.
static ssize_t text_read(const char *path, char *text)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t length = 0;
	ssize_t got = 1;

	if (file < 0)
		return -1;
	while (got > 0 && length < TEXT_MAX) {
		got = read(file, text + length, TEXT_MAX - length);
		length += got > 0 ? (size_t)got : 0;
	}
	int error = length == TEXT_MAX ? EFBIG : errno;

	close(file);
	errno = error;
	return got < 0 || length == TEXT_MAX ? -1 : (ssize_t)length;
}

static EVP_PKEY *text_parse(const char *text, size_t length)
{
	BIO *lines = BIO_new_mem_buf(text, (int)length); // no copy of it
	EVP_PKEY *key = lines == NULL
		? NULL
		: PEM_read_bio_PrivateKey(lines, NULL, passphrase_refuse, NULL);

	BIO_free(lines);
	return key;
}

EVP_PKEY *private_key_read(const char *path)
{
	char *text = OPENSSL_malloc(TEXT_MAX);
	EVP_PKEY *key = NULL;

	if (text == NULL)
		return NULL;
	ssize_t length = text_read(path, text);

	if (length < 0)
		ERR_raise_data(ERR_LIB_SYS, errno, "%s", path);
	else
		key = text_parse(text, (size_t)length);
	OPENSSL_clear_free(text, TEXT_MAX);
	return key;
}
