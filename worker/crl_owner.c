#include "crl_owner_internal.h"
#include "serial.h"
#include "sha256.h"
#include "timespan.h"

#include <stdlib.h>

#define BOOK_TIMEOUT_MS  20000
#define FOREIGN_AFTER_US ((int64_t)2 * 1000 * 1000) /* the book has seen our own record by then */

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct crl_owner *
crl_owner_new(const struct settings *s, struct queue_probe *probe, struct crl_book *book)
{
	struct crl_owner *o = must(calloc(1, sizeof(*o)));

	o->settings = s;
	o->probe = probe;
	o->book = book;
	return o;
}

static void
sets_clear(struct crl_owner *o)
{
	for (size_t i = 0; i < o->count; i++) {
		crl_entries_free(o->sets[i]->entries);
		buf_done(&o->sets[i]->der);
		arena_done(&o->sets[i]->names);
		free(o->sets[i]);
	}
	o->count = 0;
}

void
crl_owner_free(struct crl_owner *o)
{
	if (o == NULL)
		return;
	sets_clear(o);
	free(o->sets);
	free(o->partitions);
	free(o);
}

bool
crl_owner_has_mount(const struct crl_owner *o, struct slice mount)
{
	int32_t home = queue_partition_of(mount, o->partition_count);

	for (size_t i = 0; i < o->owned; i++)
		if (o->partitions[i] == home)
			return true;
	return false;
}

static struct crl_set *
set_find(const struct crl_owner *o, struct slice mount, struct slice issuer)
{
	for (size_t i = 0; i < o->count; i++)
		if (slice_eq(o->sets[i]->mount, mount) && slice_eq(o->sets[i]->issuer, issuer))
			return o->sets[i];
	return NULL;
}

struct crl_set *
crl_set_get(struct crl_owner *o, struct slice mount, struct slice issuer)
{
	struct crl_set *set = set_find(o, mount, issuer);
	struct crl_book_entry last;

	if (set != NULL)
		return set;
	set = must(calloc(1, sizeof(*set)));
	set->mount = arena_copy(&set->names, mount);
	set->issuer = arena_copy(&set->names, issuer);
	set->key = slice_text(
	    arena_printf(&set->names, "%.*s/%.*s/0", SLICE_FMT(mount), SLICE_FMT(issuer)));
	set->entries = crl_entries_new();
	buf_init(&set->der, CRL_DER_MAX);
	set->number = crl_book_highest(o->book, set->key);
	if (crl_book_find(o->book, set->key, NULL, &last) && last.number == set->number) {
		set->this_update = last.this_update;
		set->next_update = last.next_update;
		memcpy(set->sha256, last.sha256, HASH_SIZE);
	}
	o->sets = must(realloc(o->sets, (o->count + 1) * sizeof(struct crl_set *)));
	o->sets[o->count++] = set;
	return set;
}

bool
crl_owner_assign(struct crl_owner *o, const int32_t *partitions, size_t count,
    int32_t partition_count, struct err *e)
{
	sets_clear(o);
	o->partitions = must(realloc(o->partitions, (count + 1) * sizeof(*partitions)));
	memcpy(o->partitions, partitions, count * sizeof(*partitions));
	o->owned = count;
	o->partition_count = partition_count;
	if (count == 0)
		return true;
	return crl_book_fresh(o->book, BOOK_TIMEOUT_MS, e) && crl_owner_fold(o, e);
}

/* ---- a batch ---- */

bool
crl_owner_find(const struct crl_owner *o, struct slice mount, struct slice issuer,
    struct slice serial, struct crl_entry *ret)
{
	const struct crl_set *set = set_find(o, mount, issuer);

	return set != NULL && crl_entries_find(set->entries, serial, ret);
}

void
crl_owner_add(
    struct crl_owner *o, struct slice mount, struct slice issuer, const struct crl_entry *entry)
{
	struct crl_set *set = crl_set_get(o, mount, issuer);

	crl_entries_put(set->entries, entry);
	set->touched = true;
}

void
crl_owner_touch(struct crl_owner *o, struct slice mount, struct slice issuer, int64_t minimum)
{
	struct crl_set *set = crl_set_get(o, mount, issuer);

	set->touched = true;
	if (set->number + 1 < minimum)
		set->number = minimum - 1;
}

int64_t
crl_owner_next_number(struct crl_owner *o, struct slice mount, struct slice issuer)
{
	return crl_set_get(o, mount, issuer)->number + 1;
}

/* Somebody else's record is the last of the key, or none stands: it is published again. */
static bool
set_is_foreign(const struct crl_owner *o, const struct crl_set *set)
{
	struct crl_book_entry last;

	if (set->published_us != 0 &&
	    time_monotonic_us() - set->published_us < FOREIGN_AFTER_US + 20 * o->cost_us)
		return false;
	if (!crl_book_find(o->book, set->key, NULL, &last))
		return true;
	return last.number != set->number || last.this_update != set->this_update ||
	    last.next_update != set->next_update ||
	    memcmp(last.sha256, set->sha256, HASH_SIZE) != 0;
}

/* The CA has expired, and so have all its certificates, each of which was on one CRL past its end: there is no more to say. */
static bool
set_is_done(const struct crl_set *set, const struct issuer *issuer, int64_t now)
{
	return now > issuer->not_after && set->this_update > issuer->not_after &&
	    crl_entries_count(set->entries) == 0;
}

static bool
set_is_due(
    const struct crl_owner *o, const struct crl_set *set, const struct issuer *issuer, int64_t now)
{
	if (!set->touched && set_is_done(set, issuer, now))
		return false;
	return set->touched || set->number == 0 ||
	    now >= crl_due_at(set->this_update, set->next_update) || set_is_foreign(o, set);
}

typedef bool visit_fn(struct crl_owner *o, struct context *cx, const struct catalog_mount *m,
    const struct catalog_issuer *i, void *opaque, struct err *e);

/* Every issuer of every mount that this lane speaks for. */
static MUST_USE bool
visit_issuers(struct crl_owner *o, struct context *cx, visit_fn *visit, void *opaque, struct err *e)
{
	for (size_t i = 0; i < cx->catalog->mount_count; i++) {
		const struct catalog_mount *m = cx->catalog->mounts[i];

		if (!crl_owner_has_mount(o, m->name))
			continue;
		for (size_t j = 0; j < m->issuer_count; j++)
			if (m->issuers[j]->issuer->key != NULL &&
			    !visit(o, cx, m, m->issuers[j], opaque, e))
				return false;
	}
	return true;
}

static bool
visit_due(struct crl_owner *o, struct context *cx, const struct catalog_mount *m,
    const struct catalog_issuer *i, void *opaque, struct err *e)
{
	(void)e;
	*(bool *)opaque |= set_is_due(
	    o, crl_set_get(o, m->name, slice_text(i->issuer->id)), i->issuer, cx->now_ms / 1000);
	return true;
}

bool
crl_owner_due(struct crl_owner *o, struct context *cx)
{
	struct err ignored;
	bool due = false;

	return o != NULL && visit_issuers(o, cx, visit_due, &due, &ignored) && due;
}

struct leavers {
	struct context *cx;
	struct slice mount;
	struct slice_list keys;
	size_t capacity;
};

static void
leavers_reserve(struct leavers *l)
{
	struct slice *more;

	if (l->keys.count < l->capacity)
		return;
	l->capacity = l->capacity == 0 ? 16 : 2 * l->capacity;
	more = arena_array(l->cx->arena, l->capacity, sizeof(*more));
	if (l->keys.count > 0)
		memcpy(more, l->keys.items, l->keys.count * sizeof(*more));
	l->keys.items = more;
}

static void
entry_left(void *opaque, const struct crl_entry *entry)
{
	struct leavers *l = opaque;

	leavers_reserve(l);
	l->keys.items[l->keys.count++] = slice_text(arena_printf(l->cx->arena, "%.*s/%.*s",
	    SLICE_FMT(l->mount), SLICE_FMT(serial_text(l->cx->arena, entry->serial, 0))));
}

struct build {
	struct crl_publication *list;
	size_t count;
};

static MUST_USE bool
set_build(struct crl_set *set, struct context *cx, const struct catalog_mount *m,
    const struct catalog_issuer *i, struct err *e)
{
	int64_t now = cx->now_ms / 1000;
	struct crl_input in = {
		.entries = set->entries,
		.issuer = i->issuer,
		.number = set->number + 1,
		.this_update = now > set->this_update ? now
						      : set->this_update, /* it never goes back */
	};
	struct signer *signer = minter_signer(
	    cx->minter, i->issuer, (struct signer_choice){ 0 }, e);

	if (signer == NULL)
		return false;
	in.next_update = in.this_update + m->crl_expiry;
	buf_clear(&set->der);
	if (!crl_build(&in, signer, &set->der, e))
		return false;
	sha256(buf_slice(&set->der), set->sha256);
	set->number = in.number;
	set->this_update = in.this_update;
	set->next_update = in.next_update;
	set->published_us = time_monotonic_us();
	set->touched = false;
	return true;
}

static bool
visit_build(struct crl_owner *o, struct context *cx, const struct catalog_mount *m,
    const struct catalog_issuer *i, void *opaque, struct err *e)
{
	struct build *build = opaque;
	struct crl_set *set = crl_set_get(o, m->name, slice_text(i->issuer->id));
	struct leavers leavers = { .cx = cx, .mount = m->name };
	struct crl_publication *p = &build->list[build->count];
	int64_t began = time_monotonic_us();

	if (!set_is_due(o, set, i->issuer, cx->now_ms / 1000))
		return true;
	crl_entries_expire(
	    set->entries, set->this_update - o->settings->clock_difference, entry_left, &leavers);
	if (!set_build(set, cx, m, i, e))
		return false;
	*p = (struct crl_publication){ .key = set->key,
		.der = buf_slice(&set->der),
		.number = set->number,
		.this_update = set->this_update,
		.next_update = set->next_update,
		.issuer = set->issuer,
		.tombstones = leavers.keys };
	memcpy(p->sha256, set->sha256, HASH_SIZE);
	build->count++;
	o->cost_us = time_monotonic_us() - began;
	return true;
}

bool
crl_owner_build(struct crl_owner *o, struct context *cx, struct crl_publication **ret,
    size_t *ret_count, struct err *e)
{
	struct build build = { 0 };
	size_t issuers = 0;

	for (size_t i = 0; i < cx->catalog->mount_count; i++)
		issuers += cx->catalog->mounts[i]->issuer_count;
	build.list = arena_array(cx->arena, issuers, sizeof(*build.list));
	if (!visit_issuers(o, cx, visit_build, &build, e))
		return false;
	*ret = build.list;
	*ret_count = build.count;
	return true;
}

int64_t
crl_owner_cost_us(const struct crl_owner *o)
{
	return o->cost_us;
}
