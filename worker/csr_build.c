#include "certificate_ext.h"
#include "csr.h"
#include "scoped.h"
#include "signer.h"
#include "subject.h"

/* attributes [0]: an extensionRequest (RFC 2985 5.4.2), or none at all. */
static void
write_attributes(struct der *d, const struct template *t)
{
	const uint8_t *end = der_mark(d);

	if (certificate_extensions_ask(d, t)) {
		der_wrap(d, end, DER_SET);
		der_tlv(d, DER_OID, SLICE_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"));
		der_wrap(d, end, DER_SEQUENCE);
	}
	der_wrap(d, end, DER_CONTEXT_CONSTRUCTED(0));
}

/* CertificationRequestInfo (RFC 2986 4.1), from its end to its start. */
bool
csr_build(
    const struct template *t, struct slice spki, struct signer *s, struct buf *out, struct err *e)
{
	const struct certificate_extensions x = { .template = t };
	size_t bound = 256 + spki.len + subject_bound(t) + certificate_extensions_bound(&x);
	SCOPED_FREE uint8_t *scratch = malloc(bound);
	const uint8_t *end;
	struct der d;

	if (scratch == NULL)
		abort();
	der_init(&d, scratch, bound);
	end = der_mark(&d);
	write_attributes(&d, t);
	der_raw(&d, spki);
	subject_write(&d, t);
	der_small(&d, 0); /* v1 */
	der_wrap(&d, end, DER_SEQUENCE);
	if (d.failed)
		return err_set(e, ERR_INTERNAL, "the request is over its bound");
	return signer_append(s, der_slice(&d), out, e);
}
