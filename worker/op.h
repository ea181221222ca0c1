/* What the operations' files share: the functions that the dispatch table names, and helpers for them. */
#ifndef CERTMILL_OP_H
#define CERTMILL_OP_H

#include "answers.h"
#include "operation.h"
#include "policy.h"

/* clang-format off */
#define OP_DECIDE(name) bool name##_decide(struct context *cx, struct request *rq, struct err *e) MUST_USE
#define OP_ANSWER(name) bool name##_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e) MUST_USE
#define OP_LOOKUP(name) struct slice name##_lookup(const struct context *cx, const struct request *rq)
/* clang-format on */

OP_DECIDE(issue);
OP_DECIDE(sign);
OP_DECIDE(sign_verbatim);
OP_ANSWER(leaf);
bool issue_would_wait(const struct context *cx, const struct request *rq);
OP_LOOKUP(revoke);
OP_DECIDE(revoke);
OP_ANSWER(revoke);
OP_DECIDE(crl_rotate);
OP_ANSWER(crl_rotate);
OP_DECIDE(mount_write);
OP_DECIDE(mount_tune);
OP_DECIDE(mount_delete);
OP_DECIDE(mount_list);
OP_ANSWER(mount_list);
OP_DECIDE(ca_set);
bool ca_gives_key(const void *params);
OP_DECIDE(ca_root);
OP_ANSWER(ca_root);
OP_DECIDE(ca_intermediate);
OP_ANSWER(ca_intermediate);
OP_DECIDE(ca_sign);
OP_ANSWER(ca_sign);
OP_DECIDE(ca_read);
OP_ANSWER(ca_read);
OP_DECIDE(role_write);
OP_DECIDE(role_patch);
void role_write_defaults(void *params);
OP_DECIDE(role_read);
OP_ANSWER(role_read);
OP_DECIDE(role_list);
OP_ANSWER(role_list);
OP_DECIDE(role_delete);
OP_DECIDE(urls_write);
OP_DECIDE(urls_read);
OP_ANSWER(urls_read);
OP_DECIDE(crl_write);
OP_DECIDE(crl_config_read);
OP_ANSWER(crl_config_read);
OP_LOOKUP(cert_read);
OP_DECIDE(cert_read);
OP_ANSWER(cert_read);
OP_DECIDE(cert_list);
OP_ANSWER(cert_list);
OP_DECIDE(status);
OP_ANSWER(status);
OP_DECIDE(crl_read);
OP_ANSWER(crl_read);
/* The `data` of an operation that only does: an empty map. */
OP_ANSWER(empty);

/* ---- operation.c ---- */

/*
 * Every decide begins with it: an empty outcome (warnings stay), and the refusals that all operations have in common. ret
 * NULL: the operation needs no mount.
 */
bool request_admit(struct context *cx, struct request *rq, const struct catalog_mount **ret,
    struct err *e) MUST_USE;
/* When it was asked, ms: the message's timestamp, so that a redelivery does not change it. */
int64_t request_time_ms(const struct context *cx, const struct request *rq);
/* The warnings of a template, and the certificate's end. */
void outcome_take(struct context *cx, struct request *rq, const struct template *t);
/* A change of `.state`, "kind/mount/name"; value NULL: a tombstone. A dry run changes nothing. */
void request_change(struct context *cx, struct request *rq, const char *kind, struct slice name,
    const struct schema *schema, const void *value);
/* The same of a record that is encoded already. */
void request_change_raw(struct context *cx, struct request *rq, const char *kind, struct slice name,
    struct slice value);
/* ERR_NO_ISSUER */
const struct catalog_issuer *mount_issuer(
    const struct catalog_mount *mount, struct err *e) MUST_USE;

/* private_key_format; absent: the type's own form */
bool key_format_parse(struct slice text, bool *ret_pkcs8, struct err *e) MUST_USE;
enum answer_format { FORMAT_PEM, FORMAT_DER, FORMAT_PEM_BUNDLE };
/* Absent: PEM. */
bool format_parse(struct slice text, enum answer_format *ret, struct err *e) MUST_USE;
/* PEM, or base64 of the DER, in the arena. */
struct slice format_text(
    struct arena *a, enum answer_format format, const char *label, struct slice der);
struct slice rfc3339_text(struct arena *a, int64_t time);

/* ---- record.c ---- */

/* A cm:cert row: a certificate_record, and a revoked_record behind it once it is revoked. */
struct certificate_row {
	struct certificate_record certificate;
	struct revoked_record revoked;
	bool is_revoked;
};
struct slice certificate_row_record(
    struct slice row); /* the first of them, packed; absent: no such row */
bool certificate_row_read(
    struct slice row, struct arena *a, struct certificate_row *ret, struct err *e) MUST_USE;

/* ---- op_revoke_subject.c ---- */

/* What is to be revoked. */
struct revocable {
	struct slice serial;
	const struct issuer *issuer;
	int64_t not_after;
};
bool revocable_find(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct revocable *ret, struct err *e) MUST_USE;
/* The CA of the mount, of now or before, that has this serial number; NULL: none. */
const struct issuer *mount_ca_of_serial(const struct catalog_mount *mount, struct slice serial);

/* ---- op_urls.c ---- */

/* The mount's URLs as a certificate of this issuer has them. Issuer absent (a root that is being made): those that name it
 * are left out. */
struct certificate_urls mount_urls(
    const struct catalog_mount *mount, struct slice issuer_id, struct arena *a);

/* ---- op_issue.c ---- */

/* What stands behind a leaf, or a CA that is signed here: found by leaf_find, allowed by leaf_allow. */
struct leaf {
	const struct catalog_mount *mount;
	const struct issuer *issuer;
	const struct role_rules *rules; /* NULL: sign-verbatim without a role */
	struct template template;
};
bool leaf_find(struct context *cx, struct request *rq, struct leaf *ret, struct err *e) MUST_USE;
/* Could it be revoked? Only what a CRL has room for is signed. */
bool leaf_has_room(const struct context *cx, const struct leaf *leaf, struct err *e) MUST_USE;
bool leaf_allow(struct context *cx, struct request *rq, const struct csr *csr, struct leaf *leaf,
    struct err *e) MUST_USE;
bool leaf_sign(struct context *cx, struct request *rq, const struct leaf *leaf, struct slice spki,
    struct err *e) MUST_USE;
/* RSA keys over 4096 bits take 10-20 s: only where the mount allows it. */
bool slow_key_allowed(const struct catalog_mount *mount, enum key_type type, int64_t bits,
    const char *field, struct err *e) MUST_USE;

/* ---- answer_text.c ---- */

/* What an answer shows: a certificate or a request; in a bundle, what stands behind it. */
struct shown {
	const char *label; /* of its PEM block */
	struct slice der;
	struct slice_list chain; /* PEM */
	struct slice key_format; /* private_key_format: "der", "pkcs8"; absent: "der" */
};
struct shown_texts {
	struct slice object;
	struct slice private_key; /* absent: it is not given */
	struct slice private_key_type;
};
/* The texts stand in *text, which becomes a secret buf. Warns when a key that would be given is withheld. */
bool shown_write(struct context *cx, struct request *rq, enum answer_format format,
    const struct shown *shown, struct buf *text, struct shown_texts *ret, struct err *e) MUST_USE;

/* ---- leaf_answer.c ---- */

/* A CA's or a leaf's answer has these in common, from rq->record. *record and *ret borrow from it and from the arena. */
bool leaf_answer_read(struct context *cx, struct request *rq, struct certificate_record *record,
    struct leaf_answer *ret, struct err *e) MUST_USE;
/* Who signed, of the outcome: ERR_NO_ISSUER. */
const struct issuer *answer_issuer(
    const struct context *cx, const struct request *rq, struct err *e) MUST_USE;
/* "MOUNT/PATH/aa-bb-...": the lease of a certificate; PATH is what the source document has for the request. */
struct slice lease_id_text(
    struct arena *a, struct slice mount, const char *path, struct slice serial);
/* The issuer's certificate and those above it, as answers carry them. */
struct slice_list chain_texts(
    struct arena *a, const struct issuer *issuer, enum answer_format format);
/* answer->certificate and its private key, if it is given, in the format that was asked for; and the whole answer. */
bool leaf_write(struct context *cx, struct request *rq, struct slice format,
    const struct shown *shown, struct leaf_answer *answer, struct writer *data,
    struct err *e) MUST_USE;

/* ---- op_ca.c ---- */

/* Makes it the mount's issuer: its record, and the mount's, which names it from now on. */
bool ca_store(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct slice der, struct slice_list chain, EVP_PKEY *key, struct err *e) MUST_USE;
/* Once its record and its end are known: `.certs` forgets it before it expires, `.state` does not. */
void ca_keep_long(struct context *cx, struct request *rq);
/* The first 16 octets of SHA-256 in hex, as issuers and pending keys are named. */
struct slice ca_id(struct arena *a, struct slice der);
/* The warning ca_expires_soon, if it does. */
void ca_warn_end(struct context *cx, struct request *rq, int64_t not_before, int64_t not_after);

/* ---- seal_to.c ---- */

struct seal_target {
	struct slice x, kid;
};
/* The key of seal_to, tried: ERR_SEAL_INVALID. x absent: the request has no seal_to. */
bool seal_target_read(
    const struct request *rq, struct arena *a, struct seal_target *ret, struct err *e) MUST_USE;
bool seal_target_try(const struct seal_target *t, struct err *e) MUST_USE;

#endif
