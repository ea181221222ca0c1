#include "op.h"

#define ROLE_MAX ((size_t)1024 * 1024)

void
role_write_defaults(void *params)
{
	role_defaults(params);
}

static MUST_USE bool
role_name_valid(struct slice name, struct err *e)
{
	if (name_of_object_valid(name))
		return true;
	return err_field(e, ERR_INVALID_VALUE, "role",
	    "a role's name is of letters, digits and '_', with '-' and '.' inside");
}

static bool
was_given(const struct request *rq, const char *field)
{
	return schema_seen(&role_schema, rq->seen, field);
}

/* Names of usages that there are not are refused where they are written, and tolerated where they stood. */
static MUST_USE bool
given_usages_valid(const struct request *rq, const struct role *role, struct err *e)
{
	struct role given = { 0 };

	if (was_given(rq, "key_usage"))
		given.key_usage = role->key_usage;
	if (was_given(rq, "ext_key_usage"))
		given.ext_key_usage = role->ext_key_usage;
	return role_check_usages(&given, e);
}

/* Puts what the request gives over the role, and stores it if it is sound. */
static MUST_USE bool
role_store(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct role *role, struct err *e)
{
	schema_merge(&role_schema, rq->seen, rq->params, role);
	if (!given_usages_valid(rq, role, e))
		return false;
	if (role_drops_lease(role) && was_given(rq, "generate_lease"))
		request_warn(cx, rq, "no_store_without_lease",
		    "no_store goes without leases: generate_lease is off");
	if (!role_check(role, cx->arena, e))
		return false;
	if (role_has_odd_oids(role))
		request_warn(cx, rq, "oid_left_out",
		    "an OID whose first number is over 2 cannot be encoded: certificates go without it");
	if (!slice_is(role->issuer_ref, "default") &&
	    catalog_find_issuer(mount, role->issuer_ref) == NULL)
		request_warn(cx, rq, "unknown_issuer_ref", "no issuer with that name");
	request_change(cx, rq, "role", rq->envelope.role, &role_schema, role);
	return true;
}

bool
role_write_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	struct role role;

	if (!request_admit(cx, rq, &mount, e) || !role_name_valid(rq->envelope.role, e))
		return false;
	role_defaults(&role);
	if (slice_is(mount->state.role_defaults, ROLE_DEFAULTS_CURRENT))
		role_defaults_current(&role);
	return role_store(cx, rq, mount, &role, e);
}

bool
role_delete_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	if (catalog_find_role(mount, rq->envelope.role) != NULL)
		request_change(cx, rq, "role", rq->envelope.role, NULL, NULL);
	return true;
}

static const struct catalog_role *
role_find(const struct catalog_mount *mount, const struct request *rq, struct err *e)
{
	const struct catalog_role *role = catalog_find_role(mount, rq->envelope.role);

	if (role == NULL)
		err_field(e, ERR_UNKNOWN_ROLE, "role", "mount \"%.*s\" has no role \"%.*s\"",
		    SLICE_FMT(mount->name), SLICE_FMT(rq->envelope.role));
	return role;
}

bool
role_patch_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	const struct catalog_role *old;
	struct role role;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	old = role_find(mount, rq, e);
	if (old == NULL)
		return false;
	role = old->role;
	return role_store(cx, rq, mount, &role, e);
}

bool
role_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	return request_admit(cx, rq, &mount, e) && role_find(mount, rq, e) != NULL;
}

/* "a,b,c" */
static void
list_join(struct slice_list list, struct buf *text)
{
	for (size_t i = 0; i < list.count; i++) {
		if (i > 0)
			buf_add_byte(text, ',');
		buf_add_slice(text, list.items[i]);
	}
}

/* Two maps become one. */
static MUST_USE bool
maps_join(const struct buf *first, const struct buf *second, struct writer *data, struct err *e)
{
	struct cursor cursors[] = { cursor_of(buf_slice(first)), cursor_of(buf_slice(second)) };
	uint32_t pairs[2];
	struct slice member;

	if (first->failed || second->failed || !cursor_map(&cursors[0], &pairs[0]) ||
	    !cursor_map(&cursors[1], &pairs[1]))
		return err_set(e, ERR_INTERNAL, "a role does not encode");
	writer_map(data, pairs[0] + pairs[1]);
	for (size_t i = 0; i < 2; i++)
		while (cursor_skip(&cursors[i], &member))
			writer_raw(data, member);
	return true;
}

/* The role's table, and the seed's names of what is called otherwise today. */
static MUST_USE bool
role_encode(const struct role *role, struct writer *data, struct err *e)
{
	struct buf text SCOPED_BUF = { 0 }, map SCOPED_BUF = { 0 }, old SCOPED_BUF = { 0 };
	struct role_names names = { .allow_base_domain = role->allow_bare_domains };

	buf_init(&text, ROLE_MAX);
	buf_init(&map, ROLE_MAX);
	buf_init(&old, ROLE_MAX);
	list_join(role->allowed_domains, &text);
	names.allowed_base_domain = buf_slice(&text);
	schema_encode(&role_schema, role, &(struct writer){ &map });
	schema_encode(&role_names_schema, &names, &(struct writer){ &old });
	return maps_join(&map, &old, data, e);
}

bool
role_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	const struct catalog_role *role = mount == NULL ? NULL : role_find(mount, rq, e);

	return role != NULL && role_encode(&role->role, data, e);
}

bool
role_list_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	return request_admit(cx, rq, &mount, e);
}

/* The first role behind that name. */
static size_t
role_after(const struct catalog_mount *mount, struct slice after)
{
	size_t i = 0;

	while (
	    after.len > 0 && i < mount->role_count && slice_cmp(mount->roles[i]->name, after) <= 0)
		i++;
	return i;
}

bool
role_list_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct page_params *params = rq->params;
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	struct page_answer answer = { .next = SLICE_NONE };
	size_t first, left;

	if (mount == NULL)
		return false;
	first = role_after(mount, params->after);
	left = mount->role_count - first;
	answer.keys.count = left < (size_t)params->limit ? left : (size_t)params->limit;
	answer.keys.items = arena_array(cx->arena, answer.keys.count, sizeof(struct slice));
	for (size_t i = 0; i < answer.keys.count; i++)
		answer.keys.items[i] = mount->roles[first + i]->name;
	if (left > answer.keys.count)
		answer.next = answer.keys.items[answer.keys.count - 1];
	schema_encode(&page_answer_schema, &answer, data);
	return true;
}
