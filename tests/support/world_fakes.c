/* Redis, the CRL owner and the CRL book, as far as operations ask them. */
#include "world_internal.h"

/* ---- in the place of Redis ---- */

struct world_row {
	struct world_row *next;
	struct slice key, value;
};

static struct world_row *
row_find(struct world *w, struct slice key)
{
	struct world_row *row = w->rows;

	while (row != NULL && !slice_eq(row->key, key))
		row = row->next;
	return row;
}

struct slice
world_row(struct world *w, struct slice key)
{
	struct world_row *row = key.data == NULL ? NULL : row_find(w, key);

	return row == NULL ? SLICE_NONE : row->value;
}

void
world_set_row(struct world *w, struct slice key, struct slice value)
{
	struct world_row *row = row_find(w, key);

	if (row == NULL) {
		row = arena_alloc(&w->arena, sizeof(*row));
		row->key = arena_copy(&w->arena, key);
		row->next = w->rows;
		w->rows = row;
	}
	row->value = value.data == NULL ? value : arena_copy(&w->arena, value);
}

/* ---- in the place of the CRL owner and the CRL book ---- */

bool
crl_owner_find(const struct crl_owner *o, struct slice mount, struct slice issuer,
    struct slice serial, struct crl_entry *ret)
{
	for (const struct revoked *r = o->list; r != NULL; r = r->next) {
		if (!slice_eq(r->mount, mount) || !slice_eq(r->issuer, issuer) ||
		    !slice_eq(r->entry.serial, serial))
			continue;
		*ret = r->entry;
		return true;
	}
	return false;
}

void
crl_owner_add(
    struct crl_owner *o, struct slice mount, struct slice issuer, const struct crl_entry *entry)
{
	struct revoked *r = arena_alloc(&o->arena, sizeof(*r));

	*r = (struct revoked){ .next = o->list,
		.mount = arena_copy(&o->arena, mount),
		.issuer = arena_copy(&o->arena, issuer),
		.entry = *entry };
	r->entry.serial = arena_copy(&o->arena, entry->serial);
	o->list = r;
}

bool
crl_book_fresh(struct crl_book *b, int timeout_ms, struct err *e)
{
	(void)b;
	(void)e;
	return timeout_ms > 0;
}

bool
crl_book_find(struct crl_book *b, struct slice key, struct arena *a, struct crl_book_entry *ret)
{
	if (!slice_eq(b->key, key))
		return false;
	*ret = (struct crl_book_entry){
		.number = b->number, .this_update = WORLD_NOW, .next_update = WORLD_NOW + 3600
	};
	if (a != NULL)
		ret->der = arena_copy(a, b->der);
	return true;
}

size_t
crl_book_list(struct crl_book *b, struct arena *a, struct crl_book_line *ret, size_t max)
{
	size_t count = b->key.data != NULL;

	if (count > 0 && max > 0) {
		ret[0] = (struct crl_book_line){ .key = arena_copy(a, b->key) };
		(void)crl_book_find(b, b->key, NULL, &ret[0].entry);
		ret[0].entry.size = b->der.len;
	}
	return count;
}

bool
crl_book_has_room(struct crl_book *b, struct slice mount, const char *issuer, struct err *e)
{
	(void)mount;
	(void)issuer;
	return b->der.len < CRL_DER_MAX / 100 * 95 || err_set(e, ERR_CRL_FULL, "the CRL is full");
}

void
world_set_crl(struct world *w, const char *key, struct slice der, int64_t number)
{
	*w->cx.crl_book = (struct crl_book){ arena_copy(&w->arena, slice_text(key)),
		arena_copy(&w->arena, der), number };
}
