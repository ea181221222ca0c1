/* csr_parse, csr_verify: what they take, OpenSSL parses and verifies too, with the same public key. PEM, or DER to be wrapped in it. */
#include "csr.h"
#include "encode.h"
#include "scoped_openssl.h"

#include <openssl/err.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
compare(struct slice pem, const struct csr *csr)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct slice label, der, rest = pem;
	struct err e;

	require(pem_next(&rest, &a, &label, &der, &e));
	const uint8_t *at = der.data;
	SCOPED(X509_REQ) req = d2i_X509_REQ(NULL, &at, (long)der.len);
	require(req != NULL && at == der.data + der.len);
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);
	require(key != NULL && X509_REQ_verify(req, key) == 1);
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);
	require(len > 0 && slice_eq(slice_of(spki, (size_t)len), csr->spki));
	OPENSSL_free(spki);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	static struct csr_verifier *verifier;
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF pem;
	struct csr csr;

	if (verifier == NULL)
		verifier = csr_verifier_new(&e);
	require(verifier != NULL);
	buf_init(&pem, 2 * size + 200);
	if (size > 0 && data[0] == 0x30)
		pem_add(&pem, "CERTIFICATE REQUEST", slice_of(data, size));
	else
		buf_add(&pem, data, size);
	if (csr_parse(buf_slice(&pem), &a, &csr, &e) && csr_verify(verifier, &csr, &e))
		compare(buf_slice(&pem), &csr);
	else
		require(e.code == ERR_CSR_INVALID || e.code == ERR_WEAK_KEY);
	require(ERR_peek_error() == 0);
	return 0;
}
