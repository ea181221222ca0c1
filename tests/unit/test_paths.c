#include "paths.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct good {
	enum verb verb;
	const char *path;
	enum certmill_topic topic;
	const char *op, *mount, *role, *param, *value;
	enum show show;
};

/* clang-format off */
static const struct good goods[] = {
	{ VERB_WRITE,  "pki/config/ca",                         CERTMILL_CONFIG, "ca/set",           "pki", NULL,    NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_WRITE,  "pki/config/ca/set",                     CERTMILL_CONFIG, "ca/set",           "pki", NULL,    NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_WRITE,  "pki/config/ca/generate/root/internal",  CERTMILL_CONFIG, "ca/generate/root", "pki", NULL,    "exported", "internal", SHOW_DATA },
	{ VERB_WRITE,  "pki/config/ca/generate/root/exported",  CERTMILL_CONFIG, "ca/generate/root", "pki", NULL,    "exported", "exported", SHOW_DATA },
	{ VERB_WRITE,  "root-ca/config/urls",                   CERTMILL_CONFIG, "urls/write",       "root-ca", NULL, NULL,      NULL,       SHOW_SUCCESS },
	{ VERB_READ,   "pki/config/urls",                       CERTMILL_QUERY,  "urls/read",        "pki", NULL,    NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/config/crl",                        CERTMILL_CONFIG, "crl/write",        "pki", NULL,    NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_READ,   "pki/config/crl",                        CERTMILL_QUERY,  "crl/config/read",  "pki", NULL,    NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/roles/example-dot-com",             CERTMILL_CONFIG, "role/write",       "pki", "example-dot-com", NULL, NULL,   SHOW_SUCCESS },
	{ VERB_READ,   "pki/roles/web",                         CERTMILL_QUERY,  "role/read",        "pki", "web",   NULL,       NULL,       SHOW_DATA },
	{ VERB_DELETE, "pki/roles/web",                         CERTMILL_CONFIG, "role/delete",      "pki", "web",   NULL,       NULL,       SHOW_SUCCESS },
	{ VERB_LIST,   "pki/roles",                             CERTMILL_QUERY,  "role/list",        "pki", NULL,    NULL,       NULL,       SHOW_PAGES },
	{ VERB_LIST,   "/pki/roles/",                           CERTMILL_QUERY,  "role/list",        "pki", NULL,    NULL,       NULL,       SHOW_PAGES },
	{ VERB_WRITE,  "pki/issue/web",                         CERTMILL_ISSUE,  "issue",            "pki", "web",   NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/sign/web",                          CERTMILL_SIGN,   "sign",             "pki", "web",   NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/revoke",                            CERTMILL_REVOKE, "revoke",           "pki", NULL,    NULL,       NULL,       SHOW_DATA },
	{ VERB_READ,   "pki/cert/crl",                          CERTMILL_QUERY,  "cert/read",        "pki", NULL,    "serial",   "crl",      SHOW_DATA },
	{ VERB_READ,   "pki/cert/5e:62:eb",                     CERTMILL_QUERY,  "cert/read",        "pki", NULL,    "serial",   "5e:62:eb", SHOW_DATA },
	{ VERB_LIST,   "pki/certs",                             CERTMILL_QUERY,  "cert/list",        "pki", NULL,    NULL,       NULL,       SHOW_PAGES },
	{ VERB_READ,   "pki/ca",                                CERTMILL_QUERY,  "ca/read",          "pki", NULL,    "format",   "der",      SHOW_DER },
	{ VERB_READ,   "pki/ca/pem",                            CERTMILL_QUERY,  "ca/read",          "pki", NULL,    "format",   "pem",      SHOW_PEM },
	{ VERB_READ,   "pki/crl",                               CERTMILL_QUERY,  "crl/read",         "pki", NULL,    "format",   "der",      SHOW_DER },
	{ VERB_READ,   "pki/crl/pem",                           CERTMILL_QUERY,  "crl/read",         "pki", NULL,    "format",   "pem",      SHOW_PEM },
	{ VERB_READ,   "pki/crl/rotate",                        CERTMILL_REVOKE, "crl/rotate",       "pki", NULL,    NULL,       NULL,       SHOW_DATA },
	{ VERB_WRITE,  "pki/crl/rotate",                        CERTMILL_REVOKE, "crl/rotate",       "pki", NULL,    NULL,       NULL,       SHOW_DATA },
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
		expect_text(g->path, "op", g->op, r.op);
		expect_text(g->path, "mount", g->mount, r.mount);
		expect_text(g->path, "role", g->role, r.role);
		expect_text(g->path, "param", g->param, r.param);
		expect_text(g->path, "value", g->value, r.value);
		expect_text(
		    g->path, "topic", certmill_topic_name(g->topic), certmill_topic_name(r.topic));
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
			fail_msg("\"%s\" became %s", bads[i].path, r.op);
		if (e.code != ERR_INVALID_VALUE || strstr(e.msg, bads[i].words) == NULL)
			fail_msg("\"%s\": expected \"%s\", came \"%s\"", bads[i].path,
			    bads[i].words, e.msg);
	}
}

/* Every operation that a path has finds its topic by name, too. */
static void
operations_have_topics(void **state)
{
	enum certmill_topic topic;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++)
		if (!route_topic(goods[i].op, &topic) || topic != goods[i].topic)
			fail_msg("%s: no topic, or another", goods[i].op);
	assert_true(route_topic("mount/write", &topic));
	assert_int_equal(topic, CERTMILL_CONFIG);
	assert_true(route_topic("mount/list", &topic));
	assert_int_equal(topic, CERTMILL_QUERY);
	assert_false(route_topic("mount/nothing", &topic));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_known),
		cmocka_unit_test(paths_are_refused),
		cmocka_unit_test(operations_have_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
