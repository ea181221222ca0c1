#include "op.h"

#include "encode.h"

#define TTL_DEFAULT ((int64_t)768 * 3600) /* the seed's system default and maximum */

static MUST_USE bool
mount_ttls(const struct mount_params *p, struct mount_state *ret, struct err *e)
{
	ret->max_ttl = p->max_ttl == SCHEMA_ABSENT || p->max_ttl == 0 ? TTL_DEFAULT : p->max_ttl;
	ret->default_ttl = p->default_ttl;
	if (p->default_ttl == SCHEMA_ABSENT || p->default_ttl == 0)
		ret->default_ttl = ret->max_ttl < TTL_DEFAULT ? ret->max_ttl : TTL_DEFAULT;
	if (ret->default_ttl > ret->max_ttl)
		return err_field(e, ERR_INVALID_VALUE, "default_ttl",
		    "default_ttl is %lld s, over max_ttl, %lld s", (long long)ret->default_ttl,
		    (long long)ret->max_ttl);
	return true;
}

static MUST_USE bool
role_defaults_known(struct slice name, struct err *e)
{
	return slice_is(name, ROLE_DEFAULTS_SEED) || slice_is(name, ROLE_DEFAULTS_CURRENT) ||
	    err_field(e, ERR_INVALID_VALUE, "role_defaults",
		"role_defaults is none of " ROLE_DEFAULTS_SEED " and " ROLE_DEFAULTS_CURRENT);
}

bool
mount_write_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct mount_params *p = rq->params;
	const struct catalog_mount *before = catalog_find_mount(cx->catalog, rq->envelope.mount);
	struct mount_state state = { .v = 1,
		.allow_clear_keys = p->allow_clear_keys,
		.allow_slow_keys = p->allow_slow_keys,
		.trust_identity = p->trust_identity,
		.role_defaults = p->role_defaults,
		.description = p->description,
		.created = request_time_ms(cx, rq),
		.deleted = SCHEMA_ABSENT,
		.since = SCHEMA_ABSENT };

	if (!request_admit(cx, rq, NULL, e))
		return false;
	if (!name_of_object_valid(rq->envelope.mount))
		return err_field(e, ERR_INVALID_VALUE, "mount",
		    "a mount's name is of letters, digits and '_', with '-' and '.' inside");
	if (before != NULL && !catalog_mount_deleted(before))
		return err_field(e, ERR_MOUNT_EXISTS, "mount", "there is a mount \"%.*s\" already",
		    SLICE_FMT(rq->envelope.mount));
	if (!mount_ttls(p, &state, e) || !role_defaults_known(p->role_defaults, e))
		return false;
	if (before != NULL) { /* no role of then is one of now */
		state.since = cx->catalog->offset + 1;
		request_warn(cx, rq, "mount_was_deleted",
		    "a mount of that name was deleted: the CRLs of its CAs go on");
	}
	request_change(cx, rq, "mount", SLICE_NONE, &mount_state_schema, &state);
	return true;
}

/* ---- mount/tune ---- */

static bool
is_given(const struct request *rq, const char *name)
{
	return schema_seen(rq->operation->contract->params, rq->seen, name);
}

static MUST_USE bool
tune_ttls(const struct request *rq, struct mount_state *state, struct err *e)
{
	struct mount_params p = *(const struct mount_params *)rq->params;
	int64_t max;

	if (!is_given(rq, "max_ttl"))
		p.max_ttl = state->max_ttl;
	max = p.max_ttl == 0 ? TTL_DEFAULT : p.max_ttl;
	if (!is_given(rq, "default_ttl")) {
		if (state->default_ttl > max)
			return err_field(e, ERR_INVALID_VALUE, "max_ttl",
			    "max_ttl is %lld s, under default_ttl, %lld s: give both",
			    (long long)max, (long long)state->default_ttl);
		p.default_ttl = state->default_ttl;
	}
	return mount_ttls(&p, state, e);
}

bool
mount_tune_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct mount_params *p = rq->params;
	const struct catalog_mount *mount;
	struct mount_state state;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	state = mount->state;
	if (!tune_ttls(rq, &state, e) ||
	    (is_given(rq, "role_defaults") && !role_defaults_known(p->role_defaults, e)))
		return false;
	if (is_given(rq, "allow_clear_keys"))
		state.allow_clear_keys = p->allow_clear_keys;
	if (is_given(rq, "allow_slow_keys"))
		state.allow_slow_keys = p->allow_slow_keys;
	if (is_given(rq, "trust_identity"))
		state.trust_identity = p->trust_identity;
	if (is_given(rq, "role_defaults"))
		state.role_defaults = p->role_defaults;
	if (is_given(rq, "description"))
		state.description = p->description;
	request_change(cx, rq, "mount", SLICE_NONE, &mount_state_schema, &state);
	return true;
}

/* ---- mount/delete ---- */

/*
 * The mount stays, as one that signs nothing: revoking and CRLs go on for the certificates that it signed. Its roles and URLs
 * are left behind `since`; the key that waits for a certificate goes.
 */
bool
mount_delete_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	struct mount_state state;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	state = mount->state;
	state.deleted = request_time_ms(cx, rq);
	state.since = cx->catalog->offset + 1;
	request_change(cx, rq, "mount", SLICE_NONE, &mount_state_schema, &state);
	if (mount->pending != NULL)
		request_change(cx, rq, "pending", SLICE_NONE, NULL, NULL);
	return true;
}

/* ---- mount/list ---- */

bool
mount_list_decide(struct context *cx, struct request *rq, struct err *e)
{
	return request_admit(cx, rq, NULL, e);
}

/* ---- the fleet's key ---- */

#define X25519_SIZE 32

static MUST_USE bool
seal_key_encode(struct context *cx, struct slice *ret, struct err *e)
{
	struct jwk_body jwk = { .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("X25519"),
		.use = SLICE_LITERAL("enc"),
		.alg = SLICE_LITERAL("ECDH-ES") };
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };
	struct buf x64 SCOPED_BUF = { 0 }, kid SCOPED_BUF = { 0 };
	uint8_t x[X25519_SIZE];
	size_t len = sizeof(x);

	if (EVP_PKEY_get_raw_public_key(cx->fleet_key, x, &len) != 1)
		return err_openssl(e, "EVP_PKEY_get_raw_public_key");
	buf_init(&x64, 128);
	base64url_add(&x64, slice_of(x, len));
	jwk.x = buf_slice(&x64);
	buf_init(&kid, 128);
	jwk_thumbprint_add(&kid, jwk.x);
	jwk.kid = buf_slice(&kid);
	buf_init(&b, 1024);
	schema_encode(&jwk_schema, &jwk, &w);
	*ret = arena_copy(cx->arena, buf_slice(&b));
	return true;
}

static struct slice
mount_entry_encode(struct arena *a, const struct catalog_mount *m)
{
	const struct mount_entry entry = { .mount = m->name,
		.description = m->state.description,
		.issuer = m->issuer == NULL ? SLICE_NONE : slice_text(m->issuer->issuer->id),
		.default_ttl = m->state.default_ttl,
		.max_ttl = m->state.max_ttl,
		.allow_clear_keys = m->state.allow_clear_keys,
		.allow_slow_keys = m->state.allow_slow_keys };
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	buf_init(&b, 4096);
	schema_encode(&mount_entry_schema, &entry, &w);
	return arena_copy(a, buf_slice(&b));
}

bool
mount_list_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct catalog *c = cx->catalog;
	struct mount_list_answer answer = {
		.mounts = { arena_array(cx->arena, c->mount_count, sizeof(struct slice)), 0 },
	};

	(void)rq;
	for (size_t i = 0; i < c->mount_count; i++)
		if (!catalog_mount_deleted(c->mounts[i]))
			answer.mounts.items[answer.mounts.count++] = mount_entry_encode(
			    cx->arena, c->mounts[i]);
	if (!seal_key_encode(cx, &answer.seal_key, e))
		return false;
	schema_encode(&mount_list_answer_schema, &answer, data);
	return true;
}

bool
empty_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	(void)cx;
	(void)rq;
	(void)e;
	writer_map(data, 0);
	return true;
}
