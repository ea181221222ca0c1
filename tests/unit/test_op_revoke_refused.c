/* revoke: what is refused, and what has been revoked, or is over, already. */
#include "claim.h"
#include "scoped_openssl.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "revoke_kit.h"

static void
test_refused(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	const char *serial = text_of(w, leaf, "serial");
	const char *pem = text_of(w, leaf, "certificate");
	const char *root = text_of(w, world_do(w, ASK("ca/read")), "certificate");
	const char *root_serial = text_of(
	    w, world_do(w, ASK("cert/read", .params = PARAMS("serial", "ca"))), "serial_number");
	const char *cut = arena_printf(&w->arena, "%.*s", (int)strlen(pem) - 40, pem);
	const struct {
		const char *name;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "nothing", NULL, "missing_field", "serial_number" },
		{ "both", PARAMS("serial_number", serial, "certificate", pem), "invalid_value",
		    "certificate" },
		{ "unknown", PARAMS("serial_number", "11:22:33"), "unknown_serial",
		    "serial_number" },
		{ "no hex", PARAMS("serial_number", "xyz"), "invalid_value", "serial_number" },
		{ "too long",
		    PARAMS("serial_number", "0102030405060708090a0b0c0d0e0f101112131415161718"),
		    "invalid_value", "serial_number" },
		{ "the CA by serial", PARAMS("serial_number", root_serial), "invalid_value",
		    "serial_number" },
		{ "the CA by itself", PARAMS("certificate", root), "invalid_value", "certificate" },
		{ "no PEM", PARAMS("certificate", "hello"), "certificate_invalid", "certificate" },
		{ "cut short", PARAMS("certificate", cut), "certificate_invalid", "certificate" },
		{ "two certificates",
		    PARAMS("certificate", arena_printf(&w->arena, "%s%s", pem, root)),
		    "certificate_invalid", "certificate" },
		{ "a reason that is none", PARAMS("serial_number", serial, "reason", "whim"),
		    "invalid_value", "reason" },
		{ "remove from CRL", PARAMS("serial_number", serial, "reason", "8"),
		    "invalid_value", "reason" },
		{ "a date that is none",
		    PARAMS("serial_number", serial, "invalidity_date", "yesterday"),
		    "invalid_value", "invalidity_date" },
		{ "a date to come",
		    PARAMS("serial_number", serial, "invalidity_date", "2026-09-21T14:13:21Z"),
		    "invalid_value", "invalidity_date" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_refused(w, cases[i].name,
		    ASK("revoke", .params = cases[i].params), cases[i].code, cases[i].field);

		if (a->rq.outcome.serial.data != NULL || a->rq.outcome.revoked_at != SCHEMA_ABSENT)
			fail_msg("%s: something is revoked", cases[i].name);
		if (a->rq.outcome.message.data[a->rq.outcome.message.len - 1] == ' ')
			fail_msg("%s: \"%.*s\" breaks off", cases[i].name,
			    SLICE_FMT(a->rq.outcome.message));
	}
}

static void
test_foreign_certificates(void **state)
{
	struct world *w = *state;
	const struct issuer *root = w->cx.catalog->mounts[0]->issuer->issuer;
	struct test_ca other, same_name;
	struct answer *leaf = issued(w);
	struct test_ca ours = { .key = root->key, .der = root->der };
	struct slice pem;

	test_ca_make(w, "Another Root", &other);
	test_ca_make(w, "Sample Root", &same_name);
	pem = test_leaf(w, &other, SLICE_LITERAL("\x07"), WORLD_NOW + DAY);
	world_refused(w, "another issuer",
	    ASK("revoke", .params = PARAMS("certificate", (const char *)pem.data)),
	    "certificate_invalid", "certificate");
	pem = test_leaf(w, &same_name, SLICE_LITERAL("\x07"), WORLD_NOW + DAY);
	world_refused(w, "an issuer of the same name",
	    ASK("revoke", .params = PARAMS("certificate", (const char *)pem.data)),
	    "certificate_invalid", "certificate");
	pem = test_leaf(w, &ours, leaf->rq.outcome.serial, WORLD_NOW + DAY);
	world_refused(w, "another certificate of that serial number",
	    ASK("revoke", .params = PARAMS("certificate", (const char *)pem.data)),
	    "certificate_invalid", "certificate");
}

/* CAs of elsewhere may both have begun at serial number 1: the second revocation would take the record of the first. */
static void
test_same_serial_of_two_cas(void **state)
{
	struct world *w = *state;
	const struct issuer *root = w->cx.catalog->mounts[0]->issuer->issuer;
	const struct slice serial = SLICE_LITERAL("\x07");
	const struct test_ca first = { .key = root->key, .der = root->der };
	const char *of_first, *of_second, *bundle;
	struct test_ca second;

	test_ca_make(w, "Second Root", &second);
	bundle = arena_printf(
	    &w->arena, "%s\n%s", (const char *)second.pem.data, test_sealed(w, second.key_pem));
	of_first = (const char *)test_leaf(w, &first, serial, WORLD_NOW + DAY).data;
	of_second = (const char *)test_leaf(w, &second, serial, WORLD_NOW + DAY).data;
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle, "replace", "true")));
	world_do(w, ASK("revoke", .params = PARAMS("certificate", of_first)));
	world_refused(w, "the other CA's",
	    ASK("revoke", .params = PARAMS("certificate", of_second)), "certificate_invalid",
	    "certificate");
	assert_true(world_do(w, ASK("revoke", .params = PARAMS("certificate", of_first)))
			->rq.outcome.already);
}

/* What has expired is not put on the CRL, which would drop it again: a warning says so. */
static void
check_left(struct world *w, const char *name, const char *const *params)
{
	struct answer *a = world_do(w, ASK("revoke", .params = params));

	if (!has_warning(a, "certificate_expired") || a->rq.outcome.revoked_at != SCHEMA_ABSENT)
		fail_msg("%s: an expired certificate is revoked", name);
	assert_slice(name, data_text(a, "state"), "expired");
	assert_false(data_has(a, "revocation_time"));
	assert_null(a->rq.outcome.serial.data);
}

static void
test_expired(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *revoked = issued(w);
	const char *serial = text_of(w, leaf, "serial");

	world_do(w, ASK("revoke", .params = PARAMS("serial", text_of(w, revoked, "serial"))));
	w->cx.now_ms = (leaf->rq.outcome.not_after - 1) * 1000;
	check_left(w, "with a second left", PARAMS("serial_number", serial));
	w->cx.now_ms += 3600 * 1000;
	check_left(w, "by serial", PARAMS("serial_number", serial));
	check_left(w, "by certificate", PARAMS("certificate", text_of(w, leaf, "certificate")));
	assert_true(
	    world_do(w, ASK("revoke", .params = PARAMS("serial", text_of(w, revoked, "serial"))))
		->rq.outcome.already);
}

/* It was revoked, expired and left the CRL: what is left is the row. */
static void
test_expired_and_gone_from_crl(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct revoked_record record = { .v = 1,
		.serial = leaf->rq.outcome.serial,
		.mount = SLICE_LITERAL("pki"),
		.issuer = leaf->rq.outcome.issuer,
		.date = WORLD_NOW - 5,
		.reason = 4,
		.invalidity_date = SCHEMA_ABSENT,
		.not_after = leaf->rq.outcome.not_after,
		.request = SLICE_LITERAL("earlier") };
	struct slice second = world_encode(w, &revoked_record_schema, &record);
	struct buf row SCOPED_BUF = { 0 };
	struct answer *a;

	buf_init(&row, 65536);
	buf_add_slice(&row, leaf->rq.record);
	buf_add_slice(&row, second);
	world_set_row(w, redis_cert_key(&w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial),
	    buf_slice(&row));
	w->cx.now_ms += 3600 * 1000;
	a = world_do(w, ASK("revoke", .params = PARAMS("serial", text_of(w, leaf, "serial"))));
	assert_true(a->rq.outcome.already);
	assert_true(data_int(a, "revocation_time") == WORLD_NOW - 5);
}

static void
test_broken_row(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = { { "no msgpack", "\xc1", 1 }, { "no record", "\x80", 1 },
		{ "lying", "\xdf\xff\xff\xff\xff", 5 } };
	struct world *w = *state;
	struct answer *leaf = issued(w);

	for (size_t i = 0; i < 3; i++) {
		struct answer *a;

		world_set_row(w,
		    redis_cert_key(&w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial),
		    slice_of(rows[i].bytes, rows[i].len));
		a = world_ask(
		    w, ASK("revoke", .params = PARAMS("serial", text_of(w, leaf, "serial"))));
		if (a->ok)
			fail_msg("%s: is taken", rows[i].name);
	}
}

static void
test_dry_run(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *a = world_do(w,
	    ASK("revoke", .dry_run = true,
		.params = PARAMS("serial_number", text_of(w, leaf, "serial"))));

	assert_int_equal(a->data.len, 1);
	assert_null(a->rq.outcome.serial.data);
	assert_true(a->rq.outcome.revoked_at == SCHEMA_ABSENT);
	world_refused(w, "a dry run is decided",
	    ASK("revoke", .dry_run = true, .params = PARAMS("serial_number", "11:22")),
	    "unknown_serial", "serial_number");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_serial_of_two_cas, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired_and_gone_from_crl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
