/*
 * The whole API of the worker: one dispatch table. To add an operation: its params table, its row in schemas/contract.def,
 * decide and answer, its row here.
 *   decide: request -> rq->outcome (and rq->record, rq->leaf). False: a refusal, which the caller turns into an outcome.
 *   answer: request + outcome -> the `data` map. Runs for fresh decisions, own claims and replays alike, so it uses nothing
 *           that only decide had, but rq->record and rq->leaf (has_leaf), which the lane restores from Redis for a replay.
 */
#ifndef CERTMILL_OPERATION_H
#define CERTMILL_OPERATION_H

#include "catalog.h"
#include "certificate.h"
#include "csr.h"
#include "request.h"
#include "seal.h"
#include "writer.h"

struct crl_owner;
struct crl_book;
struct minter;

/* What a lane hands to its operations. Everything is borrowed. */
struct context {
	const struct settings *settings;
	const struct catalog *catalog; /* the version that decides this batch */
	struct arena *arena;           /* this batch's */
	int64_t now_ms;                /* the worker's clock at the batch's start */
	int64_t key_deadline_us;       /* time_monotonic_us: when making a key must stop */
	struct store *store;           /* for queries and serial leases */
	struct minter *minter;         /* keys, signers, serials of this lane */
	struct sealer *ca_sealer;      /* "ca key" */
	EVP_PKEY *fleet_key; /* X25519: opens pem_bundle keys; its public half is published */
	const struct secret *kek;
	struct crl_owner *crls;    /* control lanes; NULL elsewhere */
	const char *worker;        /* slot/lane */
	struct queue_probe *probe; /* for the state of the groups; NULL: it is not asked */
	struct slice status;       /* the answer to `status` in this batch, once it is made */
	struct crl_book *crl_book; /* the last CRL of each key, as `.crl` has it */
};

struct operation {
	const struct contract *contract;
	void (*defaults)(void *params); /* NULL: none */
	bool claims;                    /* makes a claim: the same id gets the same answer */
	bool signs;      /* makes a certificate: rq->record goes to .certs, cm:cert, cm:idx */
	bool of_deleted; /* also where the mount was deleted: its certificates live on */
	/* Does the answer to these parameters hold the private key? NULL: always, where one is made. */
	bool (*gives_key)(const void *params);
	/* The Redis row it needs before it decides (cm:cert:...), or absent. Runs before decide; errors are left to decide. */
	struct slice (*lookup)(const struct context *cx, const struct request *rq);
	/* Could deciding it now wait for a key? (The lane then ends the batch before it.) NULL: never. */
	bool (*would_wait)(const struct context *cx, const struct request *rq);
	bool (*decide)(struct context *cx, struct request *rq, struct err *e);
	bool (*answer)(struct context *cx, struct request *rq, struct writer *data, struct err *e);
};

const struct operation *operation_find(struct slice name);
const struct operation *operation_at(size_t i); /* NULL behind the last */

/* Is the private key that the request makes in its answer, and in Redis for replays? */
bool request_gives_key(const struct request *rq);
/* Makes rq->outcome the refusal that e says; warnings stay. */
void request_refuse(struct context *cx, struct request *rq, const struct err *e);
/* Adds a warning to rq->outcome (code and message are copied into the arena). */
void request_warn(struct context *cx, struct request *rq, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The mount of a request, deleted or not, or ERR_UNKNOWN_MOUNT. */
const struct catalog_mount *context_mount(
    const struct context *cx, const struct request *rq, struct err *e) MUST_USE;

/* cm:cert:<mount>:<serial> and its like (record.c) */
struct slice redis_cert_key(struct arena *a, struct slice mount, struct slice serial);
struct slice redis_index_key(struct arena *a, struct slice mount);
struct slice redis_counter_key(struct arena *a, struct slice mount, const char *counter);

/* ---- a lane's minter: keymaker, CSR verifier, one signer an issuer and choice, one serial source a mount ---- */
struct minter *minter_new(const struct secret *kek, struct key_pool *pool, struct err *e) MUST_USE;
void minter_free(struct minter *m);
struct keymaker *minter_keys(struct minter *m);
struct csr_verifier *minter_verifier(struct minter *m);
/* Kept by issuer id and choice; a signer whose issuer left the catalog is let go in time. */
struct signer *minter_signer(struct minter *m, const struct issuer *issuer,
    struct signer_choice choice, struct err *e) MUST_USE;
/* Ordinals [first, first + count) for the mount's serial numbers. */
bool minter_lease(
    struct minter *m, struct slice mount, uint64_t first, uint64_t count, struct err *e) MUST_USE;
/* Leases a block of ordinals (cm:n:<mount>:serial) when none is left. */
bool minter_serial(struct minter *m, struct store *store, struct slice mount,
    uint8_t ret[static SERIAL_SIZE], struct err *e) MUST_USE;

/* ---- record.c: what goes to .certs ---- */
/* Encodes rq->record from a certificate's DER and its facts, in the arena. */
void record_certificate(struct context *cx, struct request *rq, const struct issuer *issuer,
    struct slice serial, struct slice der, int64_t not_before, int64_t not_after);

/* The revoked_record of rq->outcome, encoded, in the arena. */
struct slice record_revoked(struct context *cx, const struct request *rq);

/* ---- response.c ---- */
/*
 * The whole response message: envelope, data or error, warnings. On failure of `answer` the error is what is answered. It may
 * hold a private key: out should be a secret buf. ERR_ANSWER_TOO_LARGE when it is over out's maximum.
 */
bool response_encode(
    struct context *cx, struct request *rq, struct buf *out, struct err *e) MUST_USE;
#endif
