/* Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } (RFC 5280 4.1), of certificates, CRLs and requests. */
#ifndef CERTMILL_EXTENSION_H
#define CERTMILL_EXTENSION_H

#include "der.h"

struct extension {
	struct slice oid;   /* content octets */
	struct slice value; /* what is in the OCTET STRING */
	bool critical;
};

/* One, with nothing behind it. */
bool extension_read(struct slice whole, struct extension *ret) __attribute__((warn_unused_result));
/* The one of that kind among whole ones, and its parts; absent: none. */
struct slice extension_find(const struct slice_list *list, struct slice oid, struct extension *ret);
/* Wraps what stands in front of mark. */
void extension_wrap(struct der *d, const uint8_t *mark, struct slice oid, bool critical);

#endif
