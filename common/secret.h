/*
 * Secrets in memory: the key-encryption key and what is derived from it. Held in OpenSSL's secure heap (locked, not
 * dumped); the process has no core dumps. secret_init is the first call of every command of the worker that holds a key;
 * `certmill`, which has keys in passing, calls secret_no_dumps.
 */
#ifndef CERTMILL_SECRET_H
#define CERTMILL_SECRET_H

#include "buf.h"
#include "err.h"

#define SECRET_KEY_SIZE 32

bool secret_no_dumps(struct err *e) MUST_USE; /* PR_SET_DUMPABLE, RLIMIT_CORE */
/* No core dumps, and the secure heap. Call before threads start. */
bool secret_init(struct err *e) MUST_USE;

struct secret; /* 32 bytes in secure memory */

/* The file holds 64 hexadecimal digits and at most one newline, or exactly 32 bytes. Refuses a file that others can write. */
struct secret *secret_load(const char *path, struct err *e) MUST_USE;
/* Any other file that holds a secret, whole, into a buffer that is made for it: the same is demanded of the file. */
bool secret_file_read(const char *path, struct buf *ret, struct err *e) MUST_USE;
struct secret *secret_random(struct err *e) MUST_USE;
/* A copy with a life of its own. */
struct secret *secret_copy(const struct secret *from, struct err *e) MUST_USE;
/* HKDF-SHA256 (RFC 5869) of the secret; purpose is the info string ("certmill ca key"), salt may be absent. */
struct secret *secret_derive(
    const struct secret *from, const char *purpose, struct slice salt, struct err *e) MUST_USE;
const uint8_t *secret_bytes(const struct secret *s); /* SECRET_KEY_SIZE bytes, borrowed */
void secret_free(struct secret *s);

static inline void
secret_scoped(struct secret **s)
{
	secret_free(*s);
}

/* HKDF-SHA256 of any key into len bytes (at most 255 * 32); salt and info may be absent. */
bool hkdf_sha256(struct slice key, struct slice salt, struct slice info, uint8_t *ret, size_t len,
    struct err *e) MUST_USE;

#endif
