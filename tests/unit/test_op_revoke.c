/* revoke and crl/rotate: what they do. */
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
		cmocka_unit_test_setup_teardown(test_rotate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
