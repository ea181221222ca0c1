#include "answers.h"
#include "arguments.h"
#include "bench.h"
#include "scoped_openssl.h"

#include <openssl/pem.h>

/* Asks, and takes one kind of refusal for an answer: what was to be made is there. */
static MUST_USE bool
setup_ask(struct certmill *c, const struct options *o, const struct certmill_request *rq,
    const char *already, struct err *e)
{
	struct certmill_answer answer = { 0 };
	char id[CERTMILL_ID_SIZE];
	bool done;

	if (!certmill_ask(c, rq, id, e) ||
	    !certmill_await(c, id, (int)(o->timeout * 1000), &answer, e))
		return false;
	done = answer.ok || slice_is(answer.code, already);
	if (!done)
		(void)err_set(e, ERR_INVALID_VALUE, "%s: %.*s (code %.*s)", rq->op,
		    SLICE_FMT(answer.message), SLICE_FMT(answer.code));
	certmill_answer_done(&answer);
	return done;
}

/* words: "name=value", NULL at the end. */
static MUST_USE bool
setup_write(struct certmill *c, const struct options *o, const char *op, const char *role,
    char *const *words, const char *already, struct err *e)
{
	struct certmill_request rq = {
		.topic = CERTMILL_CONFIG, .op = op, .mount = o->mount, .role = role
	};
	struct arguments SCOPED_ARGUMENTS args = { 0 };
	struct buf SCOPED_BUF params = { 0 };
	struct writer w = { &params };
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	if (!arguments_read(words, count, stdin, &args, e))
		return false;
	buf_init(&params, REQUEST_MAX);
	arguments_encode(&args, &w);
	rq.params = buf_slice(&params);
	return setup_ask(c, o, &rq, already, e);
}

static MUST_USE bool
setup_mount(struct certmill *c, const struct options *o, const struct bench_key *key,
    const char *role, struct err *e)
{
	static char no_max_ttl[] = "max_ttl=8760h", name[] = "common_name=certmill bench",
		    ca_type[] = "key_type=ec", ca_ttl[] = "ttl=8760h",
		    any_name[] = "allow_any_name=true", leaf_ttl[] = "ttl=72h";
	char type[32], bits[32];
	char *const mount_words[] = { no_max_ttl, NULL };
	char *const ca_words[] = { name, ca_type, ca_ttl, NULL };
	char *const role_words[] = { any_name, leaf_ttl, type, key->bits == 0 ? NULL : bits, NULL };

	(void)snprintf(type, sizeof(type), "key_type=%s", key->type);
	(void)snprintf(bits, sizeof(bits), "key_bits=%lld", (long long)key->bits);
	return setup_write(c, o, "mount/write", NULL, mount_words, "mount_exists", e) &&
	    setup_write(c, o, "ca/generate/root", NULL, ca_words, "issuer_exists", e) &&
	    setup_write(c, o, "role/write", role, role_words, "", e);
}

static MUST_USE EVP_PKEY *
certificate_key(struct slice pem, struct err *e)
{
	SCOPED(BIO) in = BIO_new_mem_buf(pem.data, (int)pem.len);
	SCOPED(X509) crt = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, NULL, NULL);
	EVP_PKEY *key = crt == NULL ? NULL : X509_get_pubkey(crt);

	if (key == NULL)
		(void)err_openssl(e, "reading the CA's certificate");
	return key;
}

static MUST_USE EVP_PKEY *
setup_ca(struct certmill *c, const struct options *o, struct err *e)
{
	struct certmill_request rq = {
		.topic = CERTMILL_QUERY, .op = "ca/read", .mount = o->mount
	};
	struct certmill_answer answer = { 0 };
	struct ca_read_answer ca = { 0 };
	char id[CERTMILL_ID_SIZE];
	EVP_PKEY *key = NULL;
	uint64_t seen;

	if (!certmill_ask(c, &rq, id, e) ||
	    !certmill_await(c, id, (int)(o->timeout * 1000), &answer, e))
		return NULL;
	if (!answer.ok)
		(void)err_set(e, ERR_INVALID_VALUE, "ca/read: %.*s", SLICE_FMT(answer.message));
	else if (schema_decode(&ca_read_answer_schema, answer.data, &answer.arena_, &ca, &seen, e))
		key = certificate_key(ca.certificate, e);
	certmill_answer_done(&answer);
	return key;
}

bool
bench_setup(struct certmill *c, const struct options *o, const struct bench_key *key,
    const char *role, EVP_PKEY **ret_ca, struct err *e)
{
	if (o->role == NULL && !setup_mount(c, o, key, role, e))
		return false;
	*ret_ca = setup_ca(c, o, e);
	return *ret_ca != NULL;
}
