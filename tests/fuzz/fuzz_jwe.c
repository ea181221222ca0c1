/*
 * jwe_open, jwe_is: the input as a whole token, and as the header of one whose other parts have their right form. Nothing may
 * open: nobody can seal to a key that is new in every run.
 */
#include "encode.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *
fuzz_key(void)
{
	static EVP_PKEY *key;

	if (key == NULL)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (key == NULL)
		abort();
	return key;
}

static void
fuzz_token(struct slice token)
{
	struct buf SCOPED_BUF out = { 0 };
	struct err e = { 0 };

	buf_init_secret(&out, 4096);
	(void)jwe_is(token);
	if (jwe_open(fuzz_key(), token, &out, &e))
		abort();
	if (out.len != 0 || (e.code != ERR_SEAL_INVALID && e.code != ERR_TOO_LARGE))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf SCOPED_BUF token = { 0 };

	fuzz_token(slice_of(data, size));
	buf_init(&token, 2 * size + 100);
	base64url_add(&token, slice_of(data, size));
	buf_add_text(&token, "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA");
	fuzz_token(buf_slice(&token));
	return 0;
}
