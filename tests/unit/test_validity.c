#include "validity.h"

#include "schema.h"
#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#define NOW  ((int64_t)1700000000)
#define YEAR ((int64_t)365 * 86400)

/* clang-format off */
static const struct {
	const char *name;
	int64_t asked, role_ttl, role_max, mount_default, mount_max;
	int64_t issuer_from, issuer_until; /* from now */
	enum outlive outlive;
	int64_t lasts, begins, capped_to; /* from now; lasts 0: refused */
	bool truncated;
	const char *field, *says;
} cases[] = {
	{ "the request's", 600, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 600, -30, 0, false, NULL, NULL },
	{ "the request's over the role's", 600, 1800, 0, 7200, 10800, -YEAR, YEAR, 0, 600, -30, 0, false, NULL, NULL },
	{ "the role's", SCHEMA_ABSENT, 1800, 0, 7200, 10800, -YEAR, YEAR, 0, 1800, -30, 0, false, NULL, NULL },
	{ "0 is not asked for", 0, 1800, 0, 7200, 10800, -YEAR, YEAR, 0, 1800, -30, 0, false, NULL, NULL },
	{ "the mount's default", SCHEMA_ABSENT, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 7200, -30, 0, false, NULL, NULL },
	{ "the mount's maximum when it has no default", SCHEMA_ABSENT, 0, 0, 0, 10800, -YEAR, YEAR, 0, 10800, -30, 0, false, NULL, NULL },
	{ "capped by the role", 20000, 0, 3600, 7200, 10800, -YEAR, YEAR, 0, 3600, -30, 3600, false, NULL, NULL },
	{ "exactly the role's maximum", 3600, 0, 3600, 7200, 10800, -YEAR, YEAR, 0, 3600, -30, 0, false, NULL, NULL },
	{ "the role's maximum beats the mount's", 20000, 0, 14400, 7200, 10800, -YEAR, YEAR, 0, 14400, -30, 14400, false, NULL, NULL },
	{ "capped by the mount", 20000, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 10800, -30, 10800, false, NULL, NULL },
	{ "exactly the mount's maximum", 10800, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 10800, -30, 0, false, NULL, NULL },
	{ "one second over it", 10801, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 10800, -30, 10800, false, NULL, NULL },
	{ "the mount's default over the role's maximum", SCHEMA_ABSENT, 0, 3600, 7200, 10800, -YEAR, YEAR, 0, 3600, -30, 3600, false, NULL, NULL },
	{ "the mount's default under the role's maximum", SCHEMA_ABSENT, 0, 14400, 7200, 10800, -YEAR, YEAR, 0, 7200, -30, 0, false, NULL, NULL },
	{ "the role's ttl over the mount's maximum", SCHEMA_ABSENT, 20000, 0, 7200, 10800, -YEAR, YEAR, 0, 10800, -30, 10800, false, NULL, NULL },
	{ "one second", 1, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 1, -30, 0, false, NULL, NULL },
	{ "a century", TIMESPAN_MAX, 0, TIMESPAN_MAX, 7200, 10800, -YEAR, TIMESPAN_MAX, 0, TIMESPAN_MAX, -30, 0, false, NULL, NULL },
	{ "negative", -1, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 0, 0, 0, false, "ttl", "negative" },
	{ "most negative", INT64_MIN + 1, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 0, 0, 0, false, "ttl", "negative" },
	{ "over a century", TIMESPAN_MAX + 1, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 0, 0, 0, false, "ttl", "100 years" },
	{ "most positive", INT64_MAX, 0, 0, 7200, 10800, -YEAR, YEAR, 0, 0, 0, 0, false, "ttl", "100 years" },
	{ "nobody says anything", SCHEMA_ABSENT, 0, 0, 0, 0, -YEAR, YEAR, 0, 0, 0, 0, false, "", "usable lifetime" },
	{ "a role that is absurd", SCHEMA_ABSENT, INT64_MAX, 0, 0, 0, -YEAR, YEAR, 0, 0, 0, 0, false, "", "usable lifetime" },
	{ "ends with the CA", 3600, 0, 0, 7200, 10800, -YEAR, 3600, 0, 3600, -30, 0, false, NULL, NULL },
	{ "one second past the CA", 3601, 0, 0, 7200, 10800, -YEAR, 3600, 0, 0, 0, 0, false, "ttl", "at most 3600" },
	{ "the default past the CA", SCHEMA_ABSENT, 0, 0, 7200, 10800, -YEAR, 3600, 0, 0, 0, 0, false, "ttl", "outlive the CA" },
	{ "the cap saves it from the CA", 7200, 0, 600, 7200, 10800, -YEAR, 3600, 0, 600, -30, 600, false, NULL, NULL },
	{ "truncated at the CA", 7200, 0, 0, 7200, 10800, -YEAR, 300, OUTLIVE_TRUNCATE, 300, -30, 0, true, NULL, NULL },
	{ "nothing to truncate", 60, 0, 0, 7200, 10800, -YEAR, 300, OUTLIVE_TRUNCATE, 60, -30, 0, false, NULL, NULL },
	{ "permitted past the CA", 7200, 0, 0, 7200, 10800, -YEAR, 300, OUTLIVE_PERMIT, 7200, -30, 0, false, NULL, NULL },
	{ "the CA's last second", 1, 0, 0, 7200, 10800, -YEAR, 0, 0, 0, 0, 0, false, "ttl", "outlive" },
	{ "the CA has expired", 1, 0, 0, 7200, 10800, -YEAR, -1, 0, 0, 0, 0, false, "", "expired at 2023-11-14T22:13:19Z" },
	{ "expired, truncate", 1, 0, 0, 7200, 10800, -YEAR, -1, OUTLIVE_TRUNCATE, 0, 0, 0, false, "", "expired" },
	{ "expired, permit", 1, 0, 0, 7200, 10800, -YEAR, -1, OUTLIVE_PERMIT, 0, 0, 0, false, "", "expired" },
	{ "the CA is not valid yet", 1, 0, 0, 7200, 10800, 1, YEAR, 0, 0, 0, 0, false, "", "not valid before" },
	{ "the CA begins now", 60, 0, 0, 7200, 10800, 0, YEAR, 0, 60, 0, 0, false, NULL, NULL },
	{ "the CA began 10 seconds ago", 60, 0, 0, 7200, 10800, -10, YEAR, 0, 60, -10, 0, false, NULL, NULL },
	{ "the CA began 30 seconds ago", 60, 0, 0, 7200, 10800, -30, YEAR, 0, 60, -30, 0, false, NULL, NULL },
};
/* clang-format on */

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct validity_input in = { .asked = cases[i].asked,
			.role_ttl = cases[i].role_ttl,
			.role_max_ttl = cases[i].role_max,
			.mount_default_ttl = cases[i].mount_default,
			.mount_max_ttl = cases[i].mount_max,
			.issuer_not_before = NOW + cases[i].issuer_from,
			.issuer_not_after = NOW + cases[i].issuer_until,
			.outlive = cases[i].outlive,
			.now = NOW };
		struct validity v = { 0 };
		struct err e = { 0 };
		bool ok = validity_decide(&in, &v, &e);

		if (ok != (cases[i].lasts != 0))
			fail_msg("%s: expected it to be %s, got: %s", cases[i].name,
			    ok ? "refused" : "decided", ok ? "decided" : e.msg);
		if (!ok) {
			if (e.code != ERR_TTL_NOT_ALLOWED || strcmp(e.field, cases[i].field) != 0 ||
			    strstr(e.msg, cases[i].says) == NULL)
				fail_msg("%s: expected \"%s\" on \"%s\", got %s on \"%s\": %s",
				    cases[i].name, cases[i].says, cases[i].field, err_name(e.code),
				    e.field, e.msg);
			continue;
		}
		if (v.not_after - NOW != cases[i].lasts || v.not_before - NOW != cases[i].begins ||
		    v.capped_to != cases[i].capped_to || v.truncated != cases[i].truncated)
			fail_msg("%s: got %lld to %lld, capped to %lld, truncated %d",
			    cases[i].name, (long long)(v.not_before - NOW),
			    (long long)(v.not_after - NOW), (long long)v.capped_to, v.truncated);
	}
}

static void
a_root_has_no_issuer(void **state)
{
	const struct validity_input in = { .asked = 3600, .self_signed = true, .now = NOW };
	struct validity v = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_true(validity_decide(&in, &v, &e));
	assert_int_equal(v.not_after, NOW + 3600);
	assert_int_equal(v.not_before, NOW - VALIDITY_BACKDATE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(a_root_has_no_issuer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
