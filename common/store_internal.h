/* What stands below store.h: bytes to a server (store_wire.c), TLS (store_tls.c), the way to a primary (store_sentinel.c). */
#ifndef CERTMILL_STORE_INTERNAL_H
#define CERTMILL_STORE_INTERNAL_H

#include "store.h"

#include <openssl/types.h>

/* A connection. Each wait ends after the timeout; after an error it is of no use any more. ERR_STORE, or ERR_CONFIG by TLS. */
struct wire;
struct wire *wire_open(
    const char *address, const struct store_tls *tls, int64_t timeout_ms, struct err *e) MUST_USE;
bool wire_write(struct wire *w, struct slice bytes, struct err *e) MUST_USE;
/* What has come, at least one byte. */
bool wire_read(struct wire *w, uint8_t *to, size_t size, size_t *ret_len, struct err *e) MUST_USE;
void wire_close(struct wire *w); /* takes NULL */

/* The handshake on a socket that stays the caller's; the server must prove to be `host`, or the name in the options. */
SSL *tls_connect(const struct store_tls *tls, int fd, const char *host, struct err *e) MUST_USE;
/* The message of a call on ssl that returned `result`: which setting is at fault, where that is known. Always false. */
bool tls_fail(const SSL *ssl, int result, const char *what, struct err *e);

/* One server; o->address and o->sentinels are not asked. */
struct store *store_open_at(
    const struct store_options *o, const char *address, struct err *e) MUST_USE;
/* The primary that o->sentinels name. */
struct store *store_open_primary(const struct store_options *o, struct err *e) MUST_USE;

#endif
