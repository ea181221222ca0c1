/*
 * Subject keys: made here for `issue`, checked here for `sign` and CA bundles. A keymaker belongs to one lane and keeps
 * its OpenSSL contexts; private keys are encoded by hand into secret buffers (RSA: PKCS#1, EC: SEC1 (RFC 5915), Ed25519: PKCS#8).
 */
#ifndef CERTMILL_KEY_H
#define CERTMILL_KEY_H

#include "buf.h"
#include "template.h"

#include <openssl/evp.h>

struct keymaker;
struct key_pool;

struct leaf_key {
	enum key_type type;
	struct buf spki;        /* SubjectPublicKeyInfo, DER */
	struct buf private_der; /* secret */
};

/* pool may be NULL: RSA keys are then always made in the lane. */
struct keymaker *keymaker_new(struct key_pool *pool, struct err *e) MUST_USE;
void keymaker_free(struct keymaker *m);
/*
 * May this key be had without waiting? (EC and Ed25519: always; RSA: when the pool has one.) The lane ends a batch before a
 * request whose key would overrun it.
 */
bool keymaker_ready(const struct keymaker *m, enum key_type type, int64_t bits);
/* Stops with ERR_KEY_TIMEOUT at the deadline (time_monotonic_us). *ret's buffers must be initialised by leaf_key_init. */
bool keymaker_make(struct keymaker *m, enum key_type type, int64_t bits, int64_t deadline_us,
    struct leaf_key *ret, struct err *e) MUST_USE;
/* Appends the private key as PKCS#8 (RFC 5958), whatever its own form is. */
void key_pkcs8_add(const struct leaf_key *key, struct buf *out_secret);
void leaf_key_init(struct leaf_key *k);
void leaf_key_done(struct leaf_key *k);

/* An EVP_PKEY of a CA: same types and sizes. */
EVP_PKEY *key_generate(
    enum key_type type, int64_t bits, int64_t deadline_us, struct err *e) MUST_USE;

bool key_type_parse(struct slice text, enum key_type *ret) MUST_USE;
const char *key_type_name(enum key_type type); /* "rsa", "ec", "ed25519": private_key_type */
const char *key_pem_label(
    enum key_type type); /* "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY" */
/* Type and size, nothing else: ERR_WEAK_KEY when it is none of ours. */
bool key_identify(
    EVP_PKEY *key, enum key_type *ret_type, int64_t *ret_bits, struct err *e) MUST_USE;
int64_t key_default_bits(enum key_type type); /* 2048, 256, 0 */
/* RSA 2048, 3072, 4096, 8192 (any multiple of 8 from 2048 to 8192 is taken from CSRs and CAs); EC 224, 256, 384, 521; Ed25519 0. */
bool key_bits_valid(enum key_type type, int64_t bits);

/*
 * Public keys that must not be certified: RSA under 2048 bits or over 8192, even or small exponent, a factor below 752, ROCA, close
 * primes (100 Fermat rounds); EC points off their curve. spki is DER.
 */
bool key_check_spki(
    struct slice spki, enum key_type *ret_type, int64_t *ret_bits, struct err *e) MUST_USE;
bool key_check(EVP_PKEY *key, enum key_type *ret_type, int64_t *ret_bits, struct err *e) MUST_USE;

/* Background threads that keep RSA keys ready for the sizes in use (a size is in use once it was asked for). */
#define KEY_POOL_KEYS_MAX    64
#define KEY_POOL_THREADS_MAX 64
struct key_pool *key_pool_start(size_t threads, size_t keys_per_size, struct err *e) MUST_USE;
void key_pool_stop(struct key_pool *p); /* joins; takes NULL */
EVP_PKEY *key_pool_take(
    struct key_pool *p, int64_t bits); /* NULL when none is ready (and asks for some) */
bool key_pool_ready(
    struct key_pool *p, int64_t bits); /* the same question without taking; also asks for some */

/* One size that the pool keeps. */
struct key_pool_shelf {
	int64_t bits;
	size_t count, capacity; /* capacity 0: the size is not in use */
};
#define KEY_POOL_SHELVES 4
void key_pool_shelves(struct key_pool *p, struct key_pool_shelf ret[static KEY_POOL_SHELVES]);

#endif
