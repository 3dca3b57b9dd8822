#include "contact_parameters.h"
#include "registrar_private.h"

enum {
	REG_ID_MAX = 0x7fffffff, // RFC 5626 section 10
};

bool registrar_owns(const struct registrar *registrar, struct span host)
{
	for (unsigned i = 0; i < registrar->options.domain_count; i++)
		if (span_equal_nocase(registrar->options.domains[i], host))
			return true;
	return false;
}

static const struct digest_user *user_find(void *context, struct span name)
{
	const struct registrar_options *options = context;

	for (unsigned i = 0; i < options->user_count; i++)
		if (span_equal(options->users[i].name, name))
			return &options->users[i];
	return NULL;
}

// Step 2: options we do not know.
static unsigned require_check(const struct message *request, struct text *headers)
{
	struct value_cursor cursor;
	unsigned status = 0;

	value_begin(&cursor, request, HEADER_REQUIRE);
	while (value_next(&cursor)) {
		struct span option = message_span(request, cursor.value);
		if (span_equal_nocase(option, SPAN("path"))
			|| span_equal_nocase(option, SPAN("outbound"))
			|| span_equal_nocase(option, SPAN("gruu")))
			continue;
		text_format(headers, "Unsupported: %.*s\r\n", (int)option.length,
			(const char *)option.octets);
		status = 420;
	}
	return status;
}

// Steps 3 to 5: who asks, may he, and for which AOR. A user may register AORs whose user part is his name.
static unsigned aor_check(struct registrar *registrar, const struct message *request,
	uint64_t now_s, struct text *headers, struct asked *asked)
{
	const struct registrar_options *options = &registrar->options;
	const struct digest_user *user = NULL;
	const struct uri *to = &asked->to;

	if (!uri_parse(request->octets, request->to_uri, &asked->to) || to->scheme == URI_OTHER)
		return 416;
	if (options->user_count > 0) {
		enum digest_verdict verdict = digest_check(&registrar->key, request, options->realm,
			now_s, options->nonce_life_s, user_find, &registrar->options, &user);
		if (verdict == DIGEST_WRONG)
			return 403;
		if (verdict != DIGEST_OK) {
			digest_add_challenge(&registrar->key, headers, options->realm, now_s,
				verdict == DIGEST_STALE);
			return 401;
		}
	}
	size_t length = location_write_aor(request->octets, to, asked->aor_text, AOR_MAX);
	if (length == 0 || !registrar_owns(registrar, slice_span(request->octets, to->host)))
		return 404;
	asked->aor = span_of(asked->aor_text, length);
	bool own = user == NULL
		|| (user->name.length < length && asked->aor_text[user->name.length] == '@'
			&& memcmp(user->name.octets, asked->aor_text, user->name.length) == 0);
	return own ? 0 : 403;
}

static bool path_read(const struct message *request, struct asked *asked)
{
	struct text path = text_begin(asked->path, sizeof(asked->path));
	struct value_cursor cursor;

	value_begin(&cursor, request, HEADER_PATH);
	while (value_next(&cursor)) {
		if (path.length > 0)
			text_add(&path, SPAN(","));
		text_add(&path, message_span(request, cursor.value));
	}
	asked->path_length = path.length;
	return !path.overflow;
}

// We are the first hop, and of a connection: nothing stands between a phone and us.
static void flow_read(const struct message *request, const struct hop *source, struct asked *asked)
{
	struct value_cursor cursor;

	value_begin(&cursor, request, HEADER_VIA);
	bool first_hop = value_next(&cursor) && !value_next(&cursor);
	if (source->connection != 0 && first_hop && asked->path_length == 0) {
		asked->flow = *source;
		asked->flow.flow = true;
	}
}

// RFC 5626 section 6: outbound counts if we are the first hop or the first hop put `ob` into its Path URI. The first hop's is the last value.
static bool outbound_reaches(const struct message *request, const struct asked *asked)
{
	struct value_cursor cursor;
	struct slice last = {0};
	struct name_address address;
	struct uri uri;
	struct slice value;

	if (asked->flow.connection != 0)
		return true;
	value_begin(&cursor, request, HEADER_PATH);
	while (value_next(&cursor))
		last = cursor.value;
	return last.length > 0 && name_address_parse(request->octets, last, &address)
		&& uri_parse(request->octets, address.uri, &uri)
		&& parameter_find(request->octets, uri.parameters, SPAN("ob"), &value);
}

static bool expires_read(const struct registrar *registrar, const struct message *request,
	struct slice parameters, uint32_t *expires_s)
{
	const struct header_line *line = message_line(request, HEADER_EXPIRES);
	struct slice value;
	uint64_t number = registrar->options.default_expires_s;

	// A malformed value counts as the default (RFC 3261 section 10.2.1.1).
	if (parameter_find(request->octets, parameters, SPAN("expires"), &value)) {
		if (!number_parse(message_span(request, value), UINT32_MAX, &number))
			number = 3600;
	} else if (line != NULL) {
		if (!number_parse(span_of(request->octets + line->value_offset, line->value_length),
			    UINT32_MAX, &number))
			number = 3600;
	}
	if (number > registrar->options.max_expires_s)
		number = registrar->options.max_expires_s;
	*expires_s = (uint32_t)number;
	return number == 0 || number >= registrar->options.min_expires_s;
}

static unsigned reg_id_read(const struct message *request, struct slice parameters,
	struct asked *asked, struct binding *wanted)
{
	struct slice value;
	uint64_t number;

	if (!parameter_find(request->octets, parameters, SPAN("reg-id"), &value))
		return 0;
	if (!number_parse(message_span(request, value), REG_ID_MAX, &number) || number == 0)
		return 400;
	if (wanted->instance.length == 0)
		return 0; // RFC 5626 section 6: without instance-id the reg-id is ignored
	if (!outbound_reaches(request, asked)) {
		asked->lacks_outbound |=
			message_has_token(request, HEADER_SUPPORTED, SPAN("outbound"));
		return 0;
	}
	asked->outbound = true;
	wanted->reg_id = (uint32_t)number;
	return 0;
}

// RFC 5627 section 5.1: a GRUU is no place where somebody is.
static bool is_own_gruu(
	const struct registrar *registrar, const struct message *request, const struct uri *uri)
{
	struct slice value;

	return uri->scheme != URI_OTHER
		&& registrar_owns(registrar, message_span(request, uri->host))
		&& parameter_find(request->octets, uri->parameters, SPAN("gr"), &value);
}

static unsigned contact_read(const struct registrar *registrar, const struct message *request,
	struct slice text, uint64_t now_s, struct asked *asked)
{
	struct change *change = &asked->changes[asked->count];
	struct binding *wanted = &change->wanted;
	struct name_address address;
	struct slice instance;
	struct uri uri;
	uint32_t expires_s;

	if (asked->count == CONTACTS_MAX || !name_address_parse(request->octets, text, &address)
		|| !uri_parse(request->octets, address.uri, &uri))
		return 400;
	*change = (struct change){0};
	wanted->contact = message_span(request, address.uri);
	if (is_own_gruu(registrar, request, &uri))
		return 403;
	if (parameter_find(request->octets, address.parameters, SPAN("+sip.instance"), &instance))
		wanted->instance = message_span(request, instance);
	unsigned status = reg_id_read(request, address.parameters, asked, wanted);
	if (status != 0)
		return status;
	if (!expires_read(registrar, request, address.parameters, &expires_s))
		return 423;
	wanted->parameters =
		contact_keep_parameters(request, address.parameters, &asked->parameters);
	if (asked->parameters.overflow)
		return 513;
	wanted->call_id = message_span(request, request->call_id);
	wanted->cseq = request->cseq;
	wanted->expires_at_s = now_s + expires_s;
	wanted->path = span_of(asked->path, asked->path_length);
	wanted->flow = asked->flow;
	change->remove = expires_s == 0;
	asked->count++;
	return 0;
}

// Steps 6 and 7, reading only.
static unsigned contacts_read(const struct registrar *registrar, const struct message *request,
	uint64_t now_s, struct asked *asked)
{
	struct value_cursor cursor;
	unsigned with_reg_id = 0;
	unsigned stars = 0;

	value_begin(&cursor, request, HEADER_CONTACT);
	while (value_next(&cursor)) {
		struct span value = message_span(request, cursor.value);
		if (span_equal(value, SPAN("*"))) {
			stars++;
			continue;
		}
		unsigned status = contact_read(registrar, request, cursor.value, now_s, asked);
		if (status != 0)
			return status;
		const struct change *change = &asked->changes[asked->count - 1];
		with_reg_id += change->wanted.reg_id != 0 && !change->remove;
	}
	if (stars > 0) {
		const struct header_line *expires = message_line(request, HEADER_EXPIRES);
		asked->remove_all = true;
		// RFC 3261 section 10.3 step 6.
		if (stars > 1 || asked->count > 0 || expires == NULL
			|| !span_equal(span_of(request->octets + expires->value_offset,
					       expires->value_length),
				SPAN("0")))
			return 400;
	}
	if (with_reg_id > 0 && asked->count > 1)
		return 400; // RFC 5626 section 6: more than one Contact and a reg-id
	return asked->lacks_outbound ? 439 : 0;
}

// A binding refuses an older request of the same Call-ID (RFC 3261 section 10.3 step 7). An equal CSeq is the same request again:
// there is no transaction layer below that would have absorbed the retransmission.
static bool is_out_of_order(const struct binding *old, const struct message *request)
{
	return old != NULL && span_equal(old->call_id, message_span(request, request->call_id))
		&& request->cseq < old->cseq;
}

static unsigned bindings_match(struct registrar *registrar, const struct message *request,
	uint64_t now_s, struct asked *asked)
{
	struct binding *bindings = location_find(registrar->location, asked->aor, now_s);

	if (asked->remove_all) {
		for (struct binding *binding = bindings; binding != NULL; binding = binding->next)
			if (is_out_of_order(binding, request))
				return 500;
	}
	unsigned room = BINDINGS_MAX;
	for (struct binding *binding = bindings; binding != NULL; binding = binding->next)
		room--;
	for (unsigned i = 0; i < asked->count; i++) {
		struct change *change = &asked->changes[i];
		change->old = location_match(bindings, &change->wanted);
		if (is_out_of_order(change->old, request))
			return 500;
		if (change->old == NULL && !change->remove && room-- == 0)
			return 503;
	}
	return 0;
}

static unsigned bindings_change(struct registrar *registrar, uint64_t now_s, struct asked *asked)
{
	struct binding *binding;

	while (asked->remove_all
		&& (binding = location_find(registrar->location, asked->aor, now_s)) != NULL)
		location_remove(registrar->location, asked->aor, binding);
	for (unsigned i = 0; i < asked->count; i++) {
		struct change *change = &asked->changes[i];
		if (change->remove && change->old != NULL)
			location_remove(registrar->location, asked->aor, change->old);
		else if (!change->remove
			&& location_put(
				   registrar->location, asked->aor, change->old, &change->wanted)
				!= 0)
			return 503;
	}
	return 0;
}

unsigned registrar_answer(struct registrar *registrar, const struct message *request,
	const struct hop *source, uint64_t now_s, struct text *headers)
{
	struct asked asked = {0};
	struct uri target;

	asked.parameters = text_begin(asked.parameter_text, sizeof(asked.parameter_text));
	// Step 1: the request-URI names a domain, and it is ours.
	if (!uri_parse(request->octets, request->target, &target) || target.scheme == URI_OTHER)
		return 416;
	unsigned status = require_check(request, headers);
	if (status == 0)
		status = aor_check(registrar, request, now_s, headers, &asked);
	if (status == 0 && !path_read(request, &asked))
		status = 513;
	flow_read(request, source, &asked);
	if (status == 0)
		status = contacts_read(registrar, request, now_s, &asked);
	if (status == 423)
		text_format(headers, "Min-Expires: %u\r\n", registrar->options.min_expires_s);
	if (status == 0)
		status = bindings_match(registrar, request, now_s, &asked);
	if (status == 0)
		status = bindings_change(registrar, now_s, &asked);
	if (status != 0)
		return status;
	registrar_write_bindings(registrar, request, now_s, &asked, headers);
	return headers->overflow ? 500 : 200;
}
