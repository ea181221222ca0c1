#include "catalog_fact.h"

#include "ca_key.h"
#include "policy.h"
#include "scoped_openssl.h"
#include "timespan.h"

#include <stdlib.h>

#define FACT_BLOCK 4096 /* a role takes about this; there may be many */

typedef struct catalog_fact catalog_fact;
DEFINE_SCOPED(catalog_fact, catalog_fact_unref)

/* ---- keys ---- */

static const char *const kind_names[CATALOG_KINDS] = {
	[CATALOG_MOUNT] = "mount",
	[CATALOG_ISSUER] = "issuer",
	[CATALOG_PENDING] = "pending",
	[CATALOG_ROLE] = "role",
	[CATALOG_URLS] = "urls",
	[CATALOG_CRL] = "crl",
	[CATALOG_TOPICS] = "topics",
};

static enum catalog_kind
kind_find(struct slice name)
{
	for (unsigned k = 0; k < CATALOG_KINDS; k++)
		if (slice_is(name, kind_names[k]))
			return (enum catalog_kind)k;
	return CATALOG_KINDS;
}

/* Cuts off what stands before the next '/', and the '/'. */
static bool
key_part(struct slice *key, struct slice *ret)
{
	const uint8_t *slash = key->len == 0 ? NULL : memchr(key->data, '/', key->len);

	if (slash == NULL)
		return false;
	*ret = slice_of(key->data, (size_t)(slash - key->data));
	*key = slice_of(slash + 1, key->len - ret->len - 1);
	return true;
}

static bool
key_shape_valid(const struct catalog_key *k)
{
	switch (k->kind) {
	case CATALOG_MOUNT:
	case CATALOG_PENDING:
	case CATALOG_URLS:
	case CATALOG_CRL:
		return name_of_object_valid(k->mount) && k->name.len == 0;
	case CATALOG_ISSUER:
	case CATALOG_ROLE:
		return name_of_object_valid(k->mount) && name_of_object_valid(k->name);
	case CATALOG_TOPICS:
		return k->mount.len == 0 && k->name.len == 0;
	case CATALOG_KINDS:
		return true;
	}
	return false;
}

bool
catalog_key_read(struct slice key, struct catalog_key *ret, struct err *e)
{
	struct slice kind;
	struct slice rest = key;

	if (!key_part(&rest, &kind) || !key_part(&rest, &ret->mount))
		return err_set(e, ERR_MALFORMED, "the key is not kind/mount/name");
	ret->kind = kind_find(kind);
	ret->name = rest;
	if (!key_shape_valid(ret))
		return err_set(e, ERR_MALFORMED, "the key names no mount or object");
	return true;
}

/* ---- decoding, one function a kind ---- */

static bool
fact_decode(
    struct catalog_fact *f, const struct schema *s, struct slice value, void *out, struct err *e)
{
	uint64_t seen;

	return schema_decode(s, arena_copy(&f->memory, value), &f->memory, out, &seen, e);
}

static bool
mount_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	/* what is absent stays absent when the record is written again */
	f->mount_state = (struct mount_state){ .deleted = SCHEMA_ABSENT, .since = SCHEMA_ABSENT };
	return fact_decode(f, &mount_state_schema, value, &f->mount_state, e);
}

static bool
pending_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	return fact_decode(f, &pending_state_schema, value, &f->pending, e);
}

static bool
role_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	struct catalog_role *r = &f->role;

	role_defaults(&r->role);
	r->name = f->name;
	return fact_decode(f, &role_schema, value, &r->role, e) &&
	    role_check(&r->role, &f->memory, e) &&
	    role_rules_make(&r->role, &f->memory, &r->rules, e);
}

static bool
urls_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	return fact_decode(f, &urls_state_schema, value, &f->urls, e);
}

static bool
crl_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	return fact_decode(f, &crl_state_schema, value, &f->crl.state, e) &&
	    timespan_parse(f->crl.state.expiry, "expiry", &f->crl.seconds, e);
}

static bool
topics_read(struct catalog_fact *f, struct slice value, struct err *e)
{
	return fact_decode(f, &topics_state_schema, value, &f->topics, e);
}

static bool
issuer_read(struct catalog_fact *f, struct slice value, struct sealer *ca_sealer, struct err *e)
{
	SCOPED(EVP_PKEY) key = NULL;
	struct arena record SCOPED_ARENA = { 0 };
	struct issuer_state state = { .crl_shards = 1 };
	uint64_t seen;

	if (!schema_decode(&issuer_state_schema, value, &record, &state, &seen, e))
		return false;
	if (!slice_eq(state.id, f->name))
		return err_field(e, ERR_MALFORMED, "id", "the issuer's id is not its key's");
	key = ca_key_open(ca_sealer, f->mount, f->name, state.key, e);
	if (key == NULL)
		return false;
	f->issuer.crl_shards = state.crl_shards;
	f->issuer.issuer = issuer_new(
	    state.certificate, state.chain.items, state.chain.count, key, e);
	if (f->issuer.issuer == NULL)
		return false;
	if (!slice_is(f->name, f->issuer.issuer->id))
		return err_field(e, ERR_MALFORMED, "certificate", "the certificate has another id");
	if (X509_check_private_key(f->issuer.issuer->x509, key) != 1)
		return err_openssl(e, "X509_check_private_key");
	return true;
}

static bool
fact_read(struct catalog_fact *f, struct slice value, struct sealer *ca_sealer, struct err *e)
{
	switch (f->kind) {
	case CATALOG_MOUNT:
		return mount_read(f, value, e);
	case CATALOG_ISSUER:
		return issuer_read(f, value, ca_sealer, e);
	case CATALOG_PENDING:
		return pending_read(f, value, e);
	case CATALOG_ROLE:
		return role_read(f, value, e);
	case CATALOG_URLS:
		return urls_read(f, value, e);
	case CATALOG_CRL:
		return crl_read(f, value, e);
	case CATALOG_TOPICS:
		return topics_read(f, value, e);
	case CATALOG_KINDS:
		break;
	}
	return err_set(e, ERR_INTERNAL, "a record of no kind was to be decoded");
}

struct catalog_fact *
catalog_fact_new(
    const struct catalog_key *key, struct slice value, struct sealer *ca_sealer, struct err *e)
{
	SCOPED(catalog_fact) f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	atomic_init(&f->references, 1);
	f->memory.block = FACT_BLOCK;
	f->kind = key->kind;
	f->mount = arena_copy(&f->memory, key->mount);
	f->name = arena_copy(&f->memory, key->name);
	if (!fact_read(f, value, ca_sealer, e))
		return NULL;
	return TAKE(f);
}

struct catalog_fact *
catalog_fact_ref(struct catalog_fact *f)
{
	atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
	return f;
}

void
catalog_fact_unref(struct catalog_fact *f)
{
	if (f == NULL || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1)
		return;
	if (f->kind == CATALOG_ISSUER)
		issuer_free(f->issuer.issuer);
	arena_done(&f->memory);
	free(f);
}

/* ---- sets ---- */

/* Where the name stands, or would. */
static size_t
set_place(const struct catalog_set *s, struct slice name)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slice_cmp(s->items[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
set_holds(const struct catalog_set *s, size_t place, struct slice name)
{
	return place < s->count && slice_eq(s->items[place]->name, name);
}

static void
set_make_room(struct catalog_set *s)
{
	if (s->count < s->capacity)
		return;
	s->capacity = s->capacity == 0 ? 8 : 2 * s->capacity;
	s->items = reallocarray(s->items, s->capacity, sizeof(struct catalog_fact *));
	if (s->items == NULL)
		abort();
}

void
catalog_set_put(struct catalog_set *s, struct catalog_fact *fact)
{
	size_t place = set_place(s, fact->name);

	if (set_holds(s, place, fact->name)) {
		catalog_fact_unref(s->items[place]);
		s->items[place] = fact;
		return;
	}
	set_make_room(s);
	memmove(s->items + place + 1, s->items + place,
	    (s->count - place) * sizeof(struct catalog_fact *));
	s->items[place] = fact;
	s->count++;
}

void
catalog_set_remove(struct catalog_set *s, struct slice name)
{
	size_t place = set_place(s, name);

	if (!set_holds(s, place, name))
		return;
	catalog_fact_unref(s->items[place]);
	s->count--;
	memmove(s->items + place, s->items + place + 1,
	    (s->count - place) * sizeof(struct catalog_fact *));
}

void
catalog_set_done(struct catalog_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		catalog_fact_unref(s->items[i]);
	free(s->items);
}
