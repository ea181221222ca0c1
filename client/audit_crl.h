/*
 * A CRL as bytes (RFC 5280 section 5): its number, time, serial numbers and signature, read in place, since OpenSSL's own form
 * of a million entries takes seconds and hundreds of megabytes. Extensions of entries are not looked at.
 */
#ifndef CERTMILL_AUDIT_CRL_H
#define CERTMILL_AUDIT_CRL_H

#include "err.h"
#include "slice.h"

#include <openssl/x509.h>

struct crl_view {
	struct slice whole;
	struct slice signed_part; /* tbsCertList, with its header */
	struct slice issuer;      /* Name, with its header */
	struct slice algorithm, signature;
	struct slice entries; /* contents of revokedCertificates; empty when there is none */
	int64_t number, this_update, next_update; /* next_update -1: it names none */
};

/* ERR_MALFORMED: no CRL of version 2 with a number, or bytes behind it. Slices point into der. */
bool crl_view_read(struct slice der, struct crl_view *ret, struct err *e) MUST_USE;
/* Cuts the first entry off *entries. False: it does not parse. */
bool crl_view_next(struct slice *entries, struct slice *ret_serial) MUST_USE;
/* Is it from that issuer: by name, and by signature? */
bool crl_view_verify(const struct crl_view *v, const X509 *issuer, struct err *e) MUST_USE;

#endif
