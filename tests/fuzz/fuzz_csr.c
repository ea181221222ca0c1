/* csr_parse, csr_verify: what they take, OpenSSL parses and verifies too, with the same public key, and asks for the same extensions. PEM, or DER to be wrapped in it. */
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

static bool
object_is(const ASN1_OBJECT *object, struct slice oid)
{
	return slice_eq(slice_of(OBJ_get0_data(object), OBJ_length(object)), oid);
}

/* One that was kept: the same object, criticality and value. */
static bool
extension_is(X509_EXTENSION *x, struct slice der)
{
	const uint8_t *at = der.data;
	SCOPED(X509_EXTENSION) kept = d2i_X509_EXTENSION(NULL, &at, (long)der.len);
	const ASN1_OBJECT *object = X509_EXTENSION_get_object(x);

	return kept != NULL && at == der.data + der.len &&
	    OBJ_cmp(X509_EXTENSION_get_object(kept), object) == 0 &&
	    X509_EXTENSION_get_critical(kept) == X509_EXTENSION_get_critical(x) &&
	    ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(kept), X509_EXTENSION_get_data(x)) == 0;
}

static void
compare_extensions(X509_REQ *req, const struct csr *csr)
{
	STACK_OF(X509_EXTENSION) *asked = X509_REQ_get_extensions(req);
	int count = asked == NULL ? 0 : sk_X509_EXTENSION_num(asked);
	size_t kept = 0;

	for (int i = 0; i < count; i++) {
		X509_EXTENSION *x = sk_X509_EXTENSION_value(asked, i);

		if (object_is(X509_EXTENSION_get_object(x), SLICE_LITERAL("\x55\x1d\x13")))
			continue;
		require(kept < csr->extensions.count);
		require(extension_is(x, csr->extensions.items[kept++]));
	}
	require(kept == csr->extensions.count);
	sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
}

static void
compare_others(const struct csr *csr)
{
	for (size_t i = 0; i < csr->others.count; i++) {
		uint8_t der[130] = { 0x06, (uint8_t)csr->others.items[i].type_id.len };
		const uint8_t *at = der;
		struct slice oid = csr->others.items[i].type_id;
		SCOPED(ASN1_OBJECT) object = NULL;

		if (oid.len > 127)
			continue;
		memcpy(der + 2, oid.data, oid.len);
		object = d2i_ASN1_OBJECT(NULL, &at, (long)oid.len + 2);
		require(object != NULL && at == der + 2 + oid.len);
	}
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
	compare_extensions(req, csr);
	compare_others(csr);
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
