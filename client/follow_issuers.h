/*
 * Whose CRLs a follower takes: CA certificates by their id, the first 16 octets of their SHA-256, which the keys of `.crl`
 * name. So a certificate may come from a file or from the topic `.ca`, or from anywhere: one that does not belong to the id
 * is never found under it. From a file they are the only ones. It does not check the certificates themselves: their validity,
 * their chain, or that they are CAs at all.
 */
#ifndef CERTMILL_FOLLOW_ISSUERS_H
#define CERTMILL_FOLLOW_ISSUERS_H

#include "queue.h"

#include <openssl/x509.h>

struct crl_issuers;

/* file: PEM certificates; NULL: those of the topic. */
struct crl_issuers *crl_issuers_new(const char *file, struct err *e) MUST_USE;
void crl_issuers_free(struct crl_issuers *s); /* takes NULL */
/* Reads `.ca` from now on, and until crl_issuers_leave; nothing is to be done where there is a file. */
bool crl_issuers_join(struct crl_issuers *s, const struct queue_options *queue,
    struct queue_probe *probe, const char *topic, struct err *e) MUST_USE;
void crl_issuers_leave(struct crl_issuers *s);
/*
 * *ret: borrowed; NULL: there is none. One that is missing is waited for until all that `.ca` holds now was read; ERR_QUEUE
 * when that fails.
 */
bool crl_issuers_find(
    struct crl_issuers *s, struct slice id, const X509 **ret, struct err *e) MUST_USE;
/* Are CRLs of this issuer wanted? Without a file all are. */
bool crl_issuers_want(struct crl_issuers *s, struct slice id);
/* The ids of the file's, by their place. False: there are no more. */
bool crl_issuers_wanted(const struct crl_issuers *s, size_t i, struct slice *ret_id) MUST_USE;

#endif
