/* certmill bench, from the inside: what its files share. */
#ifndef CERTMILL_BENCH_H
#define CERTMILL_BENCH_H

#include "envelope.h"
#include "options.h"

#include <openssl/evp.h>

enum bench_op { BENCH_ISSUE, BENCH_SIGN, BENCH_REVOKE };

struct bench_key {
	const char *name; /* "ec-256" */
	const char *type; /* as a role has it */
	int64_t bits;     /* 0: the type has none */
};

const struct bench_key *bench_key_find(const char *name); /* NULL: unknown */

/* ---- bench_openssl.c ---- */

/* A request for a certificate, in PEM, signed with a new key. */
bool bench_csr_make(const struct bench_key *key, struct buf *out, struct err *e) MUST_USE;
/*
 * What no implementation can avoid, in this thread's CPU time: issue: making the key and signing with the CA's; sign:
 * verifying the request's signature and signing. Revoking has no such part: 0. ca: the CA's public key, which says what kind
 * of signature it makes.
 */
bool bench_raw_cost(enum bench_op op, const struct bench_key *key, EVP_PKEY *ca, double *ret_us,
    struct err *e) MUST_USE;
/* Is it a certificate that this CA signed, and is the private key, where there is one, its own? */
bool bench_certificate_check(
    struct slice certificate_pem, struct slice key_pem, EVP_PKEY *ca, struct err *e) MUST_USE;

/* ---- bench_setup.c ---- */

/*
 * Unless a role is named: the mount with a P-256 root, and a role that allows every name with this key; each is left alone
 * when it is there. *ret_ca is the CA's public key.
 */
bool bench_setup(struct certmill *c, const struct options *o, const struct bench_key *key,
    const char *role, EVP_PKEY **ret_ca, struct err *e) MUST_USE;

/* ---- bench_shape.c ---- */

#define BENCH_SHAPES      32 /* certification requests that `sign` takes in turn */
#define BENCH_NAME_SIZE   8  /* the part of a common name that differs */
#define BENCH_SERIAL_SIZE 59 /* a serial's text: 20 octets in hex, with colons */

/* A message as it is sent, but for the id at id_at and what each request has of its own, a name or a serial, at own_at. */
struct bench_shape {
	struct buf bytes;
	size_t id_at, own_at;
};

struct bench_shapes {
	const char *mount, *role;
	const struct bench_key *key;
	struct bench_shape items[BENCH_SHAPES];
	size_t count;
};

const char *bench_op_name(enum bench_op op); /* the topic's, too */
/* Replaces what was made before. */
bool bench_shapes_make(struct bench_shapes *s, enum bench_op op, struct err *e) MUST_USE;
void bench_shapes_done(struct bench_shapes *s);

/* ---- bench_load.c ---- */

/* One run of requests. */
struct bench_load {
	const char *topic;                 /* full name */
	struct slice key;                  /* of the messages; absent: each its id */
	const struct bench_shapes *shapes; /* taken in turn */
	void (*own)(void *opaque, size_t i, char *ret);
	/* Called in the reader's thread for each good answer. */
	void (*answered)(void *opaque, size_t i, const struct response_envelope *answer);
	void *opaque;
	size_t count;
	int64_t rate; /* a second; 0: as fast as they go */
	int64_t in_flight;
	int64_t timeout_ms; /* without any answer: the rest is given up */
};

struct bench_result {
	size_t good, refused, unanswered;
	char refusal[256]; /* the first one */
	double seconds;    /* from the first request to the last answer */
	double p50_ms, p99_ms, max_ms;
};

struct bench_loader;
struct bench_loader *bench_loader_open(
    const struct queue_options *queue, const char *reply_topic, struct err *e) MUST_USE;
bool bench_loader_run(struct bench_loader *l, const struct bench_load *load,
    struct bench_result *ret, struct err *e) MUST_USE;
void bench_loader_close(struct bench_loader *l); /* takes NULL */

#endif
