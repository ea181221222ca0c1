#include "catalog_fact.h"

#include <stdlib.h>

static const struct slice crl_expiry_default = { (const uint8_t *)"72h", 3 };
#define CRL_EXPIRY_DEFAULT_SECONDS ((int64_t)72 * 3600)

/* ---- looking things up ---- */

const struct catalog_mount *
catalog_find_mount(const struct catalog *c, struct slice name)
{
	size_t low = 0, high = c->mount_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_cmp(c->mounts[middle]->name, name);

		if (order == 0)
			return c->mounts[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
catalog_mount_deleted(const struct catalog_mount *m)
{
	return m->state.deleted > 0;
}

bool
catalog_issuer_serves(const struct catalog_mount *m, const struct catalog_issuer *i)
{
	return !catalog_mount_deleted(m) && i->offset >= m->state.since;
}

const struct catalog_role *
catalog_find_role(const struct catalog_mount *m, struct slice name)
{
	size_t low = 0, high = m->role_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_cmp(m->roles[middle]->name, name);

		if (order == 0)
			return m->roles[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A mount has one issuer, or a handful. */
const struct catalog_issuer *
catalog_find_issuer(const struct catalog_mount *m, struct slice id)
{
	for (size_t i = 0; i < m->issuer_count; i++)
		if (slice_is(id, m->issuers[i]->issuer->id))
			return m->issuers[i];
	return NULL;
}

/* ---- a mount ---- */

static void *
pointers_new(size_t count)
{
	void *array = calloc(count == 0 ? 1 : count, sizeof(void *));

	if (array == NULL)
		abort();
	return array;
}

static void
node_hold(struct catalog_node *n, struct catalog_fact *fact)
{
	n->facts[n->fact_count++] = catalog_fact_ref(fact);
}

/* Is the fact of this mount, and not of a deleted one that had its name? */
static bool
node_counts(const struct catalog_node *n, const struct catalog_fact *fact)
{
	return fact != NULL && fact->offset >= n->mount.state.since;
}

static void
node_set_issuers(struct catalog_node *n, const struct catalog_set *set)
{
	const struct catalog_issuer **issuers = pointers_new(set->count);

	for (size_t i = 0; i < set->count; i++) {
		node_hold(n, set->items[i]);
		issuers[i] = &set->items[i]->issuer;
	}
	n->mount.issuers = issuers;
	n->mount.issuer_count = set->count;
	n->mount.issuer = catalog_find_issuer(&n->mount, n->mount.state.issuer);
}

static void
node_set_roles(struct catalog_node *n, const struct catalog_set *set)
{
	const struct catalog_role **roles = pointers_new(set->count);
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (!node_counts(n, set->items[i]))
			continue;
		node_hold(n, set->items[i]);
		roles[count++] = &set->items[i]->role;
	}
	n->mount.roles = roles;
	n->mount.role_count = count;
}

static void
node_set_crl(struct catalog_node *n, struct catalog_fact *crl)
{
	struct catalog_mount *m = &n->mount;
	/* the CRLs of a deleted mount go on as they were */
	bool counts = crl != NULL && (catalog_mount_deleted(m) || node_counts(n, crl));

	m->crl_expiry_text = crl_expiry_default;
	m->crl_expiry = CRL_EXPIRY_DEFAULT_SECONDS;
	if (!counts)
		return;
	node_hold(n, crl);
	m->crl_expiry_text = crl->crl.state.expiry;
	m->crl_expiry = crl->crl.seconds;
}

static void
node_set_config(struct catalog_node *n, const struct catalog_parts *parts)
{
	struct catalog_mount *m = &n->mount;

	node_hold(n, parts->mount);
	m->name = parts->mount->mount;
	m->state = parts->mount->mount_state;
	if (node_counts(n, parts->urls)) {
		node_hold(n, parts->urls);
		m->urls = parts->urls->urls;
	}
	if (node_counts(n, parts->pending)) {
		node_hold(n, parts->pending);
		m->pending = &parts->pending->pending;
	}
	node_set_crl(n, parts->crl);
}

struct catalog_node *
catalog_node_new(const struct catalog_parts *parts)
{
	struct catalog_node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		abort();
	atomic_init(&n->references, 1);
	n->facts = pointers_new(4 + parts->issuers->count + parts->roles->count);
	node_set_config(n, parts);
	node_set_issuers(n, parts->issuers);
	node_set_roles(n, parts->roles);
	return n;
}

static struct catalog_node *
node_ref(struct catalog_node *n)
{
	atomic_fetch_add_explicit(&n->references, 1, memory_order_relaxed);
	return n;
}

/* The arrays are const to readers; this is their owner. */
static void
pointers_free(const void *array)
{
	union {
		const void *constant;
		void *owned;
	} u = { array };

	free(u.owned);
}

void
catalog_node_unref(struct catalog_node *n)
{
	if (n == NULL || atomic_fetch_sub_explicit(&n->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < n->fact_count; i++)
		catalog_fact_unref(n->facts[i]);
	pointers_free(n->mount.issuers);
	pointers_free(n->mount.roles);
	free(n->facts);
	free(n);
}

/* ---- a version ---- */

const struct catalog *
catalog_version_new(struct catalog_node *const *nodes, size_t count, int64_t offset,
    const struct topics_state *topics)
{
	struct catalog_version *v = calloc(1, sizeof(*v));
	const struct catalog_mount **mounts = pointers_new(count);

	if (v == NULL)
		abort();
	atomic_init(&v->references, 1);
	v->nodes = pointers_new(count);
	for (size_t i = 0; i < count; i++) {
		v->nodes[i] = node_ref(nodes[i]);
		mounts[i] = &nodes[i]->mount;
	}
	v->catalog = (struct catalog){
		.offset = offset, .mounts = mounts, .mount_count = count, .topics = *topics
	};
	return &v->catalog;
}

static struct catalog_version *
version_of(const struct catalog *c)
{
	union {
		const struct catalog *constant;
		char *owned;
	} u = { c };

	return (void *)(u.owned - offsetof(struct catalog_version, catalog));
}

const struct catalog *
catalog_ref(const struct catalog *c)
{
	atomic_fetch_add_explicit(&version_of(c)->references, 1, memory_order_relaxed);
	return c;
}

void
catalog_release(const struct catalog *c)
{
	struct catalog_version *v = c == NULL ? NULL : version_of(c);

	if (v == NULL || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < v->catalog.mount_count; i++)
		catalog_node_unref(v->nodes[i]);
	pointers_free(v->catalog.mounts);
	free(v->nodes);
	free(v);
}
