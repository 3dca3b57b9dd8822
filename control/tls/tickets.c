#include "tickets.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <errno.h>
#include <pthread.h>

enum {
	HOURS = 3, // the one before, this one, the next one
	LABEL_OCTETS = 11,
};

static const uint8_t label[LABEL_OCTETS + 1] = "tls tickets";

struct hour {
	uint64_t number;
	bool made;
	struct ticket_key key;
};

// On libcrypto's heap, which no core dump holds (weir/vault.h).
struct tickets {
	pthread_mutex_t lock;
	uint8_t secret[TICKETS_SECRET_OCTETS]; // set before threads start
	struct hour hours[HOURS]; // guarded by lock; an hour's place is its number modulo HOURS
};

struct tickets *tickets_new(void)
{
	struct tickets *tickets = OPENSSL_zalloc(sizeof(*tickets));

	if (tickets == NULL)
		return NULL;
	pthread_mutex_init(&tickets->lock, NULL);
	if (RAND_priv_bytes(tickets->secret, sizeof(tickets->secret)) == 1)
		return tickets;
	tickets_free(tickets);
	return NULL;
}

void tickets_free(struct tickets *tickets)
{
	if (tickets == NULL)
		return;
	pthread_mutex_destroy(&tickets->lock);
	OPENSSL_clear_free(tickets, sizeof(*tickets));
}

void tickets_set_secret(struct tickets *tickets, const uint8_t secret[TICKETS_SECRET_OCTETS])
{
	memcpy(tickets->secret, secret, sizeof(tickets->secret));
	OPENSSL_cleanse(tickets->hours, sizeof(tickets->hours));
}

// HKDF-Expand (RFC 5869 section 2.3) of a block that chains nothing: the secret is as good as its output.
static bool part_derive(
	const struct tickets *tickets, uint64_t number, uint8_t part, uint8_t *out, size_t length)
{
	uint8_t info[LABEL_OCTETS + sizeof(number) + 1];
	uint8_t block[TICKETS_SECRET_OCTETS];
	unsigned got;

	memcpy(info, label, LABEL_OCTETS);
	for (unsigned i = 0; i < sizeof(number); i++)
		info[LABEL_OCTETS + i] = (uint8_t)(number >> 8 * (sizeof(number) - 1 - i));
	info[sizeof(info) - 1] = part;
	if (HMAC(EVP_sha256(), tickets->secret, sizeof(tickets->secret), info, sizeof(info), block,
		    &got)
		== NULL)
		return false;
	memcpy(out, block, length);
	OPENSSL_cleanse(block, sizeof(block));
	return true;
}

static const struct ticket_key *hour_find(struct tickets *tickets, uint64_t number)
{
	struct hour *hour = &tickets->hours[number % HOURS];
	struct ticket_key *key = &hour->key;

	if (hour->made && hour->number == number)
		return key;
	hour->made = false;
	if (!part_derive(tickets, number, 1, key->name, sizeof(key->name))
		|| !part_derive(tickets, number, 2, key->cipher, sizeof(key->cipher))
		|| !part_derive(tickets, number, 3, key->mac, sizeof(key->mac)))
		return NULL;
	hour->number = number;
	hour->made = true;
	return key;
}

int tickets_seal(struct tickets *tickets, uint64_t wall_s, struct ticket_key *out)
{
	pthread_mutex_lock(&tickets->lock);
	const struct ticket_key *key = hour_find(tickets, wall_s / TICKETS_HOUR_S);

	if (key != NULL)
		*out = *key;
	pthread_mutex_unlock(&tickets->lock);
	return key == NULL ? -EIO : 0;
}

// The names are no secret.
static int hours_search(struct tickets *tickets, uint64_t now, const uint8_t *name,
	struct ticket_key *out, bool *old)
{
	for (uint64_t number = now - (now > 0); number <= now + 1; number++) {
		const struct ticket_key *key = hour_find(tickets, number);

		if (key == NULL)
			return -EIO;
		if (memcmp(key->name, name, TICKET_NAME_OCTETS) == 0) {
			*out = *key;
			*old = number < now;
			return 0;
		}
	}
	return -ENOENT;
}

int tickets_open(struct tickets *tickets, uint64_t wall_s, const uint8_t name[TICKET_NAME_OCTETS],
	struct ticket_key *key, bool *old)
{
	pthread_mutex_lock(&tickets->lock);
	int status = hours_search(tickets, wall_s / TICKETS_HOUR_S, name, key, old);

	pthread_mutex_unlock(&tickets->lock);
	return status;
}
