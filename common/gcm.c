#include "gcm.h"

#include "scoped_openssl.h"

#include <openssl/err.h>

#include <limits.h>

EVP_CIPHER_CTX *
gcm_new(const uint8_t key[static GCM_KEY_SIZE], struct err *e)
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool done = aes != NULL && ctx != NULL &&
	    EVP_CipherInit_ex(ctx, aes, NULL, key, NULL, 1) == 1;

	EVP_CIPHER_free(aes);
	if (done)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return err_openssl(e, "EVP_CipherInit_ex AES-256-GCM"), NULL;
}

/* The nonce, the additional data and the text: the key stands already. OpenSSL counts in int. */
static bool
gcm_run(EVP_CIPHER_CTX *ctx, bool seal, const uint8_t *nonce, struct slice aad, struct slice text,
    uint8_t *ret)
{
	int n;

	if (aad.len > INT_MAX || text.len > INT_MAX ||
	    EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, seal) != 1)
		return false;
	if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len) != 1)
		return false;
	return text.len == 0 || EVP_CipherUpdate(ctx, ret, &n, text.data, (int)text.len) == 1;
}

bool
gcm_seal(EVP_CIPHER_CTX *ctx, const uint8_t nonce[static GCM_NONCE_SIZE], struct slice aad,
    struct slice clear, uint8_t *ret, uint8_t ret_tag[static GCM_TAG_SIZE], struct err *e)
{
	uint8_t none[16];
	int n;

	if (!gcm_run(ctx, true, nonce, aad, clear, ret) || EVP_CipherFinal_ex(ctx, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, ret_tag) != 1)
		return err_openssl(e, "AES-256-GCM");
	return true;
}

bool
gcm_open(EVP_CIPHER_CTX *ctx, const uint8_t nonce[static GCM_NONCE_SIZE], struct slice aad,
    struct slice text, const uint8_t tag[static GCM_TAG_SIZE], uint8_t *ret, struct err *e)
{
	uint8_t expected[GCM_TAG_SIZE], none[16];
	int n;

	memcpy(expected, tag, GCM_TAG_SIZE);
	if (gcm_run(ctx, false, nonce, aad, text, ret) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) == 1 &&
	    EVP_CipherFinal_ex(ctx, none, &n) == 1)
		return true;
	OPENSSL_cleanse(ret, text.len);
	ERR_clear_error();
	return err_set(
	    e, ERR_SEAL_INVALID, "the sealed text does not open: another key, or it was changed");
}
