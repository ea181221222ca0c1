/* Hexadecimal, base64, base64url and PEM: text codecs without OpenSSL's BIO chains, fast enough for the hot path. */
#ifndef CERTMILL_ENCODE_H
#define CERTMILL_ENCODE_H

#include "arena.h"
#include "buf.h"

void hex_add(
    struct buf *out, struct slice bytes, char separator); /* lower case; separator 0 for none */
void hex_text(struct slice bytes, char *ret);             /* lower case, 2 * bytes.len and a NUL */
/* Accepts upper and lower case, ':' or '-' between the octets or nothing; false on anything else, on no octet at all and over max. */
bool hex_parse(struct slice text, uint8_t *ret, size_t max, size_t *ret_len) MUST_USE;

void base64_add(struct buf *out, struct slice bytes);    /* standard alphabet, padded, one line */
void base64url_add(struct buf *out, struct slice bytes); /* no padding (RFC 7515) */
/* Strict: no white space, right padding, no bits left over; one text for the same bytes. Appends to out. */
bool base64_parse(struct slice text, struct buf *out) MUST_USE;
bool base64url_parse(struct slice text, struct buf *out) MUST_USE;

/* RFC 7468: 64 columns, "-----BEGIN label-----", ends with a newline. */
void pem_add(struct buf *out, const char *label, struct slice der);
/*
 * Finds the next PEM block at *text, moves *text behind it, decodes it into a new arena copy. Returns false with code
 * ERR_NONE when there is no further block and with ERR_MALFORMED when one is broken. Text between blocks is passed over.
 */
bool pem_next(struct slice *text, struct arena *a, struct slice *ret_label, struct slice *ret_der,
    struct err *e) MUST_USE;
/*
 * The same in two steps, for secrets: the base64 text between the block's first and last line, and its octets, appended to
 * a (secret) buf. pem_decode is false when the text is empty or holds anything but base64 and white space.
 */
bool pem_find(
    struct slice *text, struct slice *ret_label, struct slice *ret_body, struct err *e) MUST_USE;
bool pem_decode(struct slice body, struct buf *out) MUST_USE;

#endif
