/*
 * A DER writer for the hot path: writes backwards into a fixed buffer, so that lengths are known when their headers are
 * written. What it writes is compared with OpenSSL's own encoder, byte for byte, in tests.
 */
#ifndef CERTMILL_DER_H
#define CERTMILL_DER_H

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>

struct der {
	uint8_t *start, *at; /* the content is [at, end) */
	uint8_t *end;
	bool failed;         /* the buffer was too small; later writes do nothing */
};

#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_OID 0x06
#define DER_UTF8_STRING 0x0c
#define DER_PRINTABLE_STRING 0x13
#define DER_IA5_STRING 0x16
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_CONTEXT(n) (0x80 | (n))
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

void der_init(struct der *d, uint8_t *buffer, size_t size);
struct slice der_slice(const struct der *d);
const uint8_t *der_mark(const struct der *d);                         /* remembers the end of what comes next... */
void der_wrap(struct der *d, const uint8_t *mark, uint8_t tag);       /* ...and puts tag and length in front of it */
void der_raw(struct der *d, struct slice bytes);
void der_tlv(struct der *d, uint8_t tag, struct slice content);
void der_unsigned(struct der *d, struct slice big_endian);            /* INTEGER, non-negative, minimal */
void der_small(struct der *d, uint64_t value);                        /* INTEGER */
void der_bool_true(struct der *d);
void der_time(struct der *d, int64_t time);                           /* UTCTime to 2049, GeneralizedTime after (RFC 5280 4.1.2.5) */
void der_oid_text(struct der *d, const char *dotted);

/* A strict DER reader: minimal lengths, definite, nothing behind. For CSR intake. */
struct der_reader { const uint8_t *at, *end; };
bool der_read(struct der_reader *r, uint8_t tag, struct slice *ret_content, struct slice *ret_whole) __attribute__((warn_unused_result));
bool der_read_any(struct der_reader *r, uint8_t *ret_tag, struct slice *ret_content, struct slice *ret_whole) __attribute__((warn_unused_result));
bool der_read_optional(struct der_reader *r, uint8_t tag, struct slice *ret_content); /* absent content when it is not there */
bool der_reader_done(const struct der_reader *r);
struct der_reader der_reader_of(struct slice bytes);

#endif
