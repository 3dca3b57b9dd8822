// Sessions that are resumed, and where, and early data.

#include "tls_fixture.h"

TestSuite(tls_sessions, .init = setup, .fini = teardown);

static SSL_SESSION *kept;

static int session_keep(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

Test(tls_sessions, resumes_a_session_by_its_ticket_and_not_with_another_set)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(context, session_keep);
	call(NULL);
	cr_assert(shake());
	talk();
	hang_up();
	cr_assert(kept != NULL);
	call(NULL);
	SSL_set_session(client, kept);
	cr_assert(shake());
	cr_assert(SSL_session_reused(server));
	hang_up();
	tls_set_release(set);
	set_make();
	call(NULL);
	SSL_set_session(client, kept);
	cr_assert(shake());
	cr_assert(not(SSL_session_reused(server)));
	SSL_SESSION_free(kept);
}

// A set of another edge, which has or has not the secret of the first one.
static bool resumes_at_another_edge(uint8_t there)
{
	const uint8_t here_secret[TICKETS_SECRET_OCTETS] = {1};
	const uint8_t there_secret[TICKETS_SECRET_OCTETS] = {there};

	tls_set_share_tickets(set, here_secret);
	call(NULL);
	cr_assert(shake());
	talk();
	hang_up();
	tls_set_release(set);
	set_make();
	tls_set_share_tickets(set, there_secret);
	call(NULL);
	SSL_set_session(client, kept);
	cr_assert(shake());
	bool resumed = SSL_session_reused(server) == 1;

	talk();
	hang_up();
	SSL_SESSION_free(kept);
	kept = NULL;
	return resumed;
}

Test(tls_sessions, resumes_the_session_of_another_edge_that_has_the_same_secret)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(context, session_keep);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_max_proto_version(context, version);
		cr_assert(resumes_at_another_edge(1));
		cr_assert(not(resumes_at_another_edge(2)));
	}
}

static bool resumes_at_entry(struct span entry)
{
	SSL *connecting = SSL_new(context);

	SSL_set_session(connecting, kept);
	SSL_set_connect_state(connecting);
	connect_both(tls_set_accept(set, entry), connecting);
	bool resumed = shake() && SSL_session_reused(server) == 1;

	hang_up();
	return resumed;
}

// Of one that asks for nothing it would open the door of one that does.
Test(tls_sessions, resumes_no_session_at_a_listener_that_asks_for_more_than_its_own)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_sess_set_new_cb(context, session_keep);
	entries[1].client_auth = CLIENT_AUTH_REQUIRED;
	tls_set_release(set);
	set_make();
	call(NULL);
	cr_assert(shake());
	talk();
	hang_up();
	cr_assert(kept != NULL);
	cr_assert(not(resumes_at_entry(SPAN("two"))));
	cr_assert(resumes_at_entry(SPAN("one")));
	SSL_SESSION_free(kept);
	kept = NULL;
}

// Made to believe that it may, a phone sends some.
Test(tls_sessions, reads_no_early_data)
{
	size_t written;

	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(context, session_keep);
	call(NULL);
	cr_assert(shake());
	talk();
	hang_up();
	cr_assert(kept != NULL && SSL_SESSION_set_max_early_data(kept, 1000) == 1);
	call(NULL);
	SSL_set_session(client, kept);
	cr_assert(eq(int, SSL_write_early_data(client, "early", 5, &written), 1));
	cr_assert(shake());
	cr_assert(eq(int, SSL_get_early_data_status(client), SSL_EARLY_DATA_REJECTED));
	talk();
	hang_up();
	SSL_SESSION_free(kept);
	kept = NULL;
}

// Phones use each once, and would have none for the third time.
Test(tls_sessions, of_tls_1_3_that_are_resumed_bring_the_next_ticket)
{
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(context, session_keep);
	for (unsigned i = 0; i < 4; i++) {
		SSL_SESSION *before = kept;

		call(NULL);
		if (before != NULL)
			SSL_set_session(client, before);
		kept = NULL;
		cr_assert(shake());
		talk();
		cr_assert(eq(int, SSL_session_reused(server), i > 0));
		cr_assert(kept != NULL && kept != before);
		hang_up();
		SSL_SESSION_free(before);
	}
	SSL_SESSION_free(kept);
	kept = NULL;
}
