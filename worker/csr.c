#include "csr.h"

#include "csr_names.h"
#include "encode.h"
#include "key_check.h"

static bool
is_blank(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return false;
	}
	return true;
}

/* One block and, but for white space, nothing behind it. */
static bool
read_pem(struct slice pem, struct arena *a, struct slice *ret_der, struct err *e)
{
	struct slice label = SLICE_NONE;

	if (pem.len > CSR_MAX)
		return err_set(e, ERR_CSR_INVALID, "the request is over %d octets", CSR_MAX);
	if (!pem_next(&pem, a, &label, ret_der, e))
		return err_set(e, ERR_CSR_INVALID, "the request is not PEM");
	if (!slice_is(label, "CERTIFICATE REQUEST") && !slice_is(label, "NEW CERTIFICATE REQUEST"))
		return err_set(e, ERR_CSR_INVALID, "the PEM block is no CERTIFICATE REQUEST");
	if (!is_blank(pem))
		return err_set(e, ERR_CSR_INVALID, "there is text behind the request");
	return true;
}

/* CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm, signature } (RFC 2986 4.2) */
static bool
read_envelope(struct slice der, struct csr *ret)
{
	struct der_reader outer = der_reader_of(der), whole;

	return der_enter(&outer, DER_SEQUENCE, &whole) && der_reader_done(&outer) &&
	    der_read(&whole, DER_SEQUENCE, NULL, &ret->info) &&
	    der_read(&whole, DER_SEQUENCE, NULL, &ret->algorithm) &&
	    der_read_bit_string(&whole, &ret->signature) && der_reader_done(&whole);
}

/* CertificationRequestInfo ::= SEQUENCE { version, subject, subjectPKInfo, attributes [0] } (RFC 2986 4.1) */
static bool
read_info(struct csr *ret, struct slice *ret_attributes)
{
	struct der_reader outer = der_reader_of(ret->info), info;
	struct slice version = SLICE_NONE;

	return der_enter(&outer, DER_SEQUENCE, &info) &&
	    der_read(&info, DER_INTEGER, &version, NULL) &&
	    slice_eq(version, SLICE_LITERAL("\0")) &&
	    der_read(&info, DER_SEQUENCE, NULL, &ret->subject) &&
	    der_read(&info, DER_SEQUENCE, NULL, &ret->spki) &&
	    der_read_optional(&info, DER_CONTEXT_CONSTRUCTED(0), ret_attributes) &&
	    der_reader_done(&info);
}

static bool
check_key(struct csr *ret, struct err *e)
{
	struct spki k;

	if (!spki_read(ret->spki, &k, e)) {
		/* what does not parse is the request's fault; a weak key has its own code */
		if (e->code == ERR_MALFORMED)
			e->code = ERR_CSR_INVALID;
		return false;
	}
	ret->key_type = k.type;
	ret->key_bits = k.bits;
	return k.type != KEY_RSA || key_check_rsa(&k, e);
}

bool
csr_parse(struct slice pem, struct arena *a, struct csr *ret, struct err *e)
{
	struct slice der = SLICE_NONE, attributes = SLICE_NONE;

	*ret = (struct csr){ 0 };
	if (!read_pem(pem, a, &der, e))
		return false;
	if (!read_envelope(der, ret) || !read_info(ret, &attributes))
		return err_set(e, ERR_CSR_INVALID, "the request is no PKCS#10 in DER");
	if (!csr_read_subject(a, ret))
		return err_set(e, ERR_CSR_INVALID, "the request's subject does not parse");
	return check_key(ret, e) && csr_read_attributes(attributes, a, ret, e);
}
