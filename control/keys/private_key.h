// private_key.h: private keys of certificates, read without a trace of their text in ordinary memory.

#pragma once

#include <openssl/evp.h>

// NULL: libcrypto's queue of errors says why. A key under a passphrase is refused: a daemon has nobody to ask.
[[nodiscard]] EVP_PKEY *private_key_read(const char *path);
