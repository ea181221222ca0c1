#include "paths.h"

#define PATH_PARTS_MAX 8

/* A part of a pattern that begins with ':' takes what stands in its place: the role, or the parameter of that name. */
struct row {
	enum verb verb;
	const char *pattern;
	enum certmill_topic topic;
	const char *op;
	enum show show;
	const char *param, *value; /* a parameter that the path means */
	const char *field;
};

/* clang-format off */
static const struct row rows[] = {
	{ VERB_WRITE,  "config/ca",                         CERTMILL_CONFIG, "ca/set",           SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/set",                     CERTMILL_CONFIG, "ca/set",           SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/generate/root/:exported", CERTMILL_CONFIG, "ca/generate/root", SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/urls",                       CERTMILL_CONFIG, "urls/write",       SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "config/urls",                       CERTMILL_QUERY,  "urls/read",        SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/crl",                        CERTMILL_CONFIG, "crl/write",        SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "config/crl",                        CERTMILL_QUERY,  "crl/config/read",  SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "roles/:role",                       CERTMILL_CONFIG, "role/write",       SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "roles/:role",                       CERTMILL_QUERY,  "role/read",        SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_DELETE, "roles/:role",                       CERTMILL_CONFIG, "role/delete",      SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_LIST,   "roles",                             CERTMILL_QUERY,  "role/list",        SHOW_PAGES,   NULL, NULL, NULL },
	{ VERB_WRITE,  "issue/:role",                       CERTMILL_ISSUE,  "issue",            SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "sign/:role",                        CERTMILL_SIGN,   "sign",             SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "revoke",                            CERTMILL_REVOKE, "revoke",           SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_READ,   "cert/:serial",                      CERTMILL_QUERY,  "cert/read",        SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_LIST,   "certs",                             CERTMILL_QUERY,  "cert/list",        SHOW_PAGES,   NULL, NULL, NULL },
	{ VERB_READ,   "ca",                                CERTMILL_QUERY,  "ca/read",          SHOW_DER,     "format", "der", "certificate" },
	{ VERB_READ,   "ca/pem",                            CERTMILL_QUERY,  "ca/read",          SHOW_PEM,     "format", "pem", "certificate" },
	{ VERB_READ,   "crl",                               CERTMILL_QUERY,  "crl/read",         SHOW_DER,     "format", "der", "crl" },
	{ VERB_READ,   "crl/pem",                           CERTMILL_QUERY,  "crl/read",         SHOW_PEM,     "format", "pem", "crl" },
	{ VERB_READ,   "crl/rotate",                        CERTMILL_REVOKE, "crl/rotate",       SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "crl/rotate",                        CERTMILL_REVOKE, "crl/rotate",       SHOW_DATA,    NULL, NULL, NULL },
};

/* operations that have commands of their own */
static const struct { const char *op; enum certmill_topic topic; } more[] = {
	{ "mount/write", CERTMILL_CONFIG },
	{ "mount/list",  CERTMILL_QUERY },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const verb_names[] = {
	[VERB_READ] = "read",
	[VERB_WRITE] = "write",
	[VERB_LIST] = "list",
	[VERB_DELETE] = "delete",
};

/* Splits at '/'. Slashes at both ends do not count; an empty part between them does not pass. */
static size_t
path_split(struct slice path, struct slice parts[static PATH_PARTS_MAX])
{
	const uint8_t *at = path.data, *end = path.data + path.len;
	size_t count = 0;

	while (at < end && *at == '/')
		at++;
	while (end > at && end[-1] == '/')
		end--;
	while (at < end) {
		const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
		const uint8_t *stop = slash == NULL ? end : slash;

		if (stop == at || count == PATH_PARTS_MAX)
			return 0;
		parts[count++] = slice_of(at, (size_t)(stop - at));
		at = slash == NULL ? end : slash + 1;
	}
	return count;
}

static bool
row_matches(const struct row *row, const struct slice *parts, size_t count)
{
	struct slice pattern[PATH_PARTS_MAX];

	if (path_split(slice_text(row->pattern), pattern) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (pattern[i].data[0] != ':' && !slice_eq(pattern[i], parts[i]))
			return false;
	return true;
}

/* Rows without a placeholder stand before or beside those with one, and never match the same path: the first is the one. */
static const struct row *
row_find(enum verb verb, const struct slice *parts, size_t count, bool *ret_other_verb)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!row_matches(&rows[i], parts, count))
			continue;
		if (rows[i].verb == verb)
			return &rows[i];
		*ret_other_verb = true;
	}
	return NULL;
}

static void
row_fill(const struct row *row, const struct slice *parts, size_t count, struct arena *a,
    struct route *ret)
{
	struct slice pattern[PATH_PARTS_MAX];

	(void)path_split(slice_text(row->pattern), pattern);
	*ret = (struct route){
		.topic = row->topic,
		.show = row->show,
		.op = row->op,
		.param = row->param,
		.value = row->value,
		.field = row->field,
	};
	for (size_t i = 0; i < count; i++) {
		if (slice_is(pattern[i], ":role")) {
			ret->role = arena_text(a, parts[i]);
		} else if (pattern[i].data[0] == ':') {
			ret->param = arena_text(
			    a, slice_of(pattern[i].data + 1, pattern[i].len - 1));
			ret->value = arena_text(a, parts[i]);
		}
	}
}

bool
route_find(enum verb verb, const char *path, struct arena *a, struct route *ret, struct err *e)
{
	struct slice parts[PATH_PARTS_MAX];
	size_t count = path_split(slice_text(path), parts);
	bool other_verb = false;
	const struct row *row;

	if (count < 2)
		return err_set(e, ERR_INVALID_VALUE,
		    "\"%.80s\" is no path: they begin with a mount, as in pki/roles/web", path);
	row = row_find(verb, parts + 1, count - 1, &other_verb);
	if (row == NULL && other_verb)
		return err_set(
		    e, ERR_INVALID_VALUE, "there is no `%s` on %.80s", verb_names[verb], path);
	if (row == NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "there is no path %.80s: certmill --help lists them", path);
	row_fill(row, parts + 1, count - 1, a, ret);
	ret->mount = arena_text(a, parts[0]);
	return true;
}

bool
route_topic(const char *op, enum certmill_topic *ret)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].op, op) == 0) {
			*ret = rows[i].topic;
			return true;
		}
	}
	for (size_t i = 0; i < COUNT(more); i++) {
		if (strcmp(more[i].op, op) == 0) {
			*ret = more[i].topic;
			return true;
		}
	}
	return false;
}

void
routes_print(FILE *out)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "MOUNT/%s", rows[i].pattern);
		fprintf(out, "  %-6s  %-40s %s\n", verb_names[rows[i].verb], path, rows[i].op);
	}
}
