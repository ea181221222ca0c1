/* The CRLs that are to be made again and again, and the CAs that sign: what is to be watched of them. */
#ifndef CERTMILL_INVENTORY_H
#define CERTMILL_INVENTORY_H

#include "crl_owner.h"

struct inventory_crl {
	struct slice mount, issuer, shard;
	struct crl_book_entry entry; /* without the DER */
	int64_t due;                 /* seconds since the epoch */
};

struct inventory_issuer { /* signs for a mount that is not deleted */
	struct slice mount, issuer;
	int64_t not_after;
};

struct inventory {
	struct inventory_crl *crls; /* that are due first in front */
	size_t crl_count;
	struct inventory_issuer *issuers; /* that end first in front */
	size_t issuer_count;
	size_t missing_crls; /* issuers that have none */
	size_t mounts;       /* that are not deleted */
};

/* In the arena. now: seconds since the epoch. */
void inventory_take(const struct catalog *catalog, struct crl_book *book, int64_t now,
    struct arena *a, struct inventory *ret);

#endif
