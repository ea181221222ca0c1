/*
 * The certificates by which the parts of one fleet know each other (Kafka, Redis, workers): a CA of their own, which has
 * nothing to do with what the fleet issues. P-256 throughout. Nothing here touches a file, a broker or Redis.
 */
#ifndef CERTMILL_TLS_MAKER_H
#define CERTMILL_TLS_MAKER_H

#include "arena.h"
#include "buf.h"

/* One party: a server has hosts, and is a client too; a client has none. */
struct tls_party {
	struct slice name; /* the common name, and the folder's */
	struct slice_list dns, ips;
};

/* PEM texts. */
struct tls_pair {
	struct buf certificate;
	struct buf key; /* secret, PKCS#8 */
};

/* "NAME=HOST,HOST" or "NAME": letters, digits and inner hyphens; a host is a name or an IP address. */
bool tls_party_parse(
    const char *text, struct arena *a, struct tls_party *ret, struct err *e) MUST_USE;

void tls_pair_done(struct tls_pair *p); /* safe on a zeroed one */

struct tls_maker;
/* Makes the CA. now: seconds since the epoch. */
struct tls_maker *tls_maker_new(int64_t now, struct err *e) MUST_USE;
void tls_maker_free(struct tls_maker *m);
const struct tls_pair *tls_maker_ca(const struct tls_maker *m);
bool tls_maker_make(struct tls_maker *m, const struct tls_party *party, struct tls_pair *ret,
    struct err *e) MUST_USE;

#endif
