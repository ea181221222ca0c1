/* Folds records of `.state` into versions of the catalog. Only the mounts that changed are put together again. */
#include "catalog_fact.h"
#include "scoped.h"

#include <stdlib.h>

/* All records of one mount. Those of a mount whose own record has not come yet (compaction reorders) wait here for it. */
struct draft {
	struct slice name; /* owned */
	struct catalog_fact *mount, *pending, *urls, *crl;
	struct catalog_set issuers, roles;
	struct catalog_node *node; /* as last put together; NULL: changed since, or no mount */
};

struct catalog_builder {
	struct sealer *ca_sealer;
	struct draft *drafts; /* sorted by name */
	size_t count, capacity;
	struct topics_state topics;
	int64_t offset;
};

typedef struct catalog_builder catalog_builder;
DEFINE_SCOPED(catalog_builder, catalog_builder_free)

struct catalog_builder *
catalog_builder_new(const struct secret *kek, struct err *e)
{
	SCOPED(catalog_builder) b = calloc(1, sizeof(*b));

	if (b == NULL)
		abort();
	b->offset = -1;
	b->ca_sealer = sealer_new(kek, "ca key", e);
	if (b->ca_sealer == NULL)
		return NULL;
	return TAKE(b);
}

static void
draft_done(struct draft *d)
{
	catalog_fact_unref(d->mount);
	catalog_fact_unref(d->pending);
	catalog_fact_unref(d->urls);
	catalog_fact_unref(d->crl);
	catalog_set_done(&d->issuers);
	catalog_set_done(&d->roles);
	catalog_node_unref(d->node);
	free((void *)(uintptr_t)d->name.data);
}

void
catalog_builder_free(struct catalog_builder *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->count; i++)
		draft_done(&b->drafts[i]);
	free(b->drafts);
	sealer_free(b->ca_sealer);
	free(b);
}

static size_t
draft_place(const struct catalog_builder *b, struct slice name)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slice_cmp(b->drafts[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
draft_make_room(struct catalog_builder *b)
{
	if (b->count < b->capacity)
		return;
	b->capacity = b->capacity == 0 ? 8 : 2 * b->capacity;
	b->drafts = reallocarray(b->drafts, b->capacity, sizeof(*b->drafts));
	if (b->drafts == NULL)
		abort();
}

/* Finds the draft of that mount, or makes it. */
static struct draft *
draft_of(struct catalog_builder *b, struct slice name)
{
	size_t place = draft_place(b, name);
	uint8_t *own_name;

	if (place < b->count && slice_eq(b->drafts[place].name, name))
		return &b->drafts[place];
	draft_make_room(b);
	memmove(b->drafts + place + 1, b->drafts + place, (b->count - place) * sizeof(*b->drafts));
	b->count++;
	own_name = malloc(name.len);
	if (own_name == NULL)
		abort();
	memcpy(own_name, name.data, name.len);
	b->drafts[place] = (struct draft){ .name = slice_of(own_name, name.len) };
	return &b->drafts[place];
}

/* fact NULL: a tombstone. Takes the fact. */
static void
slot_set(struct catalog_fact **slot, struct catalog_fact *fact)
{
	catalog_fact_unref(*slot);
	*slot = fact;
}

static void
set_change(struct catalog_set *set, struct slice name, struct catalog_fact *fact)
{
	if (fact == NULL)
		catalog_set_remove(set, name);
	else
		catalog_set_put(set, fact);
}

static void
draft_change(struct draft *d, const struct catalog_key *key, struct catalog_fact *fact)
{
	catalog_node_unref(TAKE(d->node));
	switch (key->kind) {
	case CATALOG_MOUNT:
		slot_set(&d->mount, fact);
		return;
	case CATALOG_PENDING:
		slot_set(&d->pending, fact);
		return;
	case CATALOG_URLS:
		slot_set(&d->urls, fact);
		return;
	case CATALOG_CRL:
		slot_set(&d->crl, fact);
		return;
	case CATALOG_ISSUER:
		set_change(&d->issuers, key->name, fact);
		return;
	case CATALOG_ROLE:
		set_change(&d->roles, key->name, fact);
		return;
	case CATALOG_TOPICS:
	case CATALOG_KINDS:
		abort(); /* belongs to no mount */
	}
}

static void
builder_set_topics(struct catalog_builder *b, struct catalog_fact *fact)
{
	b->topics = fact == NULL ? (struct topics_state){ 0 } : fact->topics;
	catalog_fact_unref(fact);
}

bool
catalog_builder_put(
    struct catalog_builder *b, struct slice key, struct slice value, int64_t offset, struct err *e)
{
	struct catalog_key parts;
	struct catalog_fact *fact = NULL;

	b->offset = offset; /* a record that is skipped has been seen, too */
	if (!catalog_key_read(key, &parts, e))
		return false;
	if (parts.kind == CATALOG_KINDS)
		return true; /* of a later version of certmill */
	if (value.data != NULL) {
		fact = catalog_fact_new(&parts, value, b->ca_sealer, e);
		if (fact == NULL)
			return false;
		fact->offset = offset;
		if (parts.kind == CATALOG_ISSUER)
			fact->issuer.offset = offset;
	}
	if (parts.kind == CATALOG_TOPICS)
		builder_set_topics(b, fact);
	else
		draft_change(draft_of(b, parts.mount), &parts, fact);
	return true;
}

static void
draft_assemble(struct draft *d)
{
	const struct catalog_parts parts = { .mount = d->mount,
		.pending = d->pending,
		.urls = d->urls,
		.crl = d->crl,
		.issuers = &d->issuers,
		.roles = &d->roles };

	if (d->node == NULL && d->mount != NULL)
		d->node = catalog_node_new(&parts);
}

const struct catalog *
catalog_builder_version(struct catalog_builder *b)
{
	SCOPED_FREE struct catalog_node **nodes = calloc(
	    b->count + 1, sizeof(struct catalog_node *));
	size_t count = 0;

	if (nodes == NULL)
		abort();
	for (size_t i = 0; i < b->count; i++) {
		draft_assemble(&b->drafts[i]);
		if (b->drafts[i].node != NULL)
			nodes[count++] = b->drafts[i].node;
	}
	return catalog_version_new(nodes, count, b->offset, &b->topics);
}
