/* The extensions of a certificate (RFC 5280 4.2), written by one table. */
#ifndef CERTMILL_CERTIFICATE_EXT_H
#define CERTMILL_CERTIFICATE_EXT_H

#include "certificate.h"
#include "der.h"

/* GeneralName (RFC 5280 4.2.1.6) */
#define NAME_OTHER      DER_CONTEXT_CONSTRUCTED(0)
#define NAME_RFC822     DER_CONTEXT(1)
#define NAME_DNS_NAME   DER_CONTEXT(2)
#define NAME_URI        DER_CONTEXT(6)
#define NAME_IP_ADDRESS DER_CONTEXT(7)

struct certificate_extensions {
	const struct template *template;
	const struct certificate_urls *urls; /* may be NULL */
	struct slice subject_key_id, authority_key_id;
	bool subject_is_empty;
};

/* Are the template's verbatim extensions Extensions? ERR_INTERNAL: who makes a template takes only ones that parse. */
bool certificate_extensions_check(const struct template *t, struct err *e) MUST_USE;
/* The [3] of a TBSCertificate. */
void certificate_extensions_write(struct der *d, const struct certificate_extensions *x);
/* An upper bound of what it writes. */
size_t certificate_extensions_bound(const struct certificate_extensions *x);

/* One of them, whole. False: the template has it not, nothing was written. For those that are the template's alone. */
bool certificate_extension_write(struct der *d, const struct template *t, struct slice oid);

/*
 * What a CA is asked for: the Extensions of a request, without a wrapping. subjectAltName, and basicConstraints where
 * the template's basic_constraints says so. False: nothing is asked for, nothing was written.
 */
bool certificate_extensions_ask(struct der *d, const struct template *t);

/* One DistributionPointName: [0] fullName with these URIs. */
void distribution_point_name_write(struct der *d, const struct slice *uris, size_t count);

#endif
