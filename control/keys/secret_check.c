#include "secret_check.h"

static bool opens(const struct secret_check *reader, const struct secret_check *minter)
{
	unsigned secret = minter->minting;

	return secret < KEYRING_SECRETS && (reader->held >> secret & 1) != 0
		&& (minter->held >> secret & 1) != 0
		&& reader->token[secret] == minter->token[secret];
}

bool secret_checks_agree(const struct secret_check *a, const struct secret_check *b)
{
	return a->index == b->index && opens(a, b) && opens(b, a);
}

// How many of the others agree with one of them, itself among them.
static unsigned party_count(
	const struct secret_check *one, const struct secret_check *const *others, unsigned count)
{
	unsigned party = 0;

	for (unsigned i = 0; i < count; i++)
		party += secret_checks_agree(one, others[i]);
	return party;
}

enum secret_standing secret_checks_judge(
	const struct secret_check *ours, const struct secret_check *const *others, unsigned count)
{
	enum secret_standing standing = SECRET_AGREES;

	for (unsigned i = 0; i < count; i++) {
		if (secret_checks_agree(ours, others[i]))
			continue;
		// More than half of all, ourselves counted.
		if (2 * party_count(others[i], others, count) > count + 1)
			return SECRET_MINORITY;
		standing = SECRET_SPLIT;
	}
	return standing;
}
