/*
 * The CRLs of each mount and issuer, in their order, as far as they are on `.crl`. Of their entries only the last list is kept,
 * 21 octets each; what comes and goes from one CRL to the next becomes facts.
 */
#ifndef CERTMILL_AUDIT_BOOK_H
#define CERTMILL_AUDIT_BOOK_H

#include "err.h"
#include "slice.h"

#include <stdint.h>

struct crl_book;

/* One CRL that was in order by itself. */
struct crl_page {
	int64_t number, this_update; /* seconds */
	int64_t offset, at_ms;       /* of its record */
};

struct crl_pages {
	const struct crl_page *at;
	size_t count;
	bool deleted; /* the key's last record is a tombstone */
};

struct crl_book *crl_book_new(void);
void crl_book_free(struct crl_book *b); /* takes NULL */
/* A CA certificate of `.state`. */
bool crl_book_issuer(struct crl_book *b, struct slice der, struct err *e) MUST_USE;
/* The index of that issuer's CRLs, which may not have come (yet). */
uint32_t crl_book_ref(struct crl_book *b, struct slice mount, struct slice issuer);
struct crl_pages crl_book_pages(const struct crl_book *b, uint32_t ref);

#endif
