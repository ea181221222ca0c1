#include "bench.h"
#include "encode.h"
#include "scoped_openssl.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <time.h>

#define DIGEST_SIZE 32

static const struct bench_key keys[] = {
	{ "ec-224", "ec", 224 },
	{ "ec-256", "ec", 256 },
	{ "ec-384", "ec", 384 },
	{ "ec-521", "ec", 521 },
	{ "rsa-2048", "rsa", 2048 },
	{ "rsa-3072", "rsa", 3072 },
	{ "rsa-4096", "rsa", 4096 },
	{ "ed25519", "ed25519", 0 },
};

static const struct {
	int64_t bits;
	const char *curve;
} curves[] = { { 224, "P-224" }, { 256, "P-256" }, { 384, "P-384" }, { 521, "P-521" } };

const struct bench_key *
bench_key_find(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static const char *
curve_of(int64_t bits)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].bits == bits)
			return curves[i].curve;
	return "";
}

static MUST_USE EVP_PKEY_CTX *
keygen_new(const struct bench_key *key, struct err *e)
{
	const char *algorithm = strcmp(key->type, "ec") == 0 ? "EC"
	    : strcmp(key->type, "rsa") == 0                  ? "RSA"
							     : "ED25519";
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1)
		return err_openssl(e, "EVP_PKEY_keygen_init"), NULL;
	if (strcmp(key->type, "ec") == 0 &&
	    EVP_PKEY_CTX_set_group_name(ctx, curve_of(key->bits)) != 1)
		return err_openssl(e, "EVP_PKEY_CTX_set_group_name"), NULL;
	if (strcmp(key->type, "rsa") == 0 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)key->bits) != 1)
		return err_openssl(e, "EVP_PKEY_CTX_set_rsa_keygen_bits"), NULL;
	return TAKE(ctx);
}

static EVP_PKEY *
key_make(const struct bench_key *key, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = keygen_new(key, e);
	EVP_PKEY *made = NULL;

	if (ctx == NULL)
		return NULL;
	if (EVP_PKEY_generate(ctx, &made) != 1)
		return err_openssl(e, "EVP_PKEY_generate"), NULL;
	return made;
}

bool
bench_csr_make(const struct bench_key *key, struct buf *out, struct err *e)
{
	static const unsigned char name[] = "bench.example.com";
	SCOPED(EVP_PKEY) own = key_make(key, e);
	SCOPED(X509_REQ) req = X509_REQ_new();
	const EVP_MD *digest = strcmp(key->type, "ed25519") == 0 ? NULL : EVP_sha256();
	uint8_t *der = NULL;
	int len;

	if (own == NULL)
		return false;
	if (req == NULL ||
	    X509_NAME_add_entry_by_txt(
		X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC, name, -1, -1, 0) != 1 ||
	    X509_REQ_set_pubkey(req, own) != 1 || X509_REQ_sign(req, own, digest) == 0)
		return err_openssl(e, "X509_REQ_sign");
	len = i2d_X509_REQ(req, &der);
	if (len <= 0)
		return err_openssl(e, "i2d_X509_REQ");
	pem_add(out, "CERTIFICATE REQUEST", slice_of(der, (size_t)len));
	OPENSSL_free(der);
	return true;
}

/* ---- what it costs ---- */

/* Contexts that are made once: what is measured is the work alone. */
struct work {
	EVP_PKEY_CTX *ctx;   /* keygen, or a signature over a digest */
	EVP_MD_CTX *message; /* Ed25519: over the message itself */
	EVP_PKEY *key;
	const uint8_t *signature; /* to verify */
	size_t signature_len;
};

typedef bool work_fn(struct work *w);

static int64_t
thread_cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The mean: that of 200 runs and 0.3 s at least, but of no more than 10 s. */
static MUST_USE bool
work_measure(struct work *w, work_fn *run, double *ret_us, struct err *e)
{
	int64_t begin, spent = 0;
	int runs = 0;

	if (!run(w)) /* the first one finds what it needs */
		return err_openssl(e, "the measured operation");
	begin = thread_cpu_ns();
	while (spent < 10000000000 && (runs < 200 || spent < 300000000)) {
		if (!run(w))
			return err_openssl(e, "the measured operation");
		runs++;
		spent = thread_cpu_ns() - begin;
	}
	*ret_us = (double)spent / 1000 / runs;
	return true;
}

static const uint8_t digest_bytes[DIGEST_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t message_bytes[650] = { 1, 2, 3, 4, 5, 6, 7, 8 }; /* as long as a certificate */

static bool
generate_run(struct work *w)
{
	EVP_PKEY *made = NULL;
	bool done = EVP_PKEY_generate(w->ctx, &made) == 1;

	EVP_PKEY_free(made);
	return done;
}

static bool
sign_run(struct work *w)
{
	uint8_t signature[1024];
	size_t len = sizeof(signature);

	if (w->message == NULL)
		return EVP_PKEY_sign(w->ctx, signature, &len, digest_bytes, DIGEST_SIZE) == 1;
	return EVP_DigestSignInit(w->message, NULL, NULL, NULL, w->key) == 1 &&
	    EVP_DigestSign(w->message, signature, &len, message_bytes, sizeof(message_bytes)) == 1;
}

static bool
verify_run(struct work *w)
{
	if (w->message == NULL)
		return EVP_PKEY_verify(
			   w->ctx, w->signature, w->signature_len, digest_bytes, DIGEST_SIZE) == 1;
	return EVP_DigestVerifyInit(w->message, NULL, NULL, NULL, w->key) == 1 &&
	    EVP_DigestVerify(w->message, w->signature, w->signature_len, message_bytes,
		sizeof(message_bytes)) == 1;
}

static MUST_USE bool
generate_cost(const struct bench_key *key, double *ret_us, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = keygen_new(key, e);
	struct work w = { .ctx = ctx };

	return ctx != NULL && work_measure(&w, generate_run, ret_us, e);
}

static bool
signs_messages(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
}

static bool
rsa_digest_set(EVP_PKEY_CTX *ctx, const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
}

static MUST_USE bool
sign_cost(EVP_PKEY *key, double *ret_us, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(key, NULL);
	SCOPED(EVP_MD_CTX) message = signs_messages(key) ? EVP_MD_CTX_new() : NULL;
	struct work w = { .ctx = ctx, .message = message, .key = key };

	if (message == NULL &&
	    (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || !rsa_digest_set(ctx, key)))
		return err_openssl(e, "EVP_PKEY_sign_init");
	return work_measure(&w, sign_run, ret_us, e);
}

/* One signature, for verify_cost. */
static MUST_USE bool
signature_make(EVP_PKEY *key, uint8_t *ret, size_t *ret_len, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(key, NULL);
	SCOPED(EVP_MD_CTX) message = EVP_MD_CTX_new();

	if (signs_messages(key)) {
		if (EVP_DigestSignInit(message, NULL, NULL, NULL, key) != 1 ||
		    EVP_DigestSign(message, ret, ret_len, message_bytes, sizeof(message_bytes)) !=
			1)
			return err_openssl(e, "EVP_DigestSign");
		return true;
	}
	if (EVP_PKEY_sign_init(ctx) != 1 || !rsa_digest_set(ctx, key) ||
	    EVP_PKEY_sign(ctx, ret, ret_len, digest_bytes, DIGEST_SIZE) != 1)
		return err_openssl(e, "EVP_PKEY_sign");
	return true;
}

static MUST_USE bool
verify_cost(EVP_PKEY *key, double *ret_us, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(key, NULL);
	SCOPED(EVP_MD_CTX) message = signs_messages(key) ? EVP_MD_CTX_new() : NULL;
	uint8_t signature[1024];
	struct work w = { .ctx = ctx,
		.message = message,
		.key = key,
		.signature = signature,
		.signature_len = sizeof(signature) };

	if (!signature_make(key, signature, &w.signature_len, e))
		return false;
	if (message == NULL &&
	    (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 || !rsa_digest_set(ctx, key)))
		return err_openssl(e, "EVP_PKEY_verify_init");
	return work_measure(&w, verify_run, ret_us, e);
}

/* What kind of key the CA has. */
static struct bench_key
key_kind(const EVP_PKEY *key)
{
	int id = EVP_PKEY_get_base_id(key);

	if (id == EVP_PKEY_RSA)
		return (struct bench_key){ "", "rsa", EVP_PKEY_get_bits(key) };
	if (id == EVP_PKEY_ED25519)
		return (struct bench_key){ "", "ed25519", 0 };
	return (struct bench_key){ "", "ec", EVP_PKEY_get_bits(key) };
}

bool
bench_raw_cost(
    enum bench_op op, const struct bench_key *key, EVP_PKEY *ca, double *ret_us, struct err *e)
{
	const struct bench_key kind = key_kind(ca);
	SCOPED(EVP_PKEY) issuer = NULL;
	SCOPED(EVP_PKEY) own = NULL;
	double sign_us, other_us;

	*ret_us = 0;
	if (op == BENCH_REVOKE)
		return true;
	issuer = key_make(&kind, e);
	if (issuer == NULL || !sign_cost(issuer, &sign_us, e))
		return false;
	if (op == BENCH_ISSUE) {
		if (!generate_cost(key, &other_us, e))
			return false;
	} else {
		own = key_make(key, e);
		if (own == NULL || !verify_cost(own, &other_us, e))
			return false;
	}
	*ret_us = sign_us + other_us;
	return true;
}

bool
bench_certificate_check(
    struct slice certificate_pem, struct slice key_pem, EVP_PKEY *ca, struct err *e)
{
	SCOPED(BIO) in = BIO_new_mem_buf(certificate_pem.data, (int)certificate_pem.len);
	SCOPED(X509) crt = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, NULL, NULL);
	SCOPED(BIO) key_in = NULL;
	SCOPED(EVP_PKEY) key = NULL;

	if (crt == NULL || X509_verify(crt, ca) != 1)
		return err_openssl(e, "a certificate does not verify: X509_verify");
	if (key_pem.data == NULL)
		return true;
	key_in = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
	key = key_in == NULL ? NULL : PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);
	if (key == NULL || X509_check_private_key(crt, key) != 1)
		return err_openssl(
		    e, "a private key is not its certificate's: X509_check_private_key");
	return true;
}
