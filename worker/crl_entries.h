/* What crl_build needs of the entries beside crl.h: their DER, in the order in which they came. */
#ifndef CERTMILL_CRL_ENTRIES_H
#define CERTMILL_CRL_ENTRIES_H

#include "crl.h"

/* Copies crl_entries_bytes() octets. */
void crl_entries_copy(const struct crl_entries *s, uint8_t *to);

#endif
