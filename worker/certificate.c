#include "certificate_ext.h"
#include "scoped.h"
#include "signer.h"
#include "spki.h"
#include "subject.h"

/* TBSCertificate (RFC 5280 4.1.2), from its end to its start. */
static void
write_tbs(struct der *d, const struct certificate_input *in, const struct certificate_extensions *x,
    struct slice algorithm)
{
	const struct template *t = in->template;
	const uint8_t *end = der_mark(d), *mark;

	certificate_extensions_write(d, x);
	der_raw(d, in->spki);
	subject_write(d, t);
	mark = der_mark(d);
	der_time(d, t->not_after);
	der_time(d, t->not_before);
	der_wrap(d, mark, DER_SEQUENCE);
	if (in->issuer_subject.data != NULL)
		der_raw(d, in->issuer_subject);
	else
		subject_write(d, t);
	der_raw(d, algorithm);
	der_unsigned(d, in->serial);
	mark = der_mark(d);
	der_small(d, 2); /* v3 */
	der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(0));
	der_wrap(d, end, DER_SEQUENCE);
}

bool
certificate_build(
    const struct certificate_input *in, struct signer *s, struct buf *out, struct err *e)
{
	uint8_t key_id[KEY_ID_SIZE];
	struct certificate_extensions x = {
		.template = in->template,
		.urls = in->urls,
		.subject_key_id = slice_of(key_id, sizeof(key_id)),
		.subject_is_empty = subject_is_empty(in->template),
	};
	struct spki spki;
	struct der d;
	size_t bound;

	if (!spki_read(in->spki, &spki, e) || !signer_key_id(s, spki.key, key_id, e))
		return false;
	if (!certificate_extensions_check(in->template, e))
		return false;
	x.authority_key_id = in->issuer_key_id.data != NULL ? in->issuer_key_id : x.subject_key_id;
	bound = 256 + in->spki.len + in->serial.len + in->issuer_subject.len +
	    2 * subject_bound(in->template) + certificate_extensions_bound(&x);
	SCOPED_FREE uint8_t *scratch = malloc(bound);
	if (scratch == NULL)
		abort();
	der_init(&d, scratch, bound);
	write_tbs(&d, in, &x, signer_algorithm(s));
	if (d.failed)
		return err_set(
		    e, ERR_INTERNAL, "the certificate's dates are outside the years 0 to 9999");
	return signer_append(s, der_slice(&d), out, e);
}
