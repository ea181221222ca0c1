#include "paths.h"

#define PATH_PARTS_MAX 8

/* clang-format off */
static const struct path rows[] = {
	{ VERB_WRITE,  "config/ca",                                 OP_CA_SET,                   SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/set",                             OP_CA_SET,                   SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/generate/root/:exported",         OP_CA_GENERATE_ROOT,         SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/generate/intermediate/:exported", OP_CA_GENERATE_INTERMEDIATE, SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/ca/sign",                            OP_CA_SIGN,                  SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/urls",                               OP_URLS_WRITE,               SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "config/urls",                               OP_URLS_READ,                SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "config/crl",                                OP_CRL_WRITE,                SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "config/crl",                                OP_CRL_CONFIG_READ,          SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "roles/:role",                               OP_ROLE_WRITE,               SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_PATCH,  "roles/:role",                               OP_ROLE_PATCH,               SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_READ,   "roles/:role",                               OP_ROLE_READ,                SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_DELETE, "roles/:role",                               OP_ROLE_DELETE,              SHOW_SUCCESS, NULL, NULL, NULL },
	{ VERB_LIST,   "roles",                                     OP_ROLE_LIST,                SHOW_PAGES,   NULL, NULL, NULL },
	{ VERB_WRITE,  "issue/:role",                               OP_ISSUE,                    SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "sign/:role",                                OP_SIGN,                     SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "sign-verbatim",                             OP_SIGN_VERBATIM,            SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "sign-verbatim/:role",                       OP_SIGN_VERBATIM,            SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "revoke",                                    OP_REVOKE,                   SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_READ,   "cert/:serial",                              OP_CERT_READ,                SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_LIST,   "certs",                                     OP_CERT_LIST,                SHOW_PAGES,   NULL, NULL, NULL },
	{ VERB_READ,   "ca",                                        OP_CA_READ,                  SHOW_DER,     "format", "der", "certificate" },
	{ VERB_READ,   "ca/pem",                                    OP_CA_READ,                  SHOW_PEM,     "format", "pem", "certificate" },
	{ VERB_READ,   "crl",                                       OP_CRL_READ,                 SHOW_DER,     "format", "der", "crl" },
	{ VERB_READ,   "crl/pem",                                   OP_CRL_READ,                 SHOW_PEM,     "format", "pem", "crl" },
	{ VERB_READ,   "crl/rotate",                                OP_CRL_ROTATE,               SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "crl/rotate",                                OP_CRL_ROTATE,               SHOW_DATA,    NULL, NULL, NULL },
	/* what Vault calls some of them today */
	{ VERB_WRITE,  "root/generate/:exported",                   OP_CA_GENERATE_ROOT,         SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "root/sign-intermediate",                    OP_CA_SIGN,                  SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "intermediate/generate/:exported",           OP_CA_GENERATE_INTERMEDIATE, SHOW_DATA,    NULL, NULL, NULL },
	{ VERB_WRITE,  "intermediate/set-signed",                   OP_CA_SET,                   SHOW_SUCCESS, NULL, NULL, NULL },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const verb_names[] = {
	[VERB_READ] = "read",
	[VERB_WRITE] = "write",
	[VERB_PATCH] = "patch",
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

static enum path_match
row_match(const struct path *row, const struct slice *parts, size_t count)
{
	struct slice pattern[PATH_PARTS_MAX];
	size_t pattern_count = path_split(slice_text(row->pattern), pattern);

	if (pattern_count < count)
		return PATH_ELSEWHERE;
	for (size_t i = 0; i < count; i++)
		if (pattern[i].data[0] != ':' && !slice_eq(pattern[i], parts[i]))
			return PATH_ELSEWHERE;
	return pattern_count == count ? PATH_SAME : PATH_BELOW;
}

enum path_match
path_match(const struct path *row, const char *path)
{
	struct slice parts[PATH_PARTS_MAX];
	size_t count = path_split(slice_text(path), parts);

	return count == 0 ? PATH_ELSEWHERE : row_match(row, parts + 1, count - 1);
}

const struct path *
path_at(size_t i)
{
	return i < COUNT(rows) ? &rows[i] : NULL;
}

const char *
verb_name(enum verb verb)
{
	return verb_names[verb];
}

/* Rows without a placeholder stand before or beside those with one, and never match the same path: the first is the one. */
static const struct path *
row_find(enum verb verb, const struct slice *parts, size_t count, bool *ret_other_verb)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (row_match(&rows[i], parts, count) != PATH_SAME)
			continue;
		if (rows[i].verb == verb)
			return &rows[i];
		*ret_other_verb = true;
	}
	return NULL;
}

static void
row_fill(const struct path *row, const struct slice *parts, size_t count, struct arena *a,
    struct route *ret)
{
	struct slice pattern[PATH_PARTS_MAX];

	(void)path_split(slice_text(row->pattern), pattern);
	*ret = (struct route){
		.contract = &contracts[row->op],
		.show = row->show,
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
	const struct path *row;

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

/* The client's enum is libcertmill's, which programs are written against. */
_Static_assert((int)CERTMILL_ISSUE == TOPIC_ISSUE && (int)CERTMILL_SIGN == TOPIC_SIGN &&
	(int)CERTMILL_REVOKE == TOPIC_REVOKE && (int)CERTMILL_CONFIG == TOPIC_CONFIG &&
	(int)CERTMILL_QUERY == TOPIC_QUERY && (int)CERTMILL_TOPICS == TOPIC_KINDS,
    "one list of topics");

enum certmill_topic
contract_topic(const struct contract *c)
{
	return (enum certmill_topic)c->topic;
}

void
routes_print(FILE *out)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "MOUNT/%s", rows[i].pattern);
		fprintf(out, "  %-6s  %-47s %s\n", verb_names[rows[i].verb], path,
		    contracts[rows[i].op].name);
	}
}
