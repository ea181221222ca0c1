/* Which certificate is to be revoked: it is named by its serial number, by its lease, or shown. */
#include "crl_owner.h"
#include "encode.h"
#include "op.h"
#include "serial.h"

/* ---- by serial number, or by a lease that ends in it ---- */

/* What stands between the mount and the serial number in a lease id; "*" is a role. */
static const char *const lease_paths[] = { "issue/*", "sign/*", "sign-verbatim", "sign-verbatim/*",
	"config/ca/sign" };

static bool
path_matches(const char *pattern, struct slice path)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] != '*')
		return slice_is(path, pattern);
	return path.len >= len && memcmp(path.data, pattern, len - 1) == 0 &&
	    name_of_object_valid(slice_of(path.data + len - 1, path.len - (len - 1)));
}

static bool
is_lease_path(struct slice path)
{
	for (size_t i = 0; i < sizeof(lease_paths) / sizeof(lease_paths[0]); i++)
		if (path_matches(lease_paths[i], path))
			return true;
	return false;
}

/* MOUNT/PATH/SERIAL */
static MUST_USE bool
lease_parse(struct slice lease, struct slice mount, struct arena *a, struct slice *ret_serial,
    struct err *e)
{
	const uint8_t *first = memchr(lease.data, '/', lease.len);
	const uint8_t *last = memrchr(lease.data, '/', lease.len);
	struct err why = { 0 };
	struct slice text;

	if (first == NULL || first == last ||
	    !is_lease_path(slice_of(first + 1, (size_t)(last - first - 1))))
		return err_field(e, ERR_INVALID_VALUE, "lease_id",
		    "it is no lease id: they look like pki/issue/ROLE/SERIAL");
	if (!slice_eq(slice_of(lease.data, (size_t)(first - lease.data)), mount))
		return err_field(e, ERR_INVALID_VALUE, "lease_id",
		    "it is not a lease of mount \"%.*s\"", SLICE_FMT(mount));
	text = slice_of(last + 1, lease.len - (size_t)(last + 1 - lease.data));
	if (!serial_parse_content(text, "lease_id", a, ret_serial, &why))
		return err_field(e, ERR_INVALID_VALUE, "lease_id",
		    "it does not end in a serial number: %s", why.msg);
	return true;
}

static const char *
serial_field(const struct revoke_params *p)
{
	return p->lease_id.data != NULL ? "lease_id" : "serial_number";
}

static MUST_USE bool
serial_param(const struct request *rq, struct arena *a, struct slice *ret, struct err *e)
{
	const struct revoke_params *p = rq->params;

	if (p->lease_id.data != NULL)
		return lease_parse(p->lease_id, rq->envelope.mount, a, ret, e);
	return serial_parse_content(p->serial_number, "serial_number", a, ret, e);
}

const struct issuer *
mount_ca_of_serial(const struct catalog_mount *mount, struct slice serial)
{
	for (size_t i = 0; i < mount->issuer_count; i++)
		if (slice_eq(mount->issuers[i]->issuer->serial, serial))
			return mount->issuers[i]->issuer;
	return NULL;
}

/* The CA, but for that one, on whose CRL the serial number is; NULL: none. */
static const struct issuer *
revoked_of(const struct context *cx, const struct catalog_mount *mount, struct slice serial,
    const struct issuer *but, struct crl_entry *ret)
{
	for (size_t i = 0; i < mount->issuer_count; i++) {
		const struct issuer *issuer = mount->issuers[i]->issuer;

		if (issuer != but &&
		    crl_owner_find(cx->crls, mount->name, slice_text(issuer->id), serial, ret))
			return issuer;
	}
	return NULL;
}

/* Without a row: it may have been revoked by its certificate, of which no row was ever written. */
static bool
find_revoked(const struct context *cx, const struct catalog_mount *mount, struct revocable *subject)
{
	struct crl_entry entry;

	subject->issuer = revoked_of(cx, mount, subject->serial, NULL, &entry);
	if (subject->issuer == NULL)
		return false;
	subject->not_after = entry.not_after;
	return true;
}

static MUST_USE bool
find_by_serial(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct revocable *ret, struct err *e)
{
	const char *field = serial_field(rq->params);
	const struct catalog_issuer *issuer;
	struct certificate_row row;

	if (!serial_param(rq, cx->arena, &ret->serial, e))
		return false;
	if (mount_ca_of_serial(mount, ret->serial) != NULL)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "this is the mount's CA: it is not revoked by itself");
	if (rq->row.data == NULL) {
		if (find_revoked(cx, mount, ret))
			return true;
		return err_field(e, ERR_UNKNOWN_SERIAL, field,
		    "mount \"%.*s\" knows no certificate of that serial number",
		    SLICE_FMT(mount->name));
	}
	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	issuer = catalog_find_issuer(mount, row.certificate.issuer);
	if (issuer == NULL)
		return err_field(e, ERR_UNKNOWN_SERIAL, field,
		    "its issuer is not of mount \"%.*s\"", SLICE_FMT(mount->name));
	ret->issuer = issuer->issuer;
	ret->not_after = row.certificate.not_after;
	return true;
}

/* ---- by the certificate itself ---- */

/* One CERTIFICATE block and no other. */
static MUST_USE bool
certificate_block(struct slice pem, struct arena *a, struct slice *ret_der, struct err *e)
{
	struct slice rest = pem;
	struct slice label, other;
	struct err why = { 0 };

	if (!pem_next(&rest, a, &label, ret_der, &why) || !slice_is(label, "CERTIFICATE"))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "there is no certificate in PEM%s%s", why.code == ERR_NONE ? "" : ": ",
		    why.msg);
	if (pem_next(&rest, a, &label, &other, &why) || why.code != ERR_NONE)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "there is something behind the certificate");
	return true;
}

static MUST_USE bool
certificate_param(const struct revoke_params *p, struct arena *a, struct slice *ret_der,
    struct certificate_facts *ret, struct err *e)
{
	struct err why = { 0 };

	if (!certificate_block(p->certificate, a, ret_der, e))
		return false;
	if (!certificate_read(*ret_der, ret, &why))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate", "%s", why.msg);
	if (ret->serial.len == 0 || ret->serial.len > SERIAL_SIZE)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "the serial number has %zu octets", ret->serial.len);
	return true;
}

/* The issuer of the mount that signed it. */
static const struct issuer *
signer_of(
    const struct catalog_mount *mount, struct slice der, const struct certificate_facts *facts)
{
	struct err why = { 0 };

	for (size_t i = 0; i < mount->issuer_count; i++) {
		const struct issuer *issuer = mount->issuers[i]->issuer;

		if (slice_eq(issuer->subject, facts->issuer) &&
		    certificate_verify(der, issuer, &why))
			return issuer;
	}
	return NULL;
}

static bool
is_own_ca(const struct catalog_mount *mount, struct slice der)
{
	for (size_t i = 0; i < mount->issuer_count; i++)
		if (slice_eq(mount->issuers[i]->issuer->der, der))
			return true;
	return false;
}

static MUST_USE bool
find_by_certificate(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct revocable *ret, struct err *e)
{
	struct certificate_facts facts;
	struct certificate_row row;
	struct crl_entry entry;
	struct slice der;

	if (!certificate_param(rq->params, cx->arena, &der, &facts, e))
		return false;
	if (is_own_ca(mount, der))
		return err_field(e, ERR_INVALID_VALUE, "certificate",
		    "this is the mount's CA: it is not revoked by itself");
	*ret = (struct revocable){ facts.serial, signer_of(mount, der, &facts), facts.not_after };
	if (ret->issuer == NULL)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "no CA of mount \"%.*s\" has signed it", SLICE_FMT(mount->name));
	/* its record is kept by mount and serial number: a second one would take the place of the first */
	if (revoked_of(cx, mount, ret->serial, ret->issuer, &entry) != NULL)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "a certificate of that serial number, of another CA of mount \"%.*s\", is revoked",
		    SLICE_FMT(mount->name));
	if (rq->row.data == NULL)
		return true;
	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	if (!slice_eq(row.certificate.certificate, der))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "another certificate of that serial number is known");
	return true;
}

/* ---- either ---- */

struct slice
revoke_lookup(const struct context *cx, const struct request *rq)
{
	const struct revoke_params *p = rq->params;
	struct certificate_facts facts;
	struct slice serial, der;
	struct err e = { 0 };

	if (p->serial_number.data != NULL || p->lease_id.data != NULL) {
		if (!serial_param(rq, cx->arena, &serial, &e))
			return SLICE_NONE;
		return redis_cert_key(cx->arena, rq->envelope.mount, serial);
	}
	if (p->certificate.data == NULL || !certificate_param(p, cx->arena, &der, &facts, &e))
		return SLICE_NONE;
	return redis_cert_key(cx->arena, rq->envelope.mount, facts.serial);
}

bool
revocable_find(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct revocable *ret, struct err *e)
{
	const struct revoke_params *p = rq->params;
	int given = (p->serial_number.data != NULL) + (p->certificate.data != NULL) +
	    (p->lease_id.data != NULL);

	if (given == 0)
		return err_field(e, ERR_MISSING_FIELD, "serial_number",
		    "serial_number, certificate or lease_id is needed");
	if (given > 1)
		return err_field(e, ERR_INVALID_VALUE,
		    p->certificate.data != NULL ? "certificate" : "lease_id",
		    "give one of serial_number, certificate and lease_id");
	if (p->certificate.data != NULL)
		return find_by_certificate(cx, rq, mount, ret, e);
	return find_by_serial(cx, rq, mount, ret, e);
}
