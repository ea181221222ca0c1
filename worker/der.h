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
	bool failed; /* the buffer was too small; later writes do nothing */
};

#define DER_BOOLEAN                0x01
#define DER_INTEGER                0x02
#define DER_BIT_STRING             0x03
#define DER_OCTET_STRING           0x04
#define DER_NULL                   0x05
#define DER_OID                    0x06
#define DER_ENUMERATED             0x0a
#define DER_UTF8_STRING            0x0c
#define DER_PRINTABLE_STRING       0x13
#define DER_TELETEX_STRING         0x14
#define DER_IA5_STRING             0x16
#define DER_UTC_TIME               0x17
#define DER_GENERALIZED_TIME       0x18
#define DER_UNIVERSAL_STRING       0x1c
#define DER_BMP_STRING             0x1e
#define DER_SEQUENCE               0x30
#define DER_SET                    0x31
#define DER_CONTEXT(n)             (0x80 | (n))
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

/* A constant in a table: the content octets of an OID, or any other bytes, as a string literal. */
#define DER_BYTES(literal) \
	{ \
		(const uint8_t *)("" literal), sizeof(literal) - 1 \
	}

void der_init(struct der *d, uint8_t *buffer, size_t size);
struct slice der_slice(const struct der *d);  /* absent when it failed */
const uint8_t *der_mark(const struct der *d); /* remembers the end of what comes next... */
void der_wrap(struct der *d, const uint8_t *mark,
    uint8_t tag); /* ...and puts tag and length in front of it */
void der_raw(struct der *d, struct slice bytes);
void der_tlv(struct der *d, uint8_t tag, struct slice content);
void der_header(
    struct der *d, uint8_t tag, size_t content_len);       /* for content that stands elsewhere */
void der_unsigned(struct der *d, struct slice big_endian); /* INTEGER, non-negative, minimal */
void der_small(struct der *d, uint64_t value);             /* INTEGER */
void der_bool_true(struct der *d);
void der_bit_string(struct der *d, struct slice octets); /* no unused bits */
void der_named_bits(
    struct der *d, unsigned bits); /* BIT STRING; bit 0 of the name list is 1 << 0 */
void der_time(
    struct der *d, int64_t time); /* UTCTime to 2049, GeneralizedTime after (RFC 5280 4.1.2.5) */
void der_generalized_time(struct der *d, int64_t time);

/* A strict DER reader: minimal lengths, definite, single-octet tags, nothing behind. For CSR and certificate intake. */
struct der_reader {
	const uint8_t *at, *end;
};
bool der_read(struct der_reader *r, uint8_t tag, struct slice *ret_content, struct slice *ret_whole)
    __attribute__((warn_unused_result));
bool der_read_any(struct der_reader *r, uint8_t *ret_tag, struct slice *ret_content,
    struct slice *ret_whole) __attribute__((warn_unused_result));
/* OBJECT IDENTIFIER of whole, minimal arcs (X.690 8.19.2): what others refuse is not copied into a certificate. */
bool der_read_oid(struct der_reader *r, struct slice *ret_content)
    __attribute__((warn_unused_result));
/* Absent content when it is not there; false when what is there is malformed. */
bool der_read_optional(struct der_reader *r, uint8_t tag, struct slice *ret_content)
    __attribute__((warn_unused_result));
/* Enters a constructed value: *ret_inside reads its content. */
bool der_enter(struct der_reader *r, uint8_t tag, struct der_reader *ret_inside)
    __attribute__((warn_unused_result));
/* INTEGER over 0, minimal: its magnitude without the sign octet. */
bool der_read_unsigned(struct der_reader *r, struct slice *ret_magnitude)
    __attribute__((warn_unused_result));
bool der_read_bit_string(struct der_reader *r, struct slice *ret_octets)
    __attribute__((warn_unused_result)); /* no unused bits */
/* BIT STRING with named bits (X.690 11.2.2: no zero bit behind), at most 32: as der_named_bits writes them. */
bool der_read_named_bits(struct der_reader *r, unsigned *ret) __attribute__((warn_unused_result));
bool der_read_bool(struct der_reader *r, bool *ret)
    __attribute__((warn_unused_result)); /* false where there is none */
/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 has them: to the second, Z. */
bool der_read_time(struct der_reader *r, int64_t *ret) __attribute__((warn_unused_result));
bool der_reader_done(const struct der_reader *r);
struct der_reader der_reader_of(struct slice bytes);

#endif
