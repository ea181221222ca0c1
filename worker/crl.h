/*
 * CRLs (RFC 5280 section 5). Entries are encoded once, when a revocation comes; a build concatenates, hashes and signs. The
 * entries of a million revocations are 44 MB in one run of memory, with an index by serial beside it.
 * crl_build is pure: entries + number + times + issuer -> DER.
 */
#ifndef CERTMILL_CRL_H
#define CERTMILL_CRL_H

#include "buf.h"
#include "certificate.h"

#define CRL_DER_MAX \
	((size_t)64 * 1024 * 1024 - 64 * 1024) /* the topic's limit, less what surrounds a record */

struct crl_entry {
	struct slice serial;     /* content octets of the INTEGER, at most 20 */
	int64_t date;            /* revocationDate */
	int64_t reason;          /* 0: no reasonCode extension */
	int64_t invalidity_date; /* INT64_MIN: none */
	int64_t not_after;       /* of the certificate */
};

/* The entries of one CRL. */
struct crl_entries;
struct crl_entries *crl_entries_new(void);
void crl_entries_free(struct crl_entries *s);
/* Adds, or replaces the entry of that serial (a fold reads the last record of a serial). */
void crl_entries_put(struct crl_entries *s, const struct crl_entry *entry);
bool crl_entries_find(const struct crl_entries *s, struct slice serial, struct crl_entry *ret);
void crl_entries_remove(struct crl_entries *s, struct slice serial);
size_t crl_entries_count(const struct crl_entries *s);
size_t crl_entries_bytes(const struct crl_entries *s); /* DER, all entries */
/*
 * Takes out the entries whose certificate had expired before `published` (thisUpdate of the last CRL that held them, so that
 * each was on one CRL past its expiry; RFC 5280 3.3) and calls `left` for each, for its tombstone. Returns how many.
 */
size_t crl_entries_expire(struct crl_entries *s, int64_t published,
    void (*left)(void *opaque, const struct crl_entry *e), void *opaque);

struct crl_input {
	const struct crl_entries *entries; /* NULL: none */
	const struct issuer *issuer;
	int64_t number, this_update, next_update;
	struct slice
	    shard_uri; /* absent: a full CRL; otherwise a critical issuingDistributionPoint with this URI */
};

/* Appends the DER to out (made with max CRL_DER_MAX by the caller). */
bool crl_build(
    const struct crl_input *in, struct signer *s, struct buf *out, struct err *e) MUST_USE;

/* "keyCompromise", "key_compromise" or "1" -> 1. 7, removeFromCRL (8) and unknown ones are refused; absent -> 0. */
bool crl_reason_parse(struct slice text, int64_t *ret, struct err *e) MUST_USE;

#endif
