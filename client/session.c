#include "session.h"

#include "envelope.h"
#include "json.h"
#include "scoped.h"
#include "seal_answer.h"
#include "seal_bundle.h"
#include "show.h"

void
session_init(struct session *s, struct options *o)
{
	*s = (struct session){ .o = o, .timeout_ms = (int)(o->timeout * 1000) };
	buf_init_secret(&s->params, REQUEST_MAX);
	buf_init(&s->seal_to, REQUEST_MAX);
	buf_init(&s->identity, REQUEST_MAX);
}

void
session_done(struct session *s)
{
	certmill_close(s->client);
	arguments_done(&s->args);
	buf_done(&s->params);
	buf_done(&s->seal_to);
	buf_done(&s->identity);
	EVP_PKEY_free(s->seal_key);
}

/* ---- private keys that go there ---- */

static MUST_USE bool
argument_seal(struct session *s, struct argument *argument, struct err *e)
{
	struct buf sealed = { 0 };
	struct buf clear;

	buf_init_secret(&sealed, ARGUMENT_MAX);
	if (!bundle_seal_for(s->client, buf_slice(&argument->value), s->timeout_ms, &sealed, e)) {
		buf_done(&sealed);
		return false;
	}
	clear = argument->value;
	argument->value = sealed;
	buf_done(&clear);
	return true;
}

/* No topic ever holds a private key in clear: that of a CA is sealed, and nothing else has one to send. */
static MUST_USE bool
session_seal_keys(struct session *s, struct err *e)
{
	bool sets_ca = s->route.contract == &contracts[OP_CA_SET];

	for (size_t i = 0; i < s->args.count; i++) {
		struct argument *argument = &s->args.items[i];

		if (!bundle_has_key(buf_slice(&argument->value)))
			continue;
		if (!sets_ca || strcmp(argument->name, "pem_bundle") != 0)
			return err_field(e, ERR_KEY_IN_CLEAR, argument->name,
			    "%.60s holds a private key, which is not sent in clear",
			    argument->name);
		if (!argument_seal(s, argument, e))
			return false;
	}
	return true;
}

/* ---- private keys that come back ---- */

/* The JSON object of an option, given as it is or as @file. NULL: e says why. */
static json_t *
option_object(const char *option, const char *value, struct err *e)
{
	struct buf SCOPED_BUF text = { 0 };
	json_t *SCOPED_JSON object = NULL;

	buf_init(&text, REQUEST_MAX);
	if (!argument_value(value, stdin, &text, e))
		return NULL;
	object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return TAKE(object);
	(void)err_set(e, ERR_INVALID_VALUE,
	    "-%s wants a JSON object, or @ and the name of a file with one", option);
	return NULL;
}

/* -seal-to: a JWK. */
static MUST_USE bool
seal_to_given(struct session *s, struct err *e)
{
	struct writer w = { &s->seal_to };
	json_t *SCOPED_JSON jwk = NULL;

	if (s->o->seal)
		return err_set(e, ERR_INVALID_VALUE,
		    "-seal makes a key for the answer, -seal-to names one: give one of them");
	jwk = option_object("seal-to", s->o->seal_to, e);
	if (jwk == NULL)
		return false;
	if (json_object_get(jwk, "d") != NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "-seal-to wants the public JWK: this one holds the private key");
	return json_to_msgpack(jwk, &w, e);
}

/* The path says `exported`, or `external`, which is the same: a CA's key comes back. */
static bool
exports_key(const struct route *r)
{
	return r->param != NULL && strcmp(r->param, "exported") == 0 &&
	    (strcmp(r->value, "exported") == 0 || strcmp(r->value, "external") == 0);
}

/*
 * The key is forgotten when the command ends: with an -id a second attempt would have another one, which is another request
 * under the same id, and could not open the answer to the first.
 */
static MUST_USE bool
seal_to_own(struct session *s, struct err *e)
{
	struct writer w = { &s->seal_to };

	if (s->o->id != NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "with -id, give -seal-to: the private key is sealed on its way, and only a key of yours opens it when the request is sent again");
	return seal_key_make(&s->seal_key, &w, e);
}

static MUST_USE bool
session_seal_to(struct session *s, struct err *e)
{
	if (s->o->seal_to != NULL)
		return seal_to_given(s, e);
	if (s->o->seal || exports_key(&s->route))
		return seal_to_own(s, e);
	return true;
}

/* ---- asking ---- */

/* -identity, and -display-name, which is a member of it. */
static MUST_USE bool
session_identity(struct session *s, struct err *e)
{
	const struct options *o = s->o;
	struct writer w = { &s->identity };
	json_t *SCOPED_JSON identity = NULL;

	if (o->identity == NULL && o->display_name == NULL)
		return true;
	identity = o->identity == NULL ? json_object() : option_object("identity", o->identity, e);
	if (identity == NULL)
		return false;
	if (o->display_name != NULL &&
	    json_object_set_new(identity, "display_name", json_string(o->display_name)) != 0)
		return err_set(e, ERR_INVALID_VALUE, "-display-name is no UTF-8");
	return json_to_msgpack(identity, &w, e);
}

bool
session_open(struct session *s, struct err *e)
{
	struct certmill_options options = options_client(s->o);

	if (!session_seal_to(s, e) || !session_identity(s, e))
		return false;
	s->client = certmill_open(&options, e);
	return s->client != NULL && session_seal_keys(s, e);
}

bool
session_ask(struct session *s, struct certmill_answer *ret, struct err *e)
{
	struct writer w = { &s->params };
	char id[CERTMILL_ID_SIZE];
	struct certmill_request rq = {
		.topic = contract_topic(s->route.contract),
		.id = s->o->id,
		.op = s->route.contract->name,
		.mount = s->route.mount,
		.role = s->route.role,
		.seal_to = s->seal_to.len == 0 ? SLICE_NONE : buf_slice(&s->seal_to),
		.identity = s->identity.len == 0 ? SLICE_NONE : buf_slice(&s->identity),
		.dry_run = s->o->dry_run,
	};

	buf_clear(&s->params);
	if (s->args.count > 0) {
		arguments_encode(&s->args, &w);
		if (s->params.failed)
			return err_set(
			    e, ERR_TOO_LARGE, "the request is over %d bytes", REQUEST_MAX);
		rq.params = buf_slice(&s->params);
	}
	return certmill_ask(s->client, &rq, id, e) &&
	    certmill_await(s->client, id, s->timeout_ms, ret, e);
}

static MUST_USE bool
session_open_key(const struct session *s, json_t *data, struct err *e)
{
	bool sealed;

	if (s->seal_key == NULL)
		return true;
	if (!seal_key_open(s->seal_key, data, &sealed, e))
		return false;
	if (!sealed)
		fprintf(stderr,
		    "Warning: the private key came unsealed: it stands in clear on the topic of the answers\n");
	return true;
}

/* With the private key opened where it was sealed to this session's own. NULL: e says why. */
static json_t *
session_data(const struct session *s, const struct certmill_answer *a, struct err *e)
{
	json_t *SCOPED_JSON data = json_from_msgpack(a->data, e);

	if (data == NULL)
		return NULL;
	if (!json_is_object(data))
		return err_set(e, ERR_MALFORMED, "the answer's data is no map"), NULL;
	return session_open_key(s, data, e) ? TAKE(data) : NULL;
}

static enum status
session_show(const struct session *s, const char *done, const struct certmill_answer *a)
{
	json_t *SCOPED_JSON data = NULL;
	struct err e = { 0 };

	if (!a->ok)
		return show_refusal(s->o, a);
	data = session_data(s, a, &e);
	return data == NULL ? fail_with(&e) : show_answer(s->o, &s->route, done, a, data);
}

enum status
session_run(struct session *s, const char *done)
{
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };
	enum status status;

	if (!session_open(s, &e) || !session_ask(s, &answer, &e))
		return fail_with(&e);
	status = session_show(s, done, &answer);
	certmill_answer_done(&answer);
	return status;
}
