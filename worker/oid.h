/* Object identifiers between dotted text and the content octets of their DER (X.690 8.19). */
#ifndef CERTMILL_OID_H
#define CERTMILL_OID_H

#include "arena.h"
#include "err.h"

#define OID_ARCS_MAX 32
#define OID_TEXT_MAX 256

/*
 * Numbers with dots between them, as an OID is written. Not each is one: 4.3.2.1 cannot be encoded, and roles of other
 * programs have such.
 */
bool oid_is_dotted(struct slice text) MUST_USE;
/* Two arcs at least, each under 2^63, the first two as X.660 has them; no leading zeros. False: it is none. */
bool oid_parse(struct slice text, struct arena *a, struct slice *ret) MUST_USE;
/* "" when the octets are no OID. */
struct slice oid_text(struct slice content, struct arena *a);

#endif
