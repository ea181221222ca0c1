/*
 * Serial numbers (RFC 5280 4.1.2.2): 20 octets. Octets 1-4 are random (the first 01-7f), 5-20 are AES-128 under the mount's
 * key of (64-bit ordinal, 64 random bits): unique by the ordinal, at least 64 bits from the CSPRNG, volume not shown.
 * The ordinal comes from blocks leased from a counter in Redis; uniqueness never rests on that alone.
 */
#ifndef CERTMILL_SERIAL_H
#define CERTMILL_SERIAL_H

#include "arena.h"
#include "ledger.h"
#include "secret.h"

struct serial_source; /* of one mount, in one lane */

struct serial_source *serial_source_new(
    const struct secret *kek, struct slice mount, struct err *e) MUST_USE;
void serial_source_free(struct serial_source *s);
/* Leased ordinals: [first, first + count). */
void serial_source_lease(struct serial_source *s, uint64_t first, uint64_t count);
uint64_t serial_source_left(const struct serial_source *s);
/* ERR_INTERNAL when no ordinal is left: lease first. */
bool serial_next(struct serial_source *s, uint8_t ret[static SERIAL_SIZE], struct err *e) MUST_USE;

/* The ordinal that a serial number of this source's mount was made from; of another's it is any number. */
bool serial_ordinal(struct serial_source *s, const uint8_t serial[static SERIAL_SIZE],
    uint64_t *ret, struct err *e) MUST_USE;

/* "5e:62:eb:..." (or hyphens) <-> octets. */
struct slice serial_text(struct arena *a, struct slice serial, char separator);
bool serial_parse(struct slice text, const char *field, struct arena *a, struct slice *ret,
    struct err *e) MUST_USE;
/* The same as the content of an INTEGER: no leading zero octet but before a high bit. */
bool serial_parse_content(struct slice text, const char *field, struct arena *a, struct slice *ret,
    struct err *e) MUST_USE;

#endif
