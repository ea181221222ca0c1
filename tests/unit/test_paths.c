#include "paths.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct good {
	enum verb verb;
	const char *path;
	enum op op;
	const char *mount, *role, *param, *value;
	enum show show;
};

/* clang-format off */
static const struct good goods[] = {
	{ VERB_WRITE,  "pki/config/ca",                                  OP_CA_SET,                   "pki",     NULL,              NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_WRITE,  "pki/config/ca/set",                              OP_CA_SET,                   "pki",     NULL,              NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_WRITE,  "pki/config/ca/generate/root/internal",           OP_CA_GENERATE_ROOT,         "pki",     NULL,              "exported", "internal", SHOW_DATA },
	{ VERB_WRITE,  "pki/config/ca/generate/root/exported",           OP_CA_GENERATE_ROOT,         "pki",     NULL,              "exported", "exported", SHOW_DATA },
	{ VERB_WRITE,  "root-ca/config/urls",                            OP_URLS_WRITE,               "root-ca", NULL,              NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_READ,   "pki/config/urls",                                OP_URLS_READ,                "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/config/crl",                                 OP_CRL_WRITE,                "pki",     NULL,              NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_READ,   "pki/config/crl",                                 OP_CRL_CONFIG_READ,          "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/roles/example-dot-com",                      OP_ROLE_WRITE,               "pki",     "example-dot-com", NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_READ,   "pki/roles/web",                                  OP_ROLE_READ,                "pki",     "web",             NULL,       NULL,       SHOW_DATA },
	{ VERB_DELETE, "pki/roles/web",                                  OP_ROLE_DELETE,              "pki",     "web",             NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_LIST,   "pki/roles",                                      OP_ROLE_LIST,                "pki",     NULL,              NULL,       NULL,       SHOW_PAGES },
	{ VERB_LIST,   "/pki/roles/",                                    OP_ROLE_LIST,                "pki",     NULL,              NULL,       NULL,       SHOW_PAGES },
	{ VERB_WRITE,  "pki/issue/web",                                  OP_ISSUE,                    "pki",     "web",             NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/sign/web",                                   OP_SIGN,                     "pki",     "web",             NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/revoke",                                     OP_REVOKE,                   "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_READ,   "pki/cert/crl",                                   OP_CERT_READ,                "pki",     NULL,              "serial",   "crl",      SHOW_DATA },
	{ VERB_READ,   "pki/cert/5e:62:eb",                              OP_CERT_READ,                "pki",     NULL,              "serial",   "5e:62:eb", SHOW_DATA },
	{ VERB_LIST,   "pki/certs",                                      OP_CERT_LIST,                "pki",     NULL,              NULL,       NULL,       SHOW_PAGES },
	{ VERB_READ,   "pki/ca",                                         OP_CA_READ,                  "pki",     NULL,              "format",   "der",      SHOW_DER },
	{ VERB_READ,   "pki/ca/pem",                                     OP_CA_READ,                  "pki",     NULL,              "format",   "pem",      SHOW_PEM },
	{ VERB_READ,   "pki/crl",                                        OP_CRL_READ,                 "pki",     NULL,              "format",   "der",      SHOW_DER },
	{ VERB_READ,   "pki/crl/pem",                                    OP_CRL_READ,                 "pki",     NULL,              "format",   "pem",      SHOW_PEM },
	{ VERB_READ,   "pki/crl/rotate",                                 OP_CRL_ROTATE,               "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/crl/rotate",                                 OP_CRL_ROTATE,               "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/config/ca/generate/intermediate/external",   OP_CA_GENERATE_INTERMEDIATE, "pki",     NULL,              "exported", "external", SHOW_DATA },
	{ VERB_WRITE,  "pki/config/ca/sign",                             OP_CA_SIGN,                  "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/sign-verbatim",                              OP_SIGN_VERBATIM,            "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/sign-verbatim/web",                          OP_SIGN_VERBATIM,            "pki",     "web",             NULL,       NULL,       SHOW_DATA },
	{ VERB_PATCH,  "pki/roles/web",                                  OP_ROLE_PATCH,               "pki",     "web",             NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_WRITE,  "pki/root/generate/internal",                     OP_CA_GENERATE_ROOT,         "pki",     NULL,              "exported", "internal", SHOW_DATA },
	{ VERB_WRITE,  "pki/intermediate/generate/internal",             OP_CA_GENERATE_INTERMEDIATE, "pki",     NULL,              "exported", "internal", SHOW_DATA },
	{ VERB_WRITE,  "pki/root/sign-intermediate",                     OP_CA_SIGN,                  "pki",     NULL,              NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/intermediate/set-signed",                    OP_CA_SET,                   "pki",     NULL,              NULL,       NULL,       SHOW_SUCCESS },
};

static const struct { enum verb verb; const char *path, *words; } bads[] = {
	{ VERB_READ,   "",                         "is no path" },
	{ VERB_READ,   "pki",                      "is no path" },
	{ VERB_READ,   "pki/",                     "is no path" },
	{ VERB_READ,   "pki//ca",                  "is no path" },
	{ VERB_READ,   "pki/a/b/c/d/e/f/g/h/i/j",  "is no path" },
	{ VERB_READ,   "pki/nothing",              "there is no path pki/nothing" },
	{ VERB_READ,   "pki/roles",                "there is no `read` on pki/roles" },
	{ VERB_LIST,   "pki/roles/web",            "there is no `list` on pki/roles/web" },
	{ VERB_DELETE, "pki/config/urls",          "there is no `delete` on" },
	{ VERB_WRITE,  "pki/roles/web/more",       "there is no path" },
	{ VERB_WRITE,  "pki/ca",                   "there is no `write` on pki/ca" },
	{ VERB_WRITE,  "pki/issue",                "there is no path" },
	{ VERB_PATCH,  "pki/config/urls",          "there is no `patch` on" },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
expect_text(const char *path, const char *what, const char *want, const char *came)
{
	if ((want == NULL) != (came == NULL) || (want != NULL && strcmp(want, came) != 0))
		fail_msg("%s: %s: expected %s, came %s", path, what, want == NULL ? "none" : want,
		    came == NULL ? "none" : came);
}

static void
paths_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *g = &goods[i];
		struct arena SCOPED_ARENA a = { 0 };
		struct route r;
		struct err e = { 0 };

		if (!route_find(g->verb, g->path, &a, &r, &e))
			fail_msg("%s: %s", g->path, e.msg);
		expect_text(g->path, "op", contracts[g->op].name, r.contract->name);
		expect_text(g->path, "mount", g->mount, r.mount);
		expect_text(g->path, "role", g->role, r.role);
		expect_text(g->path, "param", g->param, r.param);
		expect_text(g->path, "value", g->value, r.value);
		if (g->show != r.show)
			fail_msg(
			    "%s: expected show %d, came %d", g->path, (int)g->show, (int)r.show);
	}
}

static void
paths_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct route r;
		struct err e = { 0 };

		if (route_find(bads[i].verb, bads[i].path, &a, &r, &e))
			fail_msg("\"%s\" became %s", bads[i].path, r.contract->name);
		if (e.code != ERR_INVALID_VALUE || strstr(e.msg, bads[i].words) == NULL)
			fail_msg("\"%s\": expected \"%s\", came \"%s\"", bads[i].path,
			    bads[i].words, e.msg);
	}
}

/* The topics of libcertmill are those of the contract. */
static void
operations_have_topics(void **state)
{
	(void)state;
	for (size_t i = 0; i < OP_COUNT; i++) {
		enum certmill_topic topic = contract_topic(&contracts[i]);

		assert_string_equal(
		    certmill_topic_name(topic), topic_kind_names[contracts[i].topic]);
		assert_ptr_equal(contract_find(slice_text(contracts[i].name)), &contracts[i]);
	}
	assert_null(contract_find(SLICE_LITERAL("issu")));
	assert_null(contract_find(SLICE_LITERAL("")));
}

/* A person reaches every operation: by a path, or by a command that names the mount. */
static void
operations_are_reached(void **state)
{
	static const enum op commands[] = { OP_MOUNT_WRITE, OP_MOUNT_TUNE, OP_MOUNT_DELETE,
		OP_MOUNT_LIST, OP_STATUS };
	bool reached[OP_COUNT] = { false };
	const struct path *p;

	(void)state;
	for (size_t i = 0; i < COUNT(commands); i++)
		reached[commands[i]] = true;
	for (size_t i = 0; (p = path_at(i)) != NULL; i++)
		reached[p->op] = true;
	for (size_t i = 0; i < OP_COUNT; i++)
		if (!reached[i])
			fail_msg("no path leads to %s", contracts[i].name);
}

static const struct {
	const char *pattern, *path;
	enum path_match match;
} matches[] = {
	{ "roles/:role", "pki/roles/web", PATH_SAME },
	{ "roles/:role", "pki/roles/", PATH_BELOW },
	{ "roles/:role", "pki", PATH_BELOW },
	{ "roles/:role", "pki/roles/web/more", PATH_ELSEWHERE },
	{ "roles/:role", "pki/role", PATH_ELSEWHERE },
	{ "roles", "/pki/roles/", PATH_SAME },
	{ "roles", "", PATH_ELSEWHERE },
	{ "roles", "pki//roles", PATH_ELSEWHERE },
};

static void
paths_stand_to_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(matches); i++) {
		const struct path row = { .pattern = matches[i].pattern };

		if (path_match(&row, matches[i].path) != matches[i].match)
			fail_msg("%s to %s: %d", matches[i].path, matches[i].pattern,
			    (int)path_match(&row, matches[i].path));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_known),
		cmocka_unit_test(paths_are_refused),
		cmocka_unit_test(operations_have_topics),
		cmocka_unit_test(operations_are_reached),
		cmocka_unit_test(paths_stand_to_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
