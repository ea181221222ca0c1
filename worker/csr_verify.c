#include "csr.h"
#include "csr_algorithm.h"
#include "scoped_openssl.h"
#include "spki.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#define RSA_OCTETS_MAX 2048

/*
 * EC: one template key a curve, whose point is replaced for each request (1 us, where a new EVP_PKEY costs 13), and a
 * context on it that stays initialised.
 */
struct csr_verifier {
	EVP_PKEY *templates[CURVE_COUNT];
	EVP_PKEY_CTX *curves[CURVE_COUNT];
	EVP_PKEY_CTX *rsa; /* makes keys from numbers */
	EVP_MD *digests[DIGEST_COUNT];
	EVP_MD_CTX *md_ctx;
};

static bool
open_curve(struct csr_verifier *v, size_t i, struct err *e)
{
	v->templates[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_at(i)->group);
	if (v->templates[i] == NULL)
		return err_openssl(e, "EVP_PKEY_Q_keygen");
	v->curves[i] = EVP_PKEY_CTX_new_from_pkey(NULL, v->templates[i], NULL);
	if (v->curves[i] == NULL || EVP_PKEY_verify_init(v->curves[i]) <= 0)
		return err_openssl(e, "EVP_PKEY_verify_init");
	return true;
}

static bool
verifier_open(struct csr_verifier *v, struct err *e)
{
	static const char *const names[DIGEST_COUNT] = { "SHA256", "SHA384", "SHA512" };

	for (size_t i = 0; i < CURVE_COUNT; i++)
		if (!open_curve(v, i, e))
			return false;
	for (size_t i = 0; i < DIGEST_COUNT; i++) {
		v->digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (v->digests[i] == NULL)
			return err_openssl(e, "EVP_MD_fetch");
	}
	v->md_ctx = EVP_MD_CTX_new();
	v->rsa = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (v->md_ctx == NULL || v->rsa == NULL || EVP_PKEY_fromdata_init(v->rsa) <= 0)
		return err_openssl(e, "EVP_PKEY_fromdata_init");
	return true;
}

struct csr_verifier *
csr_verifier_new(struct err *e)
{
	struct csr_verifier *v = calloc(1, sizeof(*v));

	if (v == NULL)
		abort();
	if (!verifier_open(v, e)) {
		csr_verifier_free(v);
		return NULL;
	}
	return v;
}

void
csr_verifier_free(struct csr_verifier *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < CURVE_COUNT; i++) {
		EVP_PKEY_CTX_free(v->curves[i]);
		EVP_PKEY_free(v->templates[i]);
	}
	for (size_t i = 0; i < DIGEST_COUNT; i++)
		EVP_MD_free(v->digests[i]);
	EVP_PKEY_CTX_free(v->rsa);
	EVP_MD_CTX_free(v->md_ctx);
	free(v);
}

struct hash {
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned len;
};

static bool
hash_info(struct csr_verifier *v, const struct csr *csr, enum digest digest, struct hash *ret,
    struct err *e)
{
	if (EVP_DigestInit_ex2(v->md_ctx, v->digests[digest], NULL) != 1 ||
	    EVP_DigestUpdate(v->md_ctx, csr->info.data, csr->info.len) != 1 ||
	    EVP_DigestFinal_ex(v->md_ctx, ret->bytes, &ret->len) != 1)
		return err_openssl(e, "EVP_DigestFinal_ex");
	return true;
}

/* What EVP_PKEY_verify and EVP_DigestVerify answer: 1, 0, or less for a signature that does not even parse. */
static bool
verdict(int verified, struct err *e)
{
	if (verified == 1)
		return true;
	err_openssl(e, "EVP_PKEY_verify");
	return err_set(e, ERR_CSR_INVALID, "the request's signature does not verify");
}

static bool
verify_ec(struct csr_verifier *v, const struct csr *csr, const struct spki *k,
    const struct hash *hash, struct err *e)
{
	size_t i = curve_index(k->curve);

	if (EVP_PKEY_set1_encoded_public_key(v->templates[i], k->key.data, k->key.len) != 1) {
		err_openssl(e, "EVP_PKEY_set1_encoded_public_key");
		return err_set(e, ERR_WEAK_KEY, "the EC point is not on its curve");
	}
	return verdict(EVP_PKEY_verify(v->curves[i], csr->signature.data, csr->signature.len,
			   hash->bytes, hash->len),
	    e);
}

/* OSSL_PARAM numbers stand in the machine's order: little-endian. */
static void
reverse_into(uint8_t *to, struct slice number)
{
	for (size_t i = 0; i < number.len; i++)
		to[i] = number.data[number.len - 1 - i];
}

static EVP_PKEY *
rsa_key(struct csr_verifier *v, const struct spki *k, struct err *e)
{
	uint8_t n[RSA_OCTETS_MAX], exponent[RSA_OCTETS_MAX];
	EVP_PKEY *key = NULL;

	if (k->n.len > sizeof(n) || k->e.len > sizeof(exponent))
		return err_set(e, ERR_WEAK_KEY, "RSA keys over 8192 bits are not taken"), NULL;
	reverse_into(n, k->n);
	reverse_into(exponent, k->e);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, k->n.len),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, exponent, k->e.len),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_PKEY_fromdata(v->rsa, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return err_openssl(e, "EVP_PKEY_fromdata"), NULL;
	return key;
}

static bool
verify_rsa(struct csr_verifier *v, const struct csr *csr, const struct spki *k,
    const struct signature_algorithm *algorithm, const struct hash *hash, struct err *e)
{
	SCOPED(EVP_PKEY) key = rsa_key(v, k, e);
	SCOPED(EVP_PKEY_CTX) ctx = NULL;
	int padding = algorithm->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;

	if (key == NULL)
		return false;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx == NULL || EVP_PKEY_verify_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, padding) <= 0 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, v->digests[algorithm->digest]) <= 0)
		return err_openssl(e, "EVP_PKEY_verify_init");
	if (algorithm->pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, algorithm->salt_len) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_rsa_pss_saltlen");
	return verdict(
	    EVP_PKEY_verify(ctx, csr->signature.data, csr->signature.len, hash->bytes, hash->len),
	    e);
}

static bool
verify_ed25519(const struct csr *csr, const struct spki *k, struct err *e)
{
	SCOPED(EVP_PKEY)
	key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, k->key.data, k->key.len);
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();

	if (key == NULL || ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) <= 0)
		return err_openssl(e, "EVP_DigestVerifyInit");
	return verdict(EVP_DigestVerify(ctx, csr->signature.data, csr->signature.len,
			   csr->info.data, csr->info.len),
	    e);
}

bool
csr_verify(struct csr_verifier *v, const struct csr *csr, struct err *e)
{
	struct signature_algorithm algorithm;
	struct hash hash = { .len = 0 };
	struct spki k;

	if (!signature_algorithm_read(csr->algorithm, &algorithm, e) ||
	    !spki_read(csr->spki, &k, e))
		return false;
	if (algorithm.type != k.type)
		return err_set(
		    e, ERR_CSR_INVALID, "the request's signature algorithm is not its key's");
	if (k.type == KEY_ED25519)
		return verify_ed25519(csr, &k, e);
	if (!hash_info(v, csr, algorithm.digest, &hash, e))
		return false;
	return k.type == KEY_EC ? verify_ec(v, csr, &k, &hash, e)
				: verify_rsa(v, csr, &k, &algorithm, &hash, e);
}
