#include "identity.h"

#define TEMPLATE_TEXT_MAX ((size_t)16 * 1024)

/* ---- reading ---- */

static bool
refuse(const char *what, struct err *e)
{
	return err_field(e, ERR_WRONG_TYPE, "identity", "the identity's %s", what);
}

/* The field to blame is the envelope's. */
static MUST_USE bool
body_read(const struct schema *s, struct slice map, struct arena *a, void *ret, struct err *e)
{
	struct err why;
	uint64_t seen;

	return schema_decode(s, map, a, ret, &seen, &why) ||
	    err_field(e, why.code, "identity", "identity: %s", why.msg);
}

static MUST_USE bool
check_texts(struct slice map, const char *fault, struct err *e)
{
	struct cursor c = cursor_of(map);
	struct slice key, value;
	uint32_t pairs = 0;

	if (map.data == NULL)
		return true;
	if (!cursor_map(&c, &pairs))
		return refuse(fault, e);
	for (; pairs > 0; pairs--)
		if (!cursor_text(&c, &key) || !cursor_text(&c, &value))
			return refuse(fault, e);
	return true;
}

static MUST_USE bool
alias_read(struct slice map, struct arena *a, struct alias_body *ret, struct err *e)
{
	static const char fault[] = "aliases have metadata that is not text by text";

	*ret = (struct alias_body){ 0 };
	return body_read(&alias_schema, map, a, ret, e) && check_texts(ret->metadata, fault, e) &&
	    check_texts(ret->custom_metadata, fault, e);
}

static MUST_USE bool
check_aliases(struct slice map, struct arena *a, struct err *e)
{
	struct cursor c = cursor_of(map);
	struct alias_body alias;
	struct slice accessor, value;
	uint32_t pairs = 0;

	if (map.data == NULL)
		return true;
	if (!cursor_map(&c, &pairs))
		return refuse("aliases are no map", e);
	for (; pairs > 0; pairs--) {
		if (!cursor_text(&c, &accessor) || !cursor_skip(&c, &value))
			return refuse("aliases are not by text", e);
		if (!alias_read(value, a, &alias, e))
			return false;
	}
	return true;
}

bool
identity_read(struct slice map, struct arena *a, struct identity_body *ret, struct err *e)
{
	*ret = (struct identity_body){ 0 };
	return body_read(&identity_schema, map, a, ret, e) &&
	    check_texts(ret->metadata, "metadata is not text by text", e) &&
	    check_aliases(ret->aliases, a, e);
}

/* ---- templates ---- */

/* What stands between the next "{{" and "}}", without blanks; false when there is none. */
static bool
next_part(
    struct slice text, struct slice *ret_before, struct slice *ret_path, struct slice *ret_rest)
{
	const uint8_t *open = text.len == 0 ? NULL : memmem(text.data, text.len, "{{", 2);
	const uint8_t *end = text.data + text.len, *close;

	if (open == NULL)
		return false;
	close = memmem(open + 2, (size_t)(end - open - 2), "}}", 2);
	if (close == NULL)
		return false;
	*ret_before = slice_of(text.data, (size_t)(open - text.data));
	*ret_path = slice_of(open + 2, (size_t)(close - open - 2));
	*ret_rest = slice_of(close + 2, (size_t)(end - close - 2));
	while (ret_path->len > 0 && ret_path->data[0] == ' ')
		*ret_path = slice_of(ret_path->data + 1, ret_path->len - 1);
	while (ret_path->len > 0 && ret_path->data[ret_path->len - 1] == ' ')
		ret_path->len--;
	return true;
}

bool
template_is(struct slice text)
{
	struct slice before, path, rest;

	return next_part(text, &before, &path, &rest);
}

/* Takes `prefix` off the path. */
static bool
path_skip(struct slice *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (path->len <= len || memcmp(path->data, prefix, len) != 0)
		return false;
	*path = slice_of(path->data + len, path->len - len);
	return true;
}

/* The raw value of that key, absent when there is none. */
static struct slice
map_find(struct slice map, struct slice key)
{
	struct cursor c = cursor_of(map);
	struct slice name, value;
	uint32_t pairs = 0;

	if (map.data == NULL || !cursor_map(&c, &pairs))
		return SLICE_NONE;
	for (; pairs > 0; pairs--) {
		if (!cursor_text(&c, &name) || !cursor_skip(&c, &value))
			return SLICE_NONE;
		if (slice_eq(name, key))
			return value;
	}
	return SLICE_NONE;
}

static struct slice
map_text(struct slice map, struct slice key)
{
	struct cursor c = cursor_of(map_find(map, key));
	struct slice text;

	return c.at != NULL && cursor_text(&c, &text) ? text : SLICE_NONE;
}

static struct slice
alias_value(struct slice aliases, struct slice path, struct arena *a)
{
	const uint8_t *dot = memchr(path.data, '.', path.len);
	struct alias_body alias;
	struct slice value;
	struct err ignored;

	if (dot == NULL)
		return SLICE_NONE;
	value = map_find(aliases, slice_of(path.data, (size_t)(dot - path.data)));
	if (value.data == NULL || !alias_read(value, a, &alias, &ignored))
		return SLICE_NONE;
	path = slice_of(dot + 1, path.len - (size_t)(dot + 1 - path.data));
	if (slice_is(path, "name"))
		return alias.name;
	if (slice_is(path, "id"))
		return alias.id;
	if (path_skip(&path, "metadata."))
		return map_text(alias.metadata, path);
	if (path_skip(&path, "custom_metadata."))
		return map_text(alias.custom_metadata, path);
	return SLICE_NONE;
}

static struct slice
path_value(struct slice path, const struct identity_body *identity, struct arena *a)
{
	if (!path_skip(&path, "identity.entity."))
		return SLICE_NONE;
	if (slice_is(path, "id"))
		return identity->entity_id;
	if (slice_is(path, "name"))
		return identity->name;
	if (path_skip(&path, "metadata."))
		return map_text(identity->metadata, path);
	if (path_skip(&path, "aliases."))
		return alias_value(identity->aliases, path, a);
	return SLICE_NONE;
}

static bool
alias_path_valid(struct slice path)
{
	const uint8_t *dot = memchr(path.data, '.', path.len);

	if (dot == NULL || dot == path.data)
		return false;
	path = slice_of(dot + 1, path.len - (size_t)(dot + 1 - path.data));
	return slice_is(path, "name") || slice_is(path, "id") || path_skip(&path, "metadata.") ||
	    path_skip(&path, "custom_metadata.");
}

static bool
path_valid(struct slice path)
{
	if (!path_skip(&path, "identity.entity."))
		return false;
	if (slice_is(path, "id") || slice_is(path, "name") || path_skip(&path, "metadata."))
		return true;
	return path_skip(&path, "aliases.") && alias_path_valid(path);
}

bool
template_valid(struct slice text)
{
	struct slice before, path, rest = text;

	while (next_part(rest, &before, &path, &rest))
		if (!path_valid(path))
			return false;
	return rest.len == 0 ||
	    (memmem(rest.data, rest.len, "{{", 2) == NULL &&
		memmem(rest.data, rest.len, "}}", 2) == NULL);
}

bool
template_fill(struct slice text, const struct identity_body *identity, bool globs, struct arena *a,
    struct slice *ret)
{
	struct slice before, path, rest = text;
	struct buf out SCOPED_BUF = { 0 };

	*ret = text;
	if (identity == NULL || identity->entity_id.len == 0)
		return true;
	buf_init(&out, TEMPLATE_TEXT_MAX);
	while (next_part(rest, &before, &path, &rest)) {
		struct slice value = path_value(path, identity, a);

		if (value.len == 0 || (!globs && memchr(value.data, '*', value.len) != NULL))
			return false;
		buf_add_slice(&out, before);
		buf_add_slice(&out, value);
	}
	buf_add_slice(&out, rest);
	*ret = arena_copy(a, buf_slice(&out));
	return !out.failed;
}
