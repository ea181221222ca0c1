/*
 * The parts that versions of the catalog share. A fact is one record of `.state`, decoded once and immutable from then on;
 * a node is a mount with its facts. Both are counted: each version holds its nodes, each node its facts.
 */
#ifndef CERTMILL_CATALOG_FACT_H
#define CERTMILL_CATALOG_FACT_H

#include "catalog.h"

#include <stdatomic.h>

enum catalog_kind {
	CATALOG_MOUNT,
	CATALOG_ISSUER,
	CATALOG_PENDING,
	CATALOG_ROLE,
	CATALOG_URLS,
	CATALOG_CRL,
	CATALOG_TOPICS,
	CATALOG_KINDS, /* no kind that this version knows */
};

/* The parts of a key of `.state`, "kind/mount/name". */
struct catalog_key {
	enum catalog_kind kind;
	struct slice mount, name;
};

struct catalog_fact {
	atomic_size_t references;
	enum catalog_kind kind;
	struct arena memory; /* holds the slices */
	struct slice mount, name;
	int64_t offset; /* of its record in `.state` */
	union {
		struct mount_state mount_state;
		struct catalog_issuer issuer;
		struct pending_state pending;
		struct catalog_role role;
		struct urls_state urls;
		struct {
			struct crl_state state;
			int64_t seconds;
		} crl;
		struct topics_state topics;
	};
};

/* Facts of one kind in one mount, sorted by name. The set holds a reference of each. */
struct catalog_set {
	struct catalog_fact **items;
	size_t count, capacity;
};

struct catalog_node {
	atomic_size_t references;
	struct catalog_mount mount;
	struct catalog_fact **facts; /* all that the mount points into */
	size_t fact_count;
};

struct catalog_version {
	atomic_size_t references;
	struct catalog catalog;
	struct catalog_node **nodes; /* as many as catalog.mount_count */
};

bool catalog_key_read(struct slice key, struct catalog_key *ret, struct err *e) MUST_USE;
/* The sealer opens the issuers' keys. */
struct catalog_fact *catalog_fact_new(const struct catalog_key *key, struct slice value,
    struct sealer *ca_sealer, struct err *e) MUST_USE;
struct catalog_fact *catalog_fact_ref(struct catalog_fact *f);
void catalog_fact_unref(struct catalog_fact *f); /* takes NULL */

void catalog_set_put(struct catalog_set *s, struct catalog_fact *fact); /* takes the reference */
void catalog_set_remove(struct catalog_set *s, struct slice name);
void catalog_set_done(struct catalog_set *s);

/* What a mount is made of; facts that are not there are NULL. */
struct catalog_parts {
	struct catalog_fact *mount, *pending, *urls, *crl;
	const struct catalog_set *issuers, *roles;
};
struct catalog_node *catalog_node_new(const struct catalog_parts *parts);
void catalog_node_unref(struct catalog_node *n); /* takes NULL */

/* nodes are sorted by name; the version takes a reference of each. */
const struct catalog *catalog_version_new(struct catalog_node *const *nodes, size_t count,
    int64_t offset, const struct topics_state *topics);
const struct catalog *catalog_ref(const struct catalog *c);

#endif
