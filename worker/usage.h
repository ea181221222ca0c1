/* Key usages and extended key usages by the names that roles have for them (Go's), in any case. */
#ifndef CERTMILL_USAGE_H
#define CERTMILL_USAGE_H

#include "arena.h"
#include "template.h"

#define KEY_USAGES 9
/* Of a leaf where nobody chose others. */
#define KEY_USAGE_USUAL (USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT | USAGE_KEY_ENCIPHERMENT)

/* The bit, 0 when there is no such name. Blanks around it do not count. */
unsigned key_usage_bit(struct slice name);
unsigned ext_key_usage_bit(struct slice name);
/* All of a list; names that there are not give none. */
unsigned key_usage_bits(const struct slice_list *names);
unsigned ext_key_usage_bits(const struct slice_list *names);
/*
 * Purposes by their OIDs: those that have a name are added to *bits, the others to *ret (content octets, none twice). What
 * is no OID is left out; *ret_bad is the last such, absent when there is none.
 */
void ext_key_usage_oids(const struct slice_list *texts, struct arena *a, unsigned *bits,
    struct slice_list *ret, struct slice *ret_bad);
/* The name of bit i, NULL behind the last. */
const char *key_usage_name(size_t i);
const char *ext_key_usage_name(size_t i);

/*
 * The usages that a key of the type may have beside others in a leaf: RFC 3279 2.3.1 (RSA does not agree on keys), RFC 8813
 * 3 (EC does not encipher), RFC 8410 5 (Ed25519 only signs).
 */
unsigned key_usage_of_type(enum key_type type);
/* The usages that are consistent with one of the purposes (RFC 5280 4.2.1.12): all, where it does not speak of each of them. */
unsigned key_usage_of_purposes(unsigned ext_key_usage);

#endif
