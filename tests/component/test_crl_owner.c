/* The one writer of CRLs on the mock broker: numbers, times, what leaves, and what another has written. */
#include "crl_owner_fixture.h"

#include <openssl/sha.h>

#define LATER 2000000 /* an owner sees what is not its own after two seconds */

/* Builds; the test fails unless as many CRLs were made. */
static struct crl_publication
build(struct owner *o, const char *name, size_t expected)
{
	struct crl_publication *list = NULL;
	size_t count = 0;
	struct err e = { 0 };

	if (!crl_owner_build(o->owner, &o->cx, &list, &count, &e))
		fail_msg("%s: %s", name, e.msg);
	if (count != expected)
		fail_msg("%s: expected %zu CRLs, got %zu", name, expected, count);
	return count == 0 ? (struct crl_publication){ 0 } : list[0];
}

static void
add(struct owner *o, const char *serial, int64_t not_after)
{
	const struct crl_entry entry = { .serial = slice_text(serial),
		.date = NOW,
		.invalidity_date = INT64_MIN,
		.not_after = not_after };

	crl_owner_add(o->owner, L("pki"), o->issuer, &entry);
}

/* Onto `.crl`, as lane and anybody else would; and the book has read it. */
static void
publish(struct owner *o, struct slice der, int64_t number, int64_t this_update, int64_t next_update)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char hex[2 * sizeof(hash) + 1];
	struct queue_header headers[] = {
		{ "number", slice_text(arena_printf(&o->names, "%lld", (long long)number)) },
		{ "this_update",
		    slice_text(arena_printf(&o->names, "%lld", (long long)this_update)) },
		{ "next_update",
		    slice_text(arena_printf(&o->names, "%lld", (long long)next_update)) },
		{ "sha256", SLICE_NONE },
	};
	const struct queue_record r = { .topic = o->s.ledger_topics[LEDGER_CRL],
		.key = o->key,
		.value = der,
		.headers = headers,
		.header_count = COUNT(headers) };
	struct err e = { 0 };

	SHA256(der.data, der.len, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	headers[3].value = slice_text(hex);
	if (!queue_produce(o->producer, &r, &e) || !queue_flush(o->producer, 10000, &e) ||
	    !crl_book_fresh(o->book, 10000, &e))
		fail_msg("publish: %s", e.msg);
}

static void
publish_ours(struct owner *o, const struct crl_publication *p)
{
	publish(o, p->der, p->number, p->this_update, p->next_update);
}

/* How many the DER lists, by OpenSSL; its number and its thisUpdate. */
static int
crl_list(struct slice der, int64_t *number, int64_t *this_update)
{
	const uint8_t *at = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
	ASN1_INTEGER *n = crl == NULL ? NULL
				      : X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	struct tm tm;
	int count;

	assert_non_null(n);
	assert_int_equal(ASN1_INTEGER_get_int64(number, n), 1);
	assert_int_equal(ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(crl), &tm), 1);
	*this_update = timegm(&tm);
	count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	ASN1_INTEGER_free(n);
	X509_CRL_free(crl);
	return count < 0 ? 0 : count;
}

static void
expect_crl(const char *name, const struct crl_publication *p, int64_t number, int64_t this_update,
    int entries)
{
	int64_t is_number, is_update;
	int is_entries = crl_list(p->der, &is_number, &is_update);

	if (is_number != number || is_update != this_update || is_entries != entries ||
	    p->number != number || p->this_update != this_update)
		fail_msg("%s: expected CRL %lld of %lld with %d, got %lld of %lld with %d", name,
		    (long long)number, (long long)this_update, entries, (long long)is_number,
		    (long long)is_update, is_entries);
}

static void
test_numbers_rise(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;

	assign(o, 1);
	assert_true(crl_owner_due(o->owner, &o->cx));
	assert_int_equal(crl_owner_next_number(o->owner, L("pki"), o->issuer), 1);
	p = build(o, "the first, of nothing", 1);
	expect_crl("first", &p, 1, NOW, 0);
	assert_true(slice_eq(p.key, o->key));
	assert_true(slice_eq(p.issuer, o->issuer));
	assert_int_equal(p.next_update, NOW + 72 * 3600);
	publish_ours(o, &p);
	assert_false(crl_owner_due(o->owner, &o->cx));
	build(o, "nothing has changed", 0);
	add(o, "\x01\x02", NOW + 1000);
	add(o, "\x03", NOW + 1000);
	add(o, "\x01\x02", NOW + 1000);
	assert_true(crl_owner_due(o->owner, &o->cx));
	p = build(o, "two revocations", 1);
	expect_crl("second", &p, 2, NOW, 2);
	publish_ours(o, &p);
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "rotate", 1);
	expect_crl("third", &p, 3, NOW, 2);
}

/* After a backup was restored: above what was published since it was made. */
static void
test_minimum_number(void **state)
{
	static const struct {
		const char *label;
		int64_t minimum, expected;
	} cases[] = {
		{ "above the last", 1000, 1000 },
		{ "below it", 7, 1001 },
		{ "the next", 1002, 1002 },
		{ "none", SCHEMA_ABSENT, 1003 },
	};
	struct owner *o = *state;
	struct crl_publication p;

	assign(o, 1);
	p = build(o, "first", 1);
	publish_ours(o, &p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		crl_owner_touch(o->owner, L("pki"), o->issuer, cases[i].minimum);
		p = build(o, cases[i].label, 1);
		expect_crl(cases[i].label, &p, cases[i].expected, NOW, 0);
		publish_ours(o, &p);
	}
}

static void
test_this_update_never_goes_back(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;

	publish(o, L("somebody's"), 41, NOW + 500, NOW + 1000000);
	assign(o, 1);
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "clock behind the last record", 1);
	expect_crl("behind", &p, 42, NOW + 500, 0);
	o->cx.now_ms = (NOW - 10000) * 1000;
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "clock goes back", 1);
	expect_crl("back", &p, 43, NOW + 500, 0);
	o->cx.now_ms = (NOW + 501) * 1000;
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "clock is right", 1);
	expect_crl("right", &p, 44, NOW + 501, 0);
}

/* It is made again when a third of its life is left. */
static void
test_due_before_its_end(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;

	assign(o, 1);
	p = build(o, "first", 1);
	publish_ours(o, &p);
	o->cx.now_ms = (NOW + 48 * 3600 - 1) * 1000;
	assert_false(crl_owner_due(o->owner, &o->cx));
	o->cx.now_ms = (NOW + 48 * 3600) * 1000;
	assert_true(crl_owner_due(o->owner, &o->cx));
	p = build(o, "second", 1);
	expect_crl("second", &p, 2, NOW + 48 * 3600, 0);
}

/*
 * RFC 5280 3.3: each is on one CRL past its certificate's end, by the slowest clock. Then it leaves, and its record with it.
 */
static void
test_expired_leave(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;

	o->s.clock_difference = 12;
	assign(o, 1);
	for (uint8_t i = 0; i < 40; i++)
		add(o, (const char[]){ 1, (char)('a' + i % 26), (char)('a' + i / 26), 0 },
		    NOW + 10);
	add(o, "\x7f\x01", NOW + 1000000);
	p = build(o, "first", 1);
	expect_crl("first", &p, 1, NOW, 41);
	o->cx.now_ms = (NOW + 20) * 1000;
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "past their end, once more", 1);
	expect_crl("second", &p, 2, NOW + 20, 41);
	o->cx.now_ms = (NOW + 30) * 1000;
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "the last may have been made before their end", 1);
	expect_crl("third", &p, 3, NOW + 30, 41);
	assert_int_equal(p.tombstones.count, 0);
	o->cx.now_ms = (NOW + 40) * 1000;
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "gone", 1);
	expect_crl("fourth", &p, 4, NOW + 40, 1);
	assert_int_equal(p.tombstones.count, 40);
	assert_true(slice_is(p.tombstones.items[0], "pki/016161"));
	assert_true(slice_is(p.tombstones.items[39], "pki/016e62"));
}

/* Not before two seconds, and what building it costs twenty times. */
static void
wait_due(struct owner *o)
{
	int64_t end = time_monotonic_us() + (int64_t)60 * 1000 * 1000;

	while (!crl_owner_due(o->owner, &o->cx)) {
		if (time_monotonic_us() > end)
			fail_msg("it is not published again");
		usleep(50000);
	}
}

/* Another's record stands behind ours: ours is published again. */
static void
test_foreign_record(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;

	assign(o, 1);
	p = build(o, "first", 1);
	publish_ours(o, &p);
	publish(o, L("not ours"), 7, NOW, NOW + 72 * 3600);
	assert_false(
	    crl_owner_due(o->owner, &o->cx)); /* it may be one of ours that is on its way */
	wait_due(o);
	p = build(o, "again", 1);
	publish_ours(o, &p);
	usleep(LATER + 100000);
	assert_false(crl_owner_due(o->owner, &o->cx));
	publish(
	    o, p.der, p.number + 1, p.this_update, p.next_update); /* ours, with a lie before it */
	wait_due(o);
}

/* The same when the owner was away meanwhile, and when the last record is a tombstone: the numbers do not begin again. */
static void
test_older_record_at_assignment(void **state)
{
	struct owner *o = *state;
	struct crl_publication first, p;
	struct slice older;

	assign(o, 1);
	first = build(o, "first", 1);
	publish_ours(o, &first);
	older = arena_copy(&o->names, first.der);
	add(o, "\x05", NOW + 1000);
	p = build(o, "second", 1);
	publish_ours(o, &p);
	publish(o, older, 1, NOW, NOW + 72 * 3600);
	assign(o, 1);
	assert_true(crl_owner_due(o->owner, &o->cx));
	p = build(o, "over the older", 1);
	assert_int_equal(p.number, 3);
	publish_ours(o, &p);
	publish(o, SLICE_NONE, 0, 0, 0);
	assign(o, 1);
	assert_true(crl_owner_due(o->owner, &o->cx));
	p = build(o, "over the tombstone", 1);
	assert_int_equal(p.number, 4);
	publish(o, L("forged"), INT64_MAX, NOW, NOW + 72 * 3600);
	publish_ours(o, &p);
	assign(o, 1);
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	p = build(o, "a number that nobody believes", 1);
	assert_int_equal(p.number, 5);
}

static void
revoked_write(struct owner *o, const char *mount, const char *serial, struct slice value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s/", mount);
	for (const char *c = serial; *c != '\0'; c++)
		snprintf(key + strlen(key), 3, "%02x", (unsigned)(uint8_t)*c);
	produce(o->producer, o->s.ledger_topics[LEDGER_REVOKED], 0, slice_text(key), value);
}

static struct slice
revoked_record(struct owner *o, const char *mount, const char *serial, int64_t reason)
{
	const struct revoked_record r = { .v = 1,
		.serial = slice_text(serial),
		.mount = slice_text(mount),
		.issuer = o->issuer,
		.date = NOW - 5,
		.reason = reason,
		.invalidity_date = SCHEMA_ABSENT,
		.not_after = NOW + 5000,
		.request = L("x") };
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, 4096);
	schema_encode(&revoked_record_schema, &r, &w);
	return arena_copy(&o->names, buf_slice(&b));
}

/* At assignment all that `.revoked` holds stands, the last record of a serial counts, and a tombstone takes it out. */
static void
test_fold(void **state)
{
	struct owner *o = *state;
	struct crl_publication p;
	struct crl_entry entry;

	revoked_write(o, "pki", "\x05", revoked_record(o, "pki", "\x05", 1));
	revoked_write(o, "pki", "\x06", revoked_record(o, "pki", "\x06", 1));
	revoked_write(o, "pki", "\x05", revoked_record(o, "pki", "\x05", 4));
	revoked_write(o, "pki", "\x06", SLICE_NONE);
	revoked_write(o, "pki", "\x07", revoked_record(o, "pki", "\x07", 0));
	flush(o->producer);
	assign(o, 1);
	assert_true(crl_owner_find(o->owner, L("pki"), o->issuer, L("\x05"), &entry));
	assert_int_equal(entry.reason, 4);
	assert_int_equal(entry.date, NOW - 5);
	assert_false(crl_owner_find(o->owner, L("pki"), o->issuer, L("\x06"), &entry));
	assert_true(crl_owner_find(o->owner, L("pki"), o->issuer, L("\x07"), &entry));
	p = build(o, "folded", 1);
	expect_crl("folded", &p, 1, NOW, 2);
	/* what a failed batch had added is forgotten with the next assignment */
	add(o, "\x08", NOW + 1000);
	assign(o, 1);
	assert_false(crl_owner_find(o->owner, L("pki"), o->issuer, L("\x08"), &entry));
	assert_true(crl_owner_find(o->owner, L("pki"), o->issuer, L("\x05"), &entry));
}

static void
test_broken_record_stops(void **state)
{
	struct owner *o = *state;
	const int32_t partition = 0;
	struct err e = { 0 };

	produce(o->producer, o->s.ledger_topics[LEDGER_REVOKED], 0, L("pki/05"), L("\xc1"));
	flush(o->producer);
	assert_false(crl_owner_assign(o->owner, &partition, 1, 1, &e));
	assert_int_equal(e.code, ERR_CONFIG);
}

/* A CA that has expired: its last entries leave, and then there is nothing more to publish. */
static void
test_expired_ca(void **state)
{
	struct owner *o = *state;
	const int64_t end = o->cx.catalog->mounts[0]->issuers[0]->issuer->not_after;
	struct crl_publication p;

	assign(o, 1);
	add(o, "\x05", end);
	p = build(o, "first", 1);
	publish_ours(o, &p);
	o->cx.now_ms = (end + 10) * 1000;
	p = build(o, "past its end", 1);
	expect_crl("past", &p, 2, end + 10, 1);
	publish_ours(o, &p);
	o->cx.now_ms = (end + 10 + 72 * 3600) * 1000;
	p = build(o, "the entry leaves", 1);
	expect_crl("leaves", &p, 3, end + 10 + 72 * 3600, 0);
	assert_int_equal(p.tombstones.count, 1);
	o->cx.now_ms += (int64_t)365 * 86400 * 1000;
	assert_false(crl_owner_due(o->owner, &o->cx));
	build(o, "it is done", 0);
	crl_owner_touch(o->owner, L("pki"), o->issuer, SCHEMA_ABSENT);
	build(o, "but for who asks", 1);
}

static void
test_without_partitions(void **state)
{
	struct owner *o = *state;

	assign(o, 0);
	assert_false(crl_owner_due(o->owner, &o->cx));
	build(o, "not its mount", 0);
	assert_false(crl_owner_due(NULL, &o->cx));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers_rise, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(test_minimum_number, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(
		    test_this_update_never_goes_back, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(
		    test_due_before_its_end, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(test_expired_leave, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(test_foreign_record, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(
		    test_older_record_at_assignment, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(test_fold, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(
		    test_broken_record_stops, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(test_expired_ca, owner_setup, owner_teardown),
		cmocka_unit_test_setup_teardown(
		    test_without_partitions, owner_setup, owner_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
