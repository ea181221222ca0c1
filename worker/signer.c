#include "signer.h"

#include "der.h"
#include "key.h"
#include "scoped_openssl.h"

#include <openssl/rsa.h>

#include <assert.h>

struct signer {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx; /* NULL for Ed25519, which takes the message and not its digest */
	EVP_MD *md, *sha1;
	EVP_MD_CTX *md_ctx;
	struct slice algorithm;
};

/*
 * The AlgorithmIdentifiers, whole. RSA: parameters are NULL (RFC 4055 5). ECDSA and Ed25519: none (RFC 5758 3.2, RFC 8410 3).
 * An EC key's digest is as strong as its curve, an RSA key's is chosen.
 */
#define SHA256_WITH_RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
#define SHA384_WITH_RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"
#define SHA512_WITH_RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00"
/*
 * RSASSA-PSS-params (RFC 4055 3.1): the hash, MGF1 with the same, a salt as long as the hash; the trailer field is its
 * default and absent. hash is the last octet of id-sha256 to id-sha512.
 */
#define NIST_HASH(hash) "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash "\x05\x00"
#define RSASSA_PSS(hash, salt) \
	"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f" NIST_HASH( \
	    hash) "\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" NIST_HASH(hash) "\xa2\x03\x02\x01" salt
/* clang-format off */
static const struct kind {
	enum key_type type;
	int64_t bits; /* EC: of the curve; RSA: of the digest */
	bool pss;
	const char *digest;
	struct slice algorithm;
} kinds[] = {
	{ KEY_RSA, 256, false, "SHA256", DER_BYTES(SHA256_WITH_RSA) },
	{ KEY_RSA, 384, false, "SHA384", DER_BYTES(SHA384_WITH_RSA) },
	{ KEY_RSA, 512, false, "SHA512", DER_BYTES(SHA512_WITH_RSA) },
	{ KEY_RSA, 256, true, "SHA256", DER_BYTES(RSASSA_PSS("\x01", "\x20")) },
	{ KEY_RSA, 384, true, "SHA384", DER_BYTES(RSASSA_PSS("\x02", "\x30")) },
	{ KEY_RSA, 512, true, "SHA512", DER_BYTES(RSASSA_PSS("\x03", "\x40")) },
	{ KEY_EC, 224, false, "SHA256", DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02") },
	{ KEY_EC, 256, false, "SHA256", DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02") },
	{ KEY_EC, 384, false, "SHA384", DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03") },
	{ KEY_EC, 521, false, "SHA512", DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04") },
	{ KEY_ED25519, 0, false, NULL, DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70") },
};
/* clang-format on */
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
kind_find(EVP_PKEY *key, struct signer_choice choice, struct err *e)
{
	enum key_type type;
	int64_t bits;

	if (!key_identify(key, &type, &bits, e))
		return NULL;
	if (EVP_PKEY_get_size(key) > SIGNATURE_MAX)
		return err_set(e, ERR_WEAK_KEY, "RSA keys over 8192 bits do not sign"), NULL;
	if (type == KEY_RSA)
		bits = choice.bits == 0 ? SIGNER_DEFAULT_BITS : choice.bits;
	for (const struct kind *k = kinds; k < kinds + KIND_COUNT; k++)
		if (k->type == type && k->bits == bits && k->pss == (choice.pss && type == KEY_RSA))
			return k;
	return err_field(e, ERR_INVALID_VALUE, "signature_bits",
		   "RSA signs with 256, 384 or 512 bits, not with %lld", (long long)bits),
	       NULL;
}

static bool
set_padding(EVP_PKEY_CTX *ctx, bool pss, struct err *e)
{
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_rsa_padding");
	if (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_rsa_pss_saltlen");
	return true;
}

static bool
signer_open(struct signer *s, const struct kind *kind, struct err *e)
{
	s->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	s->md_ctx = EVP_MD_CTX_new();
	if (s->sha1 == NULL || s->md_ctx == NULL)
		return err_openssl(e, "EVP_MD_fetch");
	if (kind->digest == NULL)
		return true;
	s->md = EVP_MD_fetch(NULL, kind->digest, NULL);
	if (s->md == NULL)
		return err_openssl(e, "EVP_MD_fetch");
	s->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	if (s->ctx == NULL || EVP_PKEY_sign_init(s->ctx) <= 0)
		return err_openssl(e, "EVP_PKEY_sign_init");
	if (kind->type == KEY_RSA && !set_padding(s->ctx, kind->pss, e))
		return false;
	if (EVP_PKEY_CTX_set_signature_md(s->ctx, s->md) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_signature_md");
	return true;
}

struct signer *
signer_new_choice(EVP_PKEY *key, struct signer_choice choice, struct err *e)
{
	const struct kind *kind = kind_find(key, choice, e);
	struct signer *s;

	if (kind == NULL)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		abort();
	EVP_PKEY_up_ref(key);
	s->key = key;
	s->algorithm = kind->algorithm;
	if (!signer_open(s, kind, e)) {
		signer_free(s);
		return NULL;
	}
	return s;
}

struct signer *
signer_new(EVP_PKEY *key, struct err *e)
{
	return signer_new_choice(key, (struct signer_choice){ 0 }, e);
}

void
signer_free(struct signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_CTX_free(s->ctx);
	EVP_MD_CTX_free(s->md_ctx);
	EVP_MD_free(s->md);
	EVP_MD_free(s->sha1);
	EVP_PKEY_free(s->key);
	free(s);
}

struct slice
signer_algorithm(const struct signer *s)
{
	return s->algorithm;
}

static bool
digest(EVP_MD_CTX *ctx, const EVP_MD *md, struct slice data, uint8_t ret[static EVP_MAX_MD_SIZE],
    unsigned *ret_len, struct err *e)
{
	if (EVP_DigestInit_ex2(ctx, md, NULL) != 1 ||
	    EVP_DigestUpdate(ctx, data.data, data.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, ret, ret_len) != 1)
		return err_openssl(e, "EVP_DigestFinal_ex");
	return true;
}

static bool
sign_whole(struct signer *s, struct slice tbs, uint8_t *ret, size_t *ret_len, struct err *e)
{
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) <= 0 ||
	    EVP_DigestSign(ctx, ret, ret_len, tbs.data, tbs.len) <= 0)
		return err_openssl(e, "EVP_DigestSign");
	return true;
}

bool
signer_sign_into(struct signer *s, struct slice tbs, uint8_t ret[static SIGNATURE_MAX],
    size_t *ret_len, struct err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_len = 0;

	*ret_len = SIGNATURE_MAX;
	if (s->ctx == NULL)
		return sign_whole(s, tbs, ret, ret_len, e);
	if (!digest(s->md_ctx, s->md, tbs, hash, &hash_len, e))
		return false;
	if (EVP_PKEY_sign(s->ctx, ret, ret_len, hash, hash_len) <= 0)
		return err_openssl(e, "EVP_PKEY_sign");
	return true;
}

bool
signer_append(struct signer *s, struct slice tbs, struct buf *out, struct err *e)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_len, room_len;
	struct slice whole;
	const uint8_t *mark;
	struct der d;
	uint8_t *room;

	if (!signer_sign_into(s, tbs, signature, &signature_len, e))
		return false;
	room_len = tbs.len + s->algorithm.len + signature_len + 32;
	room = buf_reserve(out, room_len);
	if (room == NULL)
		return err_set(e, ERR_TOO_LARGE, "what is signed is over its limit");
	der_init(&d, room, room_len);
	mark = der_mark(&d);
	der_bit_string(&d, slice_of(signature, signature_len));
	der_raw(&d, s->algorithm);
	der_raw(&d, tbs);
	der_wrap(&d, mark, DER_SEQUENCE);
	assert(!d.failed);
	whole = der_slice(&d);
	memmove(room, whole.data, whole.len);
	out->len += whole.len;
	return true;
}

bool
signer_key_id(
    struct signer *s, struct slice key_bits, uint8_t ret[static KEY_ID_SIZE], struct err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len;

	if (!digest(s->md_ctx, s->sha1, key_bits, hash, &len, e))
		return false;
	memcpy(ret, hash, KEY_ID_SIZE);
	return true;
}
