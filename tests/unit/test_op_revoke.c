/* revoke and crl/rotate. */
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

#define DAY   ((int64_t)86400)
#define ASKED (WORLD_NOW) /* the second in which the world's requests were sent */

static int
setup(void **state)
{
	struct world *w = world_new();

	world_sample(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static struct answer *
issued(struct world *w)
{
	return world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "ttl", "1h")));
}

static const char *
text_of(struct world *w, const struct answer *a, const char *name)
{
	return arena_text(&w->arena, data_text(a, name));
}

static struct slice
row_of(struct world *w, const struct answer *a)
{
	return world_row(w, redis_cert_key(&w->arena, SLICE_LITERAL("pki"), a->rq.outcome.serial));
}

static void
check_revoked(const char *name, const struct answer *a, const struct answer *leaf)
{
	const struct outcome *o = &a->rq.outcome;

	assert_true(data_int(a, "revocation_time") == ASKED);
	assert_slice(name, data_text(a, "revocation_time_rfc3339"), "2026-09-21T14:13:20Z");
	assert_slice(name, data_text(a, "state"), "revoked");
	assert_true(slice_eq(o->serial, leaf->rq.outcome.serial));
	assert_true(slice_eq(o->issuer, leaf->rq.outcome.issuer));
	assert_true(o->not_after == leaf->rq.outcome.not_after);
	assert_true(o->revoked_at == ASKED);
	assert_false(o->already);
}

static void
test_by_serial(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *a = world_do(
	    w, ASK("revoke", .params = PARAMS("serial_number", text_of(w, leaf, "serial"))));

	check_revoked("by serial", a, leaf);
	assert_int_equal(a->rq.outcome.reason, 0);
	assert_true(a->rq.outcome.invalidity_date == SCHEMA_ABSENT);
	assert_false(data_has(a, "crl_number"));
}

static void
test_serial_spellings(void **state)
{
	static const char separators[] = { ':', '-', 0 };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(separators); i++) {
		struct answer *leaf = issued(w);
		char *text = arena_printf(&w->arena, "%s", text_of(w, leaf, "serial"));
		size_t kept = 0;

		for (size_t j = 0; text[j] != '\0'; j++)
			if (text[j] != ':')
				text[kept++] = (char)(text[j] >= 'a' && i == 2 ? text[j] - 32
									       : text[j]);
			else if (separators[i] != 0)
				text[kept++] = separators[i];
		text[kept] = '\0';
		check_revoked(
		    text, world_do(w, ASK("revoke", .params = PARAMS("serial", text))), leaf);
	}
}

static void
test_by_certificate(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *a = world_do(
	    w, ASK("revoke", .params = PARAMS("certificate", text_of(w, leaf, "certificate"))));

	check_revoked("by certificate", a, leaf);
}

/* What another program signed with the CA's key has no row: the certificate itself is the proof. */
static void
test_without_row(void **state)
{
	static const struct {
		const char *name, *octets;
		size_t len;
		const char *serial;
	} cases[] = {
		{ "short", "\x05", 1, "05" },
		{ "with a high bit", "\xf1\x02\x03", 3, "f1:02:03" },
	};
	struct world *w = *state;
	const struct issuer *root = w->cx.catalog->mounts[0]->issuer->issuer;
	const struct test_ca ca = { .key = root->key, .der = root->der };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice pem = test_leaf(
		    w, &ca, slice_of(cases[i].octets, cases[i].len), WORLD_NOW + 30 * DAY);
		struct answer *a;

		world_refused(w, cases[i].name,
		    ASK("revoke", .params = PARAMS("serial_number", cases[i].serial)),
		    "unknown_serial", "serial_number");
		a = world_do(
		    w, ASK("revoke", .params = PARAMS("certificate", (const char *)pem.data)));
		assert_true(a->rq.outcome.not_after == WORLD_NOW + 30 * DAY);
		assert_slice(cases[i].name, a->rq.outcome.issuer, root->id);
		/* now it is known by its serial number, too */
		a = world_do(w, ASK("revoke", .params = PARAMS("serial_number", cases[i].serial)));
		assert_true(a->rq.outcome.already);
	}
}

static void
test_again(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	const char *serial = text_of(w, leaf, "serial");
	struct answer *first = world_do(w,
	    ASK("revoke",
		.params = PARAMS("serial_number", serial, "reason", "keyCompromise",
		    "invalidity_date", "2026-09-01T00:00:00Z")));
	struct slice row = row_of(w, leaf);
	struct answer *again;

	w->cx.now_ms += 600 * 1000;
	again = world_do(w, ASK("revoke", .params = PARAMS("serial_number", serial)));
	assert_true(again->rq.outcome.already);
	assert_true(slice_eq(again->data, first->data));
	assert_int_equal(again->rq.outcome.reason, 1);
	assert_true(again->rq.outcome.invalidity_date == first->rq.outcome.invalidity_date);
	assert_true(slice_eq(row_of(w, leaf), row)); /* no second record */
	again = world_do(
	    w, ASK("revoke", .params = PARAMS("certificate", text_of(w, leaf, "certificate"))));
	assert_true(again->rq.outcome.already);
	assert_true(slice_eq(world_replay(w, first, false)->data, first->data));
}

/* The CRL owner folds `.revoked`; a row that lost its second half does not bring a certificate back. */
static void
test_record_beats_row(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	const char *serial = text_of(w, leaf, "serial");

	world_do(w, ASK("revoke", .params = PARAMS("serial_number", serial)));
	world_set_row(w, redis_cert_key(&w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial),
	    leaf->rq.record);
	assert_true(world_do(w, ASK("revoke", .params = PARAMS("serial_number", serial)))
			->rq.outcome.already);
}

static void
test_grounds(void **state)
{
	static const struct {
		const char *reason;
		int64_t code;
	} cases[] = { { "unspecified", 0 }, { "keyCompromise", 1 }, { "key_compromise", 1 },
		{ "superseded", 4 }, { "5", 5 }, { "privilegeWithdrawn", 9 } };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *leaf = issued(w);
		struct answer *a = world_do(w,
		    ASK("revoke",
			.params = PARAMS("serial_number", text_of(w, leaf, "serial"), "reason",
			    cases[i].reason, "invalidity_date", "2026-09-21T14:13:20Z")));

		if (a->rq.outcome.reason != cases[i].code)
			fail_msg("%s: is %lld", cases[i].reason, (long long)a->rq.outcome.reason);
		assert_true(a->rq.outcome.invalidity_date == WORLD_NOW);
	}
}

static void
test_record(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *a = world_do(w,
	    ASK("revoke",
		.params = PARAMS("serial_number", text_of(w, leaf, "serial"), "reason", "1")));
	struct revoked_record r = { .invalidity_date = SCHEMA_ABSENT };
	struct err e = { 0 };
	uint64_t seen;

	assert_true(schema_decode(
	    &revoked_record_schema, record_revoked(&w->cx, &a->rq), &w->arena, &r, &seen, &e));
	assert_true(slice_eq(r.serial, leaf->rq.outcome.serial));
	assert_slice("mount", r.mount, "pki");
	assert_true(slice_eq(r.issuer, leaf->rq.outcome.issuer));
	assert_true(r.date == ASKED);
	assert_int_equal(r.reason, 1);
	assert_true(r.invalidity_date == SCHEMA_ABSENT);
	assert_true(r.not_after == leaf->rq.outcome.not_after);
	assert_true(slice_eq(r.request, a->rq.envelope.id));
}

static void
test_crl_number(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(
	    w, ASK("revoke", .params = PARAMS("serial", text_of(w, issued(w), "serial"))));
	struct err e = { 0 };
	struct buf out SCOPED_BUF = { 0 };

	a->rq.crl_number = 17; /* as the lane sets it before it answers */
	buf_init(&out, 65536);
	assert_true(response_encode(&w->cx, &a->rq, &out, &e));
	assert_non_null(memmem(out.data, out.len,
	    "\xaa"
	    "crl_number\x11",
	    12));
}

/* ---- refusals ---- */

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

static void
test_expired(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *revoked = issued(w);
	const char *serial = text_of(w, leaf, "serial");

	world_do(w, ASK("revoke", .params = PARAMS("serial", text_of(w, revoked, "serial"))));
	w->cx.now_ms += 3600 * 1000;
	world_refused(w, "by serial", ASK("revoke", .params = PARAMS("serial_number", serial)),
	    "certificate_expired", NULL);
	world_refused(w, "by certificate",
	    ASK("revoke", .params = PARAMS("certificate", text_of(w, leaf, "certificate"))),
	    "certificate_expired", NULL);
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

/* ---- crl/rotate ---- */

static void
test_rotate(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w, ASK("crl/rotate"));

	assert_true(data_bool(a, "success"));
	assert_true(a->rq.outcome.rotate);
	assert_slice("issuer", a->rq.outcome.issuer, w->cx.catalog->mounts[0]->issuer->issuer->id);
	world_do(w, ASK("mount/write", .mount = "empty"));
	world_refused(w, "no issuer", ASK("crl/rotate", .mount = "empty"), "no_issuer", "mount");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_serial, setup, teardown),
		cmocka_unit_test_setup_teardown(test_serial_spellings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_beats_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired_and_gone_from_crl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
