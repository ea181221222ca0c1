/* certificate_read: what it and OpenSSL both read, they read alike. */
#include "certificate.h"
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
name_is(X509_NAME *name, struct slice der)
{
	const uint8_t *bytes;
	size_t len;

	return X509_NAME_get0_der(name, &bytes, &len) == 1 && slice_eq(slice_of(bytes, len), der);
}

static void
compare(X509 *x, const struct certificate_facts *f)
{
	SCOPED(ASN1_TIME) before = ASN1_TIME_set(NULL, (time_t)f->not_before);
	SCOPED(ASN1_TIME) after = ASN1_TIME_set(NULL, (time_t)f->not_after);
	uint8_t *serial = NULL;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &serial);

	require(len >= 2 && slice_eq(slice_of(serial + 2, (size_t)len - 2), f->serial));
	OPENSSL_free(serial);
	require(name_is(X509_get_issuer_name(x), f->issuer));
	require(name_is(X509_get_subject_name(x), f->subject));
	require(before == NULL || ASN1_TIME_compare(before, X509_get0_notBefore(x)) == 0);
	require(after == NULL || ASN1_TIME_compare(after, X509_get0_notAfter(x)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate_facts facts;
	struct err e = { 0 };

	if (!certificate_read(slice_of(data, size), &facts, &e)) {
		require(e.code == ERR_CERTIFICATE_INVALID);
		return 0;
	}
	const uint8_t *at = data;
	SCOPED(X509) x = d2i_X509(NULL, &at, (long)size);
	if (x != NULL && at == data + size)
		compare(x, &facts);
	ERR_clear_error();
	return 0;
}
