#include "oid.h"
#include "role.h"
#include "role_text.h"

#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
#define TWO_HUNDRED "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const struct {
	const char *items[3];
	const char *oids; /* NULL: refused */
	const char *says;
} cases[] = {
	{ { NULL }, "", NULL },
	{ { "1.2.3" }, "1.2.3", NULL },
	{ { "1.2.3", " 2.23.140.1.2.1 " }, "1.2.3,2.23.140.1.2.1", NULL },
	{ { "{\"oid\":\"1.2.3\"}" }, "1.2.3", NULL },
	{ { "{\"oid\":\"1.2.3\",\"cps\":\"https://example.com\"}", "1.2.4" }, "1.2.3,1.2.4", NULL },
	{ { "[\"1.2.3\",{\"oid\":\"1.2.4\",\"notice\":\"f\\u00fcr dich\",\"cps\":\"https://x\"}]", "1.2.5" }, "1.2.3,1.2.4,1.2.5", NULL },
	{ { "{\"oid\":\"1.2.3\",\"notice\":\"\",\"cps\":null}" }, "1.2.3", NULL },
	{ { "[]" }, "", NULL },
	{ { "{\"oid\":\"1.2.3\",\"notice\":\"" TWO_HUNDRED "\"}" }, "1.2.3", NULL },
	{ { "1.2.x" }, NULL, "no OID" },
	{ { "4.3.2.1" }, NULL, "no OID" },
	{ { "" }, NULL, "no OID" },
	{ { "1.2.3", "1.2.3" }, NULL, "twice" },
	{ { "1.2.3", "[\"1.2.3\"]" }, NULL, "twice" },
	{ { "{\"oid\":\"1.2.3\"" }, NULL, "no JSON" },
	{ { "[\"1.2.3\"] x" }, NULL, "no JSON" },
	{ { "{\"oid\":\"1.2.3\",\"oid\":\"1.2.4\"}" }, NULL, "no JSON" },
	{ { "{\"cps\":\"https://x\"}" }, NULL, "no OID" },
	{ { "{\"oid\":7}" }, NULL, "no text" },
	{ { "{\"oid\":\"1.2.3\",\"cpsuri\":\"x\"}" }, NULL, "none of oid, cps and notice" },
	{ { "{\"oid\":\"1.2.3\",\"cps\":\"https://b\\u00fccher.de\"}" }, NULL, "no URI" },
	{ { "{\"oid\":\"1.2.3\",\"notice\":\"a\\nb\"}" }, NULL, "control character" },
	{ { "{\"oid\":\"1.2.3\",\"notice\":\"a\\u0000b\"}" }, NULL, "control character" },
	{ { "{\"oid\":\"1.2.3\",\"notice\":\"" TWO_HUNDRED "b\"}" }, NULL, "200 characters" },
	{ { "[1]" }, NULL, "neither" },
	{ { "[[\"1.2.3\"]]" }, NULL, "neither" },
};
/* clang-format on */

/* OpenSSL reads it, and writes it again as it was. */
static void
check_der(const char *name, struct slice der)
{
	const uint8_t *at = der.data;
	uint8_t *again = NULL;
	CERTIFICATEPOLICIES *policies = d2i_CERTIFICATEPOLICIES(NULL, &at, (long)der.len);
	int len;

	if (policies == NULL || at != der.data + der.len)
		fail_msg("%s: OpenSSL does not read it", name);
	len = i2d_CERTIFICATEPOLICIES(policies, &again);
	if (len < 0 || !slice_eq(der, slice_of(again, (size_t)len)))
		fail_msg("%s: OpenSSL would write it otherwise", name);
	OPENSSL_free(again);
	CERTIFICATEPOLICIES_free(policies);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct slice items[3];
		struct slice_list list = { items, 0 }, oids;
		struct slice der;
		struct err e = { 0 };
		const char *text = "";
		const char *name = cases[i].items[0] == NULL ? "none" : cases[i].items[0];
		bool ok;

		while (list.count < 3 && cases[i].items[list.count] != NULL) {
			items[list.count] = slice_text(cases[i].items[list.count]);
			list.count++;
		}
		ok = policies_encode(&list, &a, &der, &e);
		if (ok != (cases[i].oids != NULL))
			fail_msg("%s: %s", name, ok ? "was taken" : e.msg);
		if (!ok) {
			if (e.code != ERR_ROLE_INVALID ||
			    strcmp(e.field, "policy_identifiers") != 0 ||
			    strstr(e.msg, cases[i].says) == NULL)
				fail_msg("%s: came %s on %s: %s", name, err_name(e.code), e.field,
				    e.msg);
			continue;
		}
		oids = policies_oids(der, &a);
		for (size_t k = 0; k < oids.count; k++)
			text = arena_printf(&a, "%s%s%.*s", text, k == 0 ? "" : ",",
			    SLICE_FMT(oid_text(oids.items[k], &a)));
		assert_string_equal(text, cases[i].oids);
		assert_true((der.data == NULL) == (oids.count == 0));
		if (der.data != NULL)
			check_der(name, der);
	}
}

static void
qualifiers(void **state)
{
	static const char wanted[] =
	    "\x30\x2d\x30\x2b\x06\x02\x2a\x03\x30\x25"
	    "\x30\x10\x06\x08\x2b\x06\x01\x05\x05\x07\x02\x02\x30\x04\x0c\x02hi"
	    "\x30\x11\x06\x08\x2b\x06\x01\x05\x05\x07\x02\x01\x16\x05x:abc";
	struct arena a SCOPED_ARENA = { 0 };
	struct slice item = SLICE_LITERAL(
	    "{\"oid\":\"1.2.3\",\"cps\":\"x:abc\",\"notice\":\"hi\"}");
	struct slice der;
	struct err e;

	(void)state;
	assert_true(policies_encode(&(struct slice_list){ &item, 1 }, &a, &der, &e));
	assert_int_equal(der.len, sizeof(wanted) - 1);
	assert_memory_equal(der.data, wanted, der.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(qualifiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
