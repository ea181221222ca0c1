/*
 * A world for tests of operations, in memory: a catalog, a lane's minter, and in the place of Redis and the CRL owner what
 * the operations themselves have said. A request goes the way that a batch takes it: decode, look up, decide, answer, and
 * then what it published becomes the world's state.
 */
#ifndef CERTMILL_TEST_WORLD_H
#define CERTMILL_TEST_WORLD_H

#include "answers.h"
#include "operation.h"

#define WORLD_NOW \
	((int64_t)1790000000) /* seconds; certificates made by OpenSSL around it are valid then */

struct world {
	struct arena arena;
	struct secret *kek;
	struct catalog_builder *builder;
	struct settings settings;
	struct context cx;
	int64_t offset;         /* of the next record of `.state`, and of the next request */
	struct answer *answers; /* all, newest first */
	struct world_row *rows;
	EVP_PKEY *keys[16]; /* of test CAs */
	size_t key_count;
};

/* What is asked; what is zero is left out. */
struct ask {
	const char *op, *mount, *role, *id;
	const char *const *params;      /* name, value, ..., NULL: all as text */
	const char *notation;           /* or in notation.h's: {'ttl': 60} */
	struct slice seal_to, identity; /* raw maps */
	bool dry_run;
};
/* ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")) */
#define ASK(op_, ...) (&(const struct ask){ .op = (op_), __VA_ARGS__ })
#define PARAMS(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

struct answer {
	struct answer *next;
	struct request rq; /* as it was after it was answered */
	struct queue_message message;
	struct buf bytes;
	bool ok, retryable;
	struct slice code, field, text; /* of a refusal */
	struct slice data;              /* raw map */
	struct slice_list warnings;
};

struct world *world_new(void);
void world_free(struct world *w);

/* Asks, and makes what was decided the world's state. */
struct answer *world_ask(struct world *w, const struct ask *ask);
/* The same, and the test fails unless it is done. */
struct answer *world_do(struct world *w, const struct ask *ask);
/* The same, and the test fails unless it is refused with that code and field (NULL: none). */
struct answer *world_refused(
    struct world *w, const char *name, const struct ask *ask, const char *code, const char *field);
/* Answers an earlier request again from its claim, as a resend would be. */
struct answer *world_replay(struct world *w, const struct answer *first, bool key_withheld);
/* Puts a record into `.state`, as if somebody had committed it. value absent: a tombstone. */
bool world_state(struct world *w, const char *key, struct slice value, struct err *e);
/* Encodes with a schema, into the arena. */
struct slice world_encode(struct world *w, const struct schema *schema, const void *value);
/* A row of Redis, absent when there is none. */
struct slice world_row(struct world *w, struct slice key);
void world_set_row(struct world *w, struct slice key, struct slice value);

/* A member of an answer's data. The test fails when it is not there, or of another type. */
struct slice data_text(const struct answer *a, const char *name);
int64_t data_int(const struct answer *a, const char *name);
bool data_bool(const struct answer *a, const char *name);
struct slice_list data_list(
    struct world *w, const struct answer *a, const char *name); /* of texts */
bool data_has(const struct answer *a, const char *name);
bool has_warning(const struct answer *a, const char *code);

/* What the CRL of an issuer would have. */
void world_set_crl(struct world *w, const char *key, struct slice der, int64_t number);

/* ---- certificates by OpenSSL alone ---- */

struct test_ca {
	EVP_PKEY *key; /* freed with the world */
	struct slice der, pem, key_pem, id;
};
/* A self-signed EC CA, valid around WORLD_NOW. */
void test_ca_make(struct world *w, const char *common_name, struct test_ca *ret);
/* The same with nameConstraints, in openssl's notation. */
void test_ca_make_constrained(
    struct world *w, const char *common_name, const char *names, struct test_ca *ret);
struct slice test_csr(struct world *w, EVP_PKEY *key, const char *common_name); /* PEM */
/* A leaf that this CA signed elsewhere; its serial number is of the given octets. */
struct slice test_leaf(
    struct world *w, const struct test_ca *ca, struct slice serial, int64_t not_after);
struct slice test_jwk(struct world *w, EVP_PKEY *x25519, const char *kid); /* for seal_to */
/* A CA's key as `certmill` seals it into a pem_bundle. */
const char *test_sealed(struct world *w, struct slice key_pem);
/* Parses all of the text as one PEM block or DER; the test fails when it is not that. The caller frees. */
X509 *test_x509_pem(struct slice pem);
X509 *test_x509_der(struct slice der);
EVP_PKEY *test_private_key(struct slice pem);
/* Fails unless the issuer's key verifies the certificate's signature. */
void assert_signed_by(struct slice certificate_pem, struct slice issuer_pem);

/* The sample world: mount "pki" with an EC root made by ca/generate/root, role "web" for example.com, P-256. */
void world_sample(struct world *w);

void assert_slice(const char *name, struct slice is, const char *should);

#endif
