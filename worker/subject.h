/*
 * The subject of a template as a DER Name. Each value is a RelativeDistinguishedName of its own: several values of one
 * attribute never share one, as Go's pkix.Name has it, because X.501 9.3 wants an attribute type at most once in each.
 * The order is that of the CA/Browser Forum's Baseline Requirements (7.1.4.2): C, ST, L, postalCode, street, O, OU, CN; then
 * serialNumber and UID. Values stand as they are listed.
 * C and serialNumber are PrintableStrings (X.520; a value with other characters is a UTF8String), the rest UTF8Strings
 * (RFC 5280 4.1.2.4).
 */
#ifndef CERTMILL_SUBJECT_H
#define CERTMILL_SUBJECT_H

#include "der.h"
#include "template.h"

bool subject_is_empty(const struct template *t);
void subject_write(struct der *d, const struct template *t);
/* An upper bound of what it writes. */
size_t subject_bound(const struct template *t);
/* Does a value of this Name, in one of the string types of octets, hold a control character? Also true when it does not parse. */
bool subject_has_control(struct slice name);

#endif
