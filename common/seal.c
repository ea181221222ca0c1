#include "seal.h"

#include "gcm.h"
#include "scoped_openssl.h"

#include <openssl/rand.h>

#include <assert.h>

#define VERSION     1
#define SALT_SIZE   16
#define PURPOSE_MAX 64
#define HEAD_SIZE   (SEAL_OVERHEAD - GCM_TAG_SIZE)

_Static_assert(HEAD_SIZE == 1 + SALT_SIZE + GCM_NONCE_SIZE, "the header says it otherwise");

struct sealer {
	struct secret *master;
	char purpose[PURPOSE_MAX]; /* HKDF's info: "certmill " and the caller's */
	uint8_t salt[SALT_SIZE];
	uint64_t nonces;     /* used so far */
	EVP_CIPHER_CTX *ctx; /* of this sealer's own salt, for sealing and for opening */
};

static EVP_CIPHER_CTX *
box_cipher(const struct sealer *s, struct slice salt, struct err *e)
{
	struct secret *key = secret_derive(s->master, s->purpose, salt, e);
	EVP_CIPHER_CTX *ctx = key == NULL ? NULL : gcm_new(secret_bytes(key), e);

	secret_free(key);
	return ctx;
}

struct sealer *
sealer_new(const struct secret *master, const char *purpose, struct err *e)
{
	struct sealer *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	assert(strlen(purpose) + sizeof("certmill ") <= PURPOSE_MAX);
	snprintf(s->purpose, sizeof(s->purpose), "certmill %s", purpose);
	s->master = secret_copy(master, e);
	if (s->master != NULL && RAND_bytes(s->salt, SALT_SIZE) != 1)
		err_openssl(e, "RAND_bytes");
	else if (s->master != NULL)
		s->ctx = box_cipher(s, slice_of(s->salt, SALT_SIZE), e);
	if (s->ctx != NULL)
		return s;
	sealer_free(s);
	return NULL;
}

void
sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->ctx);
	secret_free(s->master);
	free(s);
}

/* A count in the last eight octets: never the same under one salt. */
static void
nonce_next(struct sealer *s, uint8_t nonce[static GCM_NONCE_SIZE])
{
	uint64_t count = s->nonces++;

	assert(count < UINT64_MAX);
	memset(nonce, 0, GCM_NONCE_SIZE);
	for (size_t i = 0; i < 8; i++)
		nonce[GCM_NONCE_SIZE - 1 - i] = (uint8_t)(count >> (8 * i));
}

bool
seal_box(struct sealer *s, struct slice aad, struct slice clear, struct buf *out, struct err *e)
{
	uint8_t *to = clear.len > SIZE_MAX / 2 ? NULL : buf_reserve(out, SEAL_OVERHEAD + clear.len);

	if (to == NULL)
		return err_set(
		    e, ERR_TOO_LARGE, "%zu bytes are too many to be sealed here", clear.len);
	to[0] = VERSION;
	memcpy(to + 1, s->salt, SALT_SIZE);
	nonce_next(s, to + 1 + SALT_SIZE);
	if (!gcm_seal(s->ctx, to + 1 + SALT_SIZE, aad, clear, to + HEAD_SIZE,
		to + HEAD_SIZE + clear.len, e))
		return false;
	out->len += SEAL_OVERHEAD + clear.len;
	return true;
}

bool
seal_open(
    struct sealer *s, struct slice aad, struct slice box, struct buf *out_secret, struct err *e)
{
	SCOPED(EVP_CIPHER_CTX) other = NULL;
	struct slice salt, text;
	uint8_t *to;

	if (box.len < SEAL_OVERHEAD || box.data[0] != VERSION)
		return err_set(e, ERR_SEAL_INVALID, "this is no sealed box of version %d", VERSION);
	salt = slice_of(box.data + 1, SALT_SIZE);
	text = slice_of(box.data + HEAD_SIZE, box.len - SEAL_OVERHEAD);
	to = buf_reserve(out_secret, text.len);
	if (to == NULL)
		return err_set(
		    e, ERR_TOO_LARGE, "%zu sealed bytes are too many to be opened here", text.len);
	if (!slice_eq(salt, slice_of(s->salt, SALT_SIZE))) {
		other = box_cipher(s, salt, e);
		if (other == NULL)
			return false;
	}
	if (!gcm_open(other == NULL ? s->ctx : other, salt.data + SALT_SIZE, aad, text,
		text.data + text.len, to, e))
		return false;
	out_secret->len += text.len;
	return true;
}

EVP_PKEY *
fleet_key(const struct secret *kek, struct err *e)
{
	struct secret *own = secret_derive(kek, "certmill fleet x25519", SLICE_NONE, e);
	EVP_PKEY *key;

	if (own == NULL)
		return NULL;
	key = EVP_PKEY_new_raw_private_key_ex(
	    NULL, "X25519", NULL, secret_bytes(own), SECRET_KEY_SIZE);
	secret_free(own);
	if (key == NULL)
		err_openssl(e, "EVP_PKEY_new_raw_private_key_ex X25519");
	return key;
}
