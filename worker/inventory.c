#include "inventory.h"

#include <stdlib.h>

#define BOOK_MAX ((size_t)100000)

/* "mount/issuer/shard", from the right: a mount's name may hold a slash. */
static bool
key_split(struct slice key, struct inventory_crl *ret)
{
	size_t shard = key.len, issuer;

	while (shard > 0 && key.data[shard - 1] != '/')
		shard--;
	issuer = shard == 0 ? 0 : shard - 1;
	while (issuer > 0 && key.data[issuer - 1] != '/')
		issuer--;
	if (issuer < 2)
		return false;
	ret->mount = slice_of(key.data, issuer - 1);
	ret->issuer = slice_of(key.data + issuer, shard - 1 - issuer);
	ret->shard = slice_of(key.data + shard, key.len - shard);
	return true;
}

/* Is there a CRL to be made for it? Not once the CA has expired and one was made after that. */
static bool
issuer_goes_on(const struct issuer *i, int64_t now, int64_t this_update)
{
	return i->key != NULL && (now <= i->not_after || this_update <= i->not_after);
}

static int
by_due(const void *a, const void *b)
{
	const struct inventory_crl *x = a, *y = b;

	return (x->due > y->due) - (x->due < y->due);
}

static int
by_end(const void *a, const void *b)
{
	const struct inventory_issuer *x = a, *y = b;

	return (x->not_after > y->not_after) - (x->not_after < y->not_after);
}

/* Returns how many issuers that live have a CRL. */
static size_t
crls_find(struct inventory *v, const struct catalog *catalog, int64_t now,
    const struct crl_book_line *book, size_t count)
{
	size_t covered = 0;

	for (size_t i = 0; i < count; i++) {
		struct inventory_crl line = { .entry = book[i].entry };
		const struct catalog_mount *m;
		const struct catalog_issuer *issuer;

		if (!key_split(book[i].key, &line))
			continue;
		m = catalog_find_mount(catalog, line.mount);
		issuer = m == NULL ? NULL : catalog_find_issuer(m, line.issuer);
		if (issuer == NULL || !issuer_goes_on(issuer->issuer, now, line.entry.this_update))
			continue;
		line.due = crl_due_at(line.entry.this_update, line.entry.next_update);
		covered += slice_is(line.shard, "0") && now <= issuer->issuer->not_after;
		v->crls[v->crl_count++] = line;
	}
	return covered;
}

/* Returns how many issuers live. */
static size_t
issuers_find(struct inventory *v, const struct catalog *catalog, int64_t now, struct arena *a)
{
	size_t living = 0;

	v->issuers = arena_array(a, catalog->mount_count, sizeof(*v->issuers));
	for (size_t i = 0; i < catalog->mount_count; i++) {
		const struct catalog_mount *m = catalog->mounts[i];

		for (size_t j = 0; j < m->issuer_count; j++)
			living += m->issuers[j]->issuer->key != NULL &&
			    now <= m->issuers[j]->issuer->not_after;
		if (catalog_mount_deleted(m))
			continue;
		v->mounts++;
		if (m->issuer != NULL)
			v->issuers[v->issuer_count++] = (struct inventory_issuer){ arena_copy(
										       a, m->name),
				arena_copy(a, slice_text(m->issuer->issuer->id)),
				m->issuer->issuer->not_after };
	}
	return living;
}

void
inventory_take(const struct catalog *catalog, struct crl_book *book, int64_t now, struct arena *a,
    struct inventory *ret)
{
	size_t count = crl_book_list(book, a, NULL, 0) + 16, living, covered;
	struct crl_book_line *lines;

	*ret = (struct inventory){ 0 };
	if (count > BOOK_MAX)
		count = BOOK_MAX;
	lines = arena_array(a, count, sizeof(*lines));
	ret->crls = arena_array(a, count, sizeof(*ret->crls));
	living = issuers_find(ret, catalog, now, a);
	covered = crl_book_list(book, a, lines, count);
	covered = crls_find(ret, catalog, now, lines, covered < count ? covered : count);
	ret->missing_crls = living > covered ? living - covered : 0;
	qsort(ret->crls, ret->crl_count, sizeof(*ret->crls), by_due);
	qsort(ret->issuers, ret->issuer_count, sizeof(*ret->issuers), by_end);
}
