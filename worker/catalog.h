/*
 * The catalog: the configuration, folded from `.state`, in memory. A version is immutable; a batch takes one and gives it
 * back. The folder (one a process) reads `.state` in a thread of its own and swaps in a new version whole.
 */
#ifndef CERTMILL_CATALOG_H
#define CERTMILL_CATALOG_H

#include "follower.h"
#include "issuer.h"
#include "role.h"
#include "seal.h"
#include "states.h"

struct catalog_role {
	struct slice name;
	struct role role;
	struct role_rules rules; /* of that role, made ready */
};

struct catalog_issuer {
	struct issuer *issuer;
	int64_t crl_shards;
	int64_t offset; /* of its record in `.state` */
};

struct catalog_mount {
	struct slice name;
	struct mount_state state;
	const struct catalog_issuer *const *issuers; /* every issuer the mount ever had, by id */
	size_t issuer_count;
	const struct catalog_issuer *issuer;     /* the one that signs; NULL: none yet */
	const struct pending_state *pending;     /* NULL: no key waits for its certificate */
	const struct catalog_role *const *roles; /* sorted by name */
	size_t role_count;
	struct urls_state urls;
	struct slice crl_expiry_text; /* "72h" by default */
	int64_t crl_expiry;           /* seconds */
};

struct catalog {
	int64_t offset; /* of the last `.state` record that it holds, -1: none */
	const struct catalog_mount *const *mounts; /* sorted by name; deleted ones too */
	size_t mount_count;
	struct topics_state topics; /* v 0: not recorded */
};

const struct catalog_mount *catalog_find_mount(const struct catalog *c, struct slice name);
bool catalog_mount_deleted(const struct catalog_mount *m);
/* May the issuer sign for the mount? One of a deleted mount that had the name may not: only its CRLs go on. */
bool catalog_issuer_serves(const struct catalog_mount *m, const struct catalog_issuer *i);
const struct catalog_role *catalog_find_role(const struct catalog_mount *m, struct slice name);
const struct catalog_issuer *catalog_find_issuer(const struct catalog_mount *m, struct slice id);

struct catalog_folder;

struct catalog_spec {
	const struct queue_options *queue;
	struct queue_probe *probe;
	const char *topic;
	const struct secret *kek; /* opens the issuers' keys ("ca key") */
};

struct catalog_folder *catalog_folder_start(
    const struct catalog_spec *spec, struct err *e) MUST_USE;
/* Waits until the high watermark that stands now is folded, then returns that version: give it back with catalog_release. */
const struct catalog *catalog_fresh(
    struct catalog_folder *f, int timeout_ms, struct err *e) MUST_USE;
/* The version of now, without waiting: for onlookers. To be given back too. */
const struct catalog *catalog_current(struct catalog_folder *f);
void catalog_release(const struct catalog *c); /* takes NULL */
void catalog_folder_stop(struct catalog_folder *f);

/*
 * For tests and the fold: the same from records handed over. A record that does not decode, or an issuer whose key does not
 * open, is skipped and counted; *what is logged by the caller.
 */
struct catalog_builder;
struct catalog_builder *catalog_builder_new(const struct secret *kek, struct err *e) MUST_USE;
bool catalog_builder_put(struct catalog_builder *b, struct slice key, struct slice value,
    int64_t offset, struct err *e) MUST_USE;
const struct catalog *catalog_builder_version(struct catalog_builder *b); /* a new reference */
void catalog_builder_free(struct catalog_builder *b);

#endif
