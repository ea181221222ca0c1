/* What the parts of the CRL owner share: its sets (crl_owner.c) and their fold at assignment (crl_owner_fold.c). */
#ifndef CERTMILL_CRL_OWNER_INTERNAL_H
#define CERTMILL_CRL_OWNER_INTERNAL_H

#include "crl_owner.h"

/* The revocations under one issuer of one mount, and the CRL that was last made of them. */
struct crl_set {
	struct arena names;
	struct slice mount, issuer, key; /* key: "mount/issuer/0" */
	struct crl_entries *entries;
	struct buf der;
	int64_t number, this_update,
	    next_update; /* of the last CRL, ours or the one that stood at assignment; 0: none */
	uint8_t sha256[HASH_SIZE];
	int64_t published_us; /* time_monotonic_us; 0: not by this owner */
	bool touched;
};

struct crl_owner {
	const struct settings *settings;
	struct queue_probe *probe;
	struct crl_book *book;
	int32_t *partitions, partition_count;
	size_t owned;
	struct crl_set **sets;
	size_t count;
	int64_t cost_us;
};

/* Is this lane the one that speaks for the mount? */
bool crl_owner_has_mount(const struct crl_owner *o, struct slice mount);
/* Makes the set if it is not there. The numbers go on where the topic's last record stands. */
struct crl_set *crl_set_get(struct crl_owner *o, struct slice mount, struct slice issuer);
/* Reads `.revoked` into the sets of this lane's mounts, up to its high watermarks of now. */
bool crl_owner_fold(struct crl_owner *o, struct err *e) MUST_USE;

#endif
