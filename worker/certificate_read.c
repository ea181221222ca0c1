#include "certificate.h"
#include "der.h"
#include "scoped_openssl.h"

static bool
read_validity(struct der_reader *tbs, struct certificate_facts *ret)
{
	struct der_reader validity;

	return der_enter(tbs, DER_SEQUENCE, &validity) &&
	    der_read_time(&validity, &ret->not_before) &&
	    der_read_time(&validity, &ret->not_after) && der_reader_done(&validity);
}

/* As far as the public key; what stands behind it has no part in the facts. */
static bool
read_tbs(struct der_reader *tbs, struct certificate_facts *ret)
{
	struct slice version;

	return der_read_optional(tbs, DER_CONTEXT_CONSTRUCTED(0), &version) &&
	    der_read(tbs, DER_INTEGER, &ret->serial, NULL) && ret->serial.len > 0 &&
	    ret->serial.len <= 21 && der_read(tbs, DER_SEQUENCE, NULL, NULL) &&
	    der_read(tbs, DER_SEQUENCE, NULL, &ret->issuer) && read_validity(tbs, ret) &&
	    der_read(tbs, DER_SEQUENCE, NULL, &ret->subject) &&
	    der_read(tbs, DER_SEQUENCE, NULL, &ret->spki);
}

bool
certificate_read(struct slice der, struct certificate_facts *ret, struct err *e)
{
	struct der_reader outer = der_reader_of(der), whole, tbs;
	struct slice signature;

	if (!der_enter(&outer, DER_SEQUENCE, &whole) || !der_enter(&whole, DER_SEQUENCE, &tbs) ||
	    !der_read(&whole, DER_SEQUENCE, NULL, NULL) ||
	    !der_read_bit_string(&whole, &signature) || !der_reader_done(&whole))
		return err_set(e, ERR_CERTIFICATE_INVALID, "the certificate does not parse");
	if (!der_reader_done(&outer))
		return err_set(
		    e, ERR_CERTIFICATE_INVALID, "there are bytes behind the certificate");
	if (!read_tbs(&tbs, ret))
		return err_set(e, ERR_CERTIFICATE_INVALID, "the certificate does not parse");
	return true;
}

bool
certificate_verify(struct slice der, const struct issuer *issuer, struct err *e)
{
	struct certificate_facts facts = { 0 };
	const uint8_t *at = der.data;
	SCOPED(X509) x509 = NULL;
	EVP_PKEY *key = X509_get0_pubkey(issuer->x509);
	int verified;

	if (!certificate_read(der, &facts, e))
		return false;
	if (!slice_eq(facts.issuer, issuer->subject))
		return err_set(e, ERR_CERTIFICATE_INVALID, "the certificate names another issuer");
	x509 = d2i_X509(NULL, &at, (long)der.len);
	if (x509 == NULL) {
		err_openssl(e, "d2i_X509");
		return err_set(e, ERR_CERTIFICATE_INVALID, "the certificate does not parse");
	}
	if (at != der.data + der.len)
		return err_set(
		    e, ERR_CERTIFICATE_INVALID, "there are bytes behind the certificate");
	verified = key == NULL ? 0 : X509_verify(x509, key);
	if (verified == 1)
		return true;
	err_openssl(e, "X509_verify");
	return err_set(e, ERR_CERTIFICATE_INVALID, "the issuer did not sign the certificate");
}
