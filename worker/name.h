/*
 * Names: what is a host name, an e-mail address, a wildcard, and which of them a role's domains allow. Pure functions.
 * Comparison is without regard to case everywhere.
 */
#ifndef CERTMILL_NAME_H
#define CERTMILL_NAME_H

#include "arena.h"
#include "err.h"
#include "states.h"

enum name_kind { NAME_DNS, NAME_EMAIL };

/* One '@' with something on both sides makes an address; no NUL, control character or space anywhere; at most 253 octets
 * (a mailbox 254). `field` is named in the error. */
bool name_classify(struct slice text, const char *field, enum name_kind *ret, struct err *e) MUST_USE;
/* IDNA2008/UTS 46 ToASCII (libidn2) of a host name; a leading "*." and a trailing dot are kept. ASCII is passed as it is. */
bool name_to_ascii(struct slice text, const char *field, struct arena *a, struct slice *ret, struct err *e) MUST_USE;
/* The grammar: labels of letters, digits and inner hyphens; optional "*." in front and dot behind. */
bool name_is_hostname(struct slice ascii);
/* At most one '*', in the left-most label, not in an address. *ret_rest: the name behind the wildcard label. */
bool name_wildcard(struct slice name, bool *ret_wildcard, struct slice *ret_rest);
bool name_equal(struct slice a, struct slice b);               /* ASCII case folded */
bool name_ends_with_label(struct slice name, struct slice domain); /* "." + domain is a suffix */

#endif
