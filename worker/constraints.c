#include "constraints.h"

#include "certificate_ext.h"
#include "extension.h"
#include "scoped_openssl.h"
#include "spki.h"
#include "subject.h"

#include <openssl/err.h>

/* What one CA certificate demands. */
struct demand {
	NAME_CONSTRAINTS *names;
	EXTENDED_KEY_USAGE *purposes; /* NULL: any */
};

struct constraints {
	struct demand *demands;
	size_t count;
	int64_t path_length; /* CA certificates that may still follow */
	bool names, purposes, unknown_critical;
};

#define NO_LIMIT INT64_MAX

typedef struct constraints constraints;
DEFINE_SCOPED(constraints, constraints_free)

/* anyExtendedKeyUsage and id-kp-OCSPSigning (RFC 5280 4.2.1.12) */
static const struct slice any_purpose = DER_BYTES("\x55\x1d\x25\x00");
static const struct slice ocsp_signing = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x09");

/* ---- reading a chain ---- */

static bool
is_listed(const EXTENDED_KEY_USAGE *purposes, struct slice oid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		const ASN1_OBJECT *object = sk_ASN1_OBJECT_value(purposes, i);

		if (slice_eq(slice_of(OBJ_get0_data(object), OBJ_length(object)), oid))
			return true;
	}
	return false;
}

/* below: the CA certificates between this one and what is issued. */
static void
demand_read(struct constraints *c, X509 *x, int64_t below)
{
	struct demand *d = &c->demands[c->count++];
	int64_t path_length = X509_get_pathlen(x);

	d->names = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);
	d->purposes = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	if (is_listed(d->purposes, any_purpose)) {
		EXTENDED_KEY_USAGE_free(d->purposes);
		d->purposes = NULL;
	}
	c->names |= d->names != NULL;
	c->purposes |= d->purposes != NULL;
	c->unknown_critical |= (X509_get_extension_flags(x) & EXFLAG_CRITICAL) != 0;
	if (path_length >= 0 && path_length - below < c->path_length)
		c->path_length = path_length - below;
}

/* RFC 5280 4.2.1.9: self-issued certificates do not count. */
static int64_t
path_step(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_SI) != 0 ? 0 : 1;
}

static bool
chain_read(struct constraints *c, const struct slice_list *chain, int64_t below, struct err *e)
{
	for (size_t i = 0; i < chain->count; i++) {
		const uint8_t *at = chain->items[i].data;
		SCOPED(X509) x = d2i_X509(NULL, &at, (long)chain->items[i].len);

		if (x == NULL || (X509_get_extension_flags(x) & EXFLAG_INVALID) != 0) {
			ERR_clear_error();
			return err_set(
			    e, ERR_CA_INVALID, "a certificate above the CA's does not parse");
		}
		demand_read(c, x, below);
		below += path_step(x);
	}
	return true;
}

bool
constraints_read(
    X509 *issuer, const struct slice_list *chain, struct constraints **ret, struct err *e)
{
	SCOPED(constraints) c = calloc(1, sizeof(*c));

	*ret = NULL;
	if (c == NULL || (c->demands = calloc(chain->count + 1, sizeof(*c->demands))) == NULL)
		abort();
	c->path_length = NO_LIMIT;
	demand_read(c, issuer, 0);
	if (!chain_read(c, chain, path_step(issuer), e))
		return false;
	if (c->names || c->purposes || c->unknown_critical || c->path_length != NO_LIMIT)
		*ret = TAKE(c);
	return true;
}

void
constraints_free(struct constraints *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++) {
		NAME_CONSTRAINTS_free(c->demands[i].names);
		EXTENDED_KEY_USAGE_free(c->demands[i].purposes);
	}
	free(c->demands);
	free(c);
}

int64_t
constraints_path_length(const struct constraints *c)
{
	if (c == NULL || c->path_length == NO_LIMIT)
		return -1;
	return c->path_length < 0 ? 0 : c->path_length;
}

/* ---- extended key usages ---- */

/* "clientAuth", or the numbers. */
static void
purpose_text(struct slice oid, char *ret, size_t size)
{
	uint8_t der[64];
	const uint8_t *at;
	SCOPED(ASN1_OBJECT) object = NULL;
	struct der d;

	der_init(&d, der, sizeof(der));
	der_tlv(&d, DER_OID, oid);
	at = d.at;
	object = d.failed ? NULL : d2i_ASN1_OBJECT(NULL, &at, d.end - d.at);
	if (object == NULL || OBJ_obj2txt(ret, (int)size, object, 0) <= 0)
		snprintf(ret, size, "one of the further purposes");
	ERR_clear_error();
}

static bool
permit_purpose(const struct constraints *c, struct slice oid, struct err *e)
{
	char text[80];

	if (slice_eq(oid, ocsp_signing))
		return true;
	for (size_t i = 0; i < c->count; i++) {
		const EXTENDED_KEY_USAGE *purposes = c->demands[i].purposes;

		if (purposes == NULL || is_listed(purposes, oid))
			continue;
		purpose_text(oid, text, sizeof(text));
		return err_set(e, ERR_CA_CONSTRAINED,
		    "the extended key usages of the CA, or of one above it, leave out \"%s\"",
		    text);
	}
	return true;
}

/* The purposes of a whole extendedKeyUsage. */
static bool
enter_purposes(struct slice whole, struct der_reader *ret)
{
	struct extension x;
	struct der_reader r;

	if (!extension_read(whole, &x))
		return false;
	r = der_reader_of(x.value);
	return der_enter(&r, DER_SEQUENCE, ret);
}

static bool
permit_purposes(const struct constraints *c, struct der *d, const struct template *t, struct err *e)
{
	static const struct slice extended_key_usage = DER_BYTES("\x55\x1d\x25");
	struct der_reader purposes = { 0 };
	struct slice oid = SLICE_NONE;

	if (!certificate_extension_write(d, t, extended_key_usage))
		return true;
	if (!enter_purposes(der_slice(d), &purposes))
		return err_set(e, ERR_INTERNAL, "the extended key usages do not parse");
	while (!der_reader_done(&purposes)) {
		if (!der_read(&purposes, DER_OID, &oid, NULL))
			return err_set(e, ERR_INTERNAL, "the extended key usages do not parse");
		if (!permit_purpose(c, oid, e))
			return false;
	}
	return true;
}

/* ---- names ---- */

/*
 * A certificate of the template's subject and alternative names, with an empty issuer, a key and a signature of zeros:
 * OpenSSL checks names on certificates.
 */
static X509 *
names_certificate(struct der *d, const struct template *t)
{
	static const struct slice alt_name = DER_BYTES("\x55\x1d\x11");
	static const struct slice ed25519 = DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70");
	const uint8_t zeros[32] = { 0 }, *end = der_mark(d), *tbs, *at, *mark;

	der_bit_string(d, slice_of(zeros, sizeof(zeros)));
	der_raw(d, ed25519);
	tbs = der_mark(d);
	if (certificate_extension_write(d, t, alt_name)) {
		der_wrap(d, tbs, DER_SEQUENCE);
		der_wrap(d, tbs, DER_CONTEXT_CONSTRUCTED(3));
	}
	spki_write_ed25519(d, slice_of(zeros, sizeof(zeros)));
	subject_write(d, t);
	mark = der_mark(d);
	der_time(d, t->not_after);
	der_time(d, t->not_before);
	der_wrap(d, mark, DER_SEQUENCE);
	der_raw(d, SLICE_LITERAL("\x30\x00"));
	der_raw(d, ed25519);
	der_raw(d, SLICE_LITERAL("\xa0\x03\x02\x01\x02\x02\x01\x01")); /* version 3, serial 1 */
	der_wrap(d, tbs, DER_SEQUENCE);
	der_wrap(d, end, DER_SEQUENCE);
	at = d->at;
	return d->failed ? NULL : d2i_X509(NULL, &at, d->end - d->at);
}

static bool
has_dns_name(X509 *x)
{
	SCOPED(GENERAL_NAMES) names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
			return true;
	return false;
}

/* RFC 5280 4.2.1.10; and the common name, where verifiers take it for a DNS name because there is no other. */
static bool
permit_names(const struct constraints *c, struct der *d, const struct template *t, struct err *e)
{
	SCOPED(X509) x = names_certificate(d, t);
	int verdict = X509_V_OK;
	bool common_name;

	if (x == NULL || X509_check_purpose(x, -1, 0) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_CA_CONSTRAINED,
		    "the CA constrains names, and those of the certificate do not parse");
	}
	common_name = !t->is_ca && !has_dns_name(x);
	for (size_t i = 0; i < c->count && verdict == X509_V_OK; i++) {
		if (c->demands[i].names == NULL)
			continue;
		verdict = NAME_CONSTRAINTS_check(x, c->demands[i].names);
		if (verdict == X509_V_OK && common_name)
			verdict = NAME_CONSTRAINTS_check_CN(x, c->demands[i].names);
	}
	ERR_clear_error();
	if (verdict == X509_V_OK)
		return true;
	return err_set(e, ERR_CA_CONSTRAINED,
	    "the name constraints of the CA, or of one above it, do not allow every name: %s",
	    X509_verify_cert_error_string(verdict));
}

/* ---- all of it ---- */

static bool
permit_path(const struct constraints *c, const struct template *t, struct err *e)
{
	if (c->path_length >= (t->is_ca ? 1 : 0))
		return true;
	return err_set(e, ERR_CA_CONSTRAINED,
	    "the path length of the CA, or of one above it, allows no %s here",
	    t->is_ca ? "further CA" : "certificate");
}

bool
constraints_permit(const struct constraints *c, const struct template *t, struct err *e)
{
	const struct certificate_extensions x = { .template = t };
	size_t bound = 512 + subject_bound(t) + certificate_extensions_bound(&x);
	SCOPED_FREE uint8_t *scratch = NULL;
	struct der d;

	if (c->unknown_critical)
		return err_set(e, ERR_CA_CONSTRAINED,
		    "the CA, or one above it, has a critical extension that nobody knows");
	if (!permit_path(c, t, e))
		return false;
	if (!c->purposes && !c->names)
		return true;
	scratch = malloc(bound);
	if (scratch == NULL)
		abort();
	der_init(&d, scratch, bound);
	if (c->purposes && !permit_purposes(c, &d, t, e))
		return false;
	der_init(&d, scratch, bound);
	return !c->names || permit_names(c, &d, t, e);
}
