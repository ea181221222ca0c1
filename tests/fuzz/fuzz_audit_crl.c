/* crl_view_read, crl_view_next: what they read, OpenSSL reads alike, if it reads it at all. */
#include "audit_crl.h"
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
entries_read(struct slice entries, int *ret_count)
{
	struct slice serial;

	for (*ret_count = 0; entries.len > 0; ++*ret_count)
		if (!crl_view_next(&entries, &serial))
			return false;
	return true;
}

static void
compare(X509_CRL *crl, const struct crl_view *v)
{
	SCOPED(ASN1_TIME) time = ASN1_TIME_set(NULL, (time_t)v->this_update);
	SCOPED(ASN1_INTEGER) number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int64_t value = -1;
	int count;

	require(
	    number != NULL && ASN1_INTEGER_get_int64(&value, number) == 1 && value == v->number);
	require(time == NULL || ASN1_TIME_compare(time, X509_CRL_get0_lastUpdate(crl)) == 0);
	require(entries_read(v->entries, &count));
	require(count == sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) ||
	    (count == 0 && X509_CRL_get_REVOKED(crl) == NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crl_view v;
	struct err e = { 0 };

	if (!crl_view_read(slice_of(data, size), &v, &e)) {
		require(e.code == ERR_MALFORMED && ERR_peek_error() == 0);
		return 0;
	}
	const uint8_t *at = data;
	SCOPED(X509_CRL) crl = d2i_X509_CRL(NULL, &at, (long)size);
	if (crl != NULL && at == data + size)
		compare(crl, &v);
	ERR_clear_error();
	return 0;
}
