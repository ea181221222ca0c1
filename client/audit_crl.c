#include "audit_crl.h"

#include "audit_der.h"
#include "scoped_openssl.h"

#include <openssl/err.h>
#include <openssl/objects.h>

static void
extensions_free(X509_EXTENSIONS *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}
DEFINE_SCOPED(X509_EXTENSIONS, extensions_free)

static bool
is_time(const struct slice *rest)
{
	struct slice copy = *rest;
	struct element e;

	return element_cut(&copy, ELEMENT_ANY, &e) &&
	    (e.tag == V_ASN1_UTCTIME || e.tag == V_ASN1_GENERALIZEDTIME);
}

static MUST_USE bool
time_read(struct slice *from, int64_t *ret)
{
	struct element e;
	struct tm tm = { 0 };

	if (!is_time(from) || !element_cut(from, ELEMENT_ANY, &e))
		return false;
	const uint8_t *at = e.whole.data;
	SCOPED(ASN1_TIME) time = d2i_ASN1_TIME(NULL, &at, (long)e.whole.len);
	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

/* [0] crlExtensions, whose cRLNumber must be there. */
static MUST_USE bool
number_read(struct slice extensions, int64_t *ret)
{
	const uint8_t *at = extensions.data;
	SCOPED(X509_EXTENSIONS) list = d2i_X509_EXTENSIONS(NULL, &at, (long)extensions.len);
	SCOPED(ASN1_INTEGER)
	number = list == NULL ? NULL : X509V3_get_d2i(list, NID_crl_number, NULL, NULL);

	return number != NULL && at == extensions.data + extensions.len &&
	    ASN1_INTEGER_get_int64(ret, number) == 1 && *ret >= 0;
}

static MUST_USE bool
tbs_read(struct slice tbs, struct crl_view *v)
{
	struct element version, algorithm, name, entries, extensions;

	if (!element_cut(&tbs, V_ASN1_INTEGER, &version) ||
	    !slice_eq(version.contents, slice_of("\x01", 1)) ||
	    !element_cut(&tbs, V_ASN1_SEQUENCE, &algorithm) ||
	    !slice_eq(algorithm.whole, v->algorithm) || /* RFC 5280 5.1.2.2 */
	    !element_cut(&tbs, V_ASN1_SEQUENCE, &name) || !time_read(&tbs, &v->this_update))
		return false;
	v->issuer = name.whole;
	if (is_time(&tbs) && !time_read(&tbs, &v->next_update))
		return false;
	v->entries = slice_of("", 0);
	if (tbs.len > 0 && tbs.data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)) {
		if (!element_cut(&tbs, V_ASN1_SEQUENCE, &entries))
			return false;
		v->entries = entries.contents;
	}
	return element_cut(&tbs, V_ASN1_CONTEXT_SPECIFIC, &extensions) && tbs.len == 0 &&
	    number_read(extensions.contents, &v->number);
}

bool
crl_view_read(struct slice der, struct crl_view *ret, struct err *e)
{
	struct element list, tbs, algorithm, signature;
	struct slice inside;

	*ret = (struct crl_view){ .whole = der, .number = -1, .next_update = -1 };
	if (der.data == NULL || !element_cut(&der, V_ASN1_SEQUENCE, &list) || der.len > 0)
		return err_set(e, ERR_MALFORMED, "it is no CRL, or bytes stand behind it");
	inside = list.contents;
	if (!element_cut(&inside, V_ASN1_SEQUENCE, &tbs) ||
	    !element_cut(&inside, V_ASN1_SEQUENCE, &algorithm) ||
	    !element_cut(&inside, V_ASN1_BIT_STRING, &signature) || inside.len > 0 ||
	    signature.contents.len < 2 || signature.contents.data[0] != 0)
		return err_set(e, ERR_MALFORMED, "it is no CRL");
	ret->signed_part = tbs.whole;
	ret->algorithm = algorithm.whole;
	ret->signature = slice_of(signature.contents.data + 1, signature.contents.len - 1);
	if (!tbs_read(tbs.contents, ret)) {
		ERR_clear_error();
		return err_set(e, ERR_MALFORMED, "it is no CRL of version 2 with a number");
	}
	return true;
}

bool
crl_view_next(struct slice *entries, struct slice *ret_serial)
{
	struct element entry, serial;
	struct slice inside;

	if (!element_cut(entries, V_ASN1_SEQUENCE, &entry))
		return false;
	inside = entry.contents;
	if (!element_cut(&inside, V_ASN1_INTEGER, &serial) || serial.contents.len == 0)
		return false;
	*ret_serial = serial.contents;
	return true;
}

/* *ret: NULL, the algorithm says it all. False: it is none that names its digest, such as RSASSA-PSS. */
static MUST_USE bool
digest_of(struct slice algorithm, const EVP_MD **ret)
{
	const uint8_t *at = algorithm.data;
	SCOPED(X509_ALGOR) alg = d2i_X509_ALGOR(NULL, &at, (long)algorithm.len);
	const ASN1_OBJECT *oid = NULL;
	int digest = NID_undef, key = NID_undef;

	if (alg == NULL)
		return false;
	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	if (OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key) != 1)
		return false;
	*ret = digest == NID_undef ? NULL : EVP_get_digestbynid(digest);
	return *ret != NULL || key == NID_ED25519 || key == NID_ED448;
}

/* By OpenSSL's own form of all of it. */
static MUST_USE bool
verify_whole(const struct crl_view *v, EVP_PKEY *key)
{
	const uint8_t *at = v->whole.data;
	SCOPED(X509_CRL) crl = d2i_X509_CRL(NULL, &at, (long)v->whole.len);

	return crl != NULL && X509_CRL_verify(crl, key) == 1;
}

static MUST_USE bool
verify_in_place(const struct crl_view *v, const EVP_MD *digest, EVP_PKEY *key)
{
	SCOPED(EVP_MD_CTX) cx = EVP_MD_CTX_new();

	return cx != NULL && EVP_DigestVerifyInit(cx, NULL, digest, NULL, key) == 1 &&
	    EVP_DigestVerify(cx, v->signature.data, v->signature.len, v->signed_part.data,
		v->signed_part.len) == 1;
}

bool
crl_view_verify(const struct crl_view *v, const X509 *issuer, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	const unsigned char *name = NULL;
	const EVP_MD *digest = NULL;
	size_t len = 0;
	bool good;

	if (X509_NAME_get0_der(X509_get_subject_name(issuer), &name, &len) != 1 ||
	    !slice_eq(v->issuer, slice_of(name, len)))
		return err_set(e, ERR_CERTIFICATE_INVALID, "it names another issuer");
	if (digest_of(v->algorithm, &digest))
		good = verify_in_place(v, digest, key);
	else
		good = verify_whole(v, key);
	ERR_clear_error();
	return good ||
	    err_set(e, ERR_CERTIFICATE_INVALID, "its issuer's key does not verify the signature");
}
