/* The set of a CRL's entries against a plain array, through thousands of steps. */
#include "crl.h"
#include "scoped_openssl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "crl_kit.h"

#define NEVER INT64_MIN

#define MODEL 600
struct model {
	bool there;
	uint8_t serial[3];
	struct crl_entry entry;
};

static void
model_compare(const struct crl_entries *set, struct model *m, int step)
{
	size_t count = 0;

	for (size_t i = 0; i < MODEL; i++) {
		struct crl_entry got;
		bool found = crl_entries_find(set, slice_of(m[i].serial, 3), &got);

		count += m[i].there;
		if (found != m[i].there)
			fail_msg(
			    "step %d: entry %zu: expected %d, got %d", step, i, m[i].there, found);
		if (!found)
			continue;
		if (!slice_eq(got.serial, slice_of(m[i].serial, 3)) ||
		    got.date != m[i].entry.date || got.reason != m[i].entry.reason ||
		    got.not_after != m[i].entry.not_after ||
		    got.invalidity_date != m[i].entry.invalidity_date)
			fail_msg("step %d: entry %zu has other contents", step, i);
	}
	assert_int_equal(crl_entries_count(set), count);
}

static void
count_left(void *opaque, const struct crl_entry *e)
{
	size_t *left = opaque;

	assert_int_equal(e->serial.len, 3);
	(*left)++;
}

static void
model_step(struct crl_entries *set, struct model *m, uint32_t random)
{
	struct model *one = &m[random % MODEL];

	random /= MODEL;
	if (random % 8 < 5) {
		one->there = true;
		one->entry = (struct crl_entry){ slice_of(one->serial, 3),
			1700000000 + random % 1000, random % 3 * 4 % 5,
			random % 5 == 0 ? (int64_t)(random % 999) : NEVER, random % 100 };
		crl_entries_put(set, &one->entry);
	} else if (random % 200 != 7) {
		one->there = false;
		crl_entries_remove(set, slice_of(one->serial, 3));
	} else {
		size_t left = 0, expected = 0;

		for (size_t i = 0; i < MODEL; i++)
			if (m[i].there && m[i].entry.not_after < 50) {
				m[i].there = false;
				expected++;
			}
		assert_int_equal(crl_entries_expire(set, 50, count_left, &left), expected);
		assert_int_equal(left, expected);
	}
}

static void
test_entries_are_a_set(void **state)
{
	static struct model m[MODEL];
	struct crl_entries *set = crl_entries_new();
	struct kit k;
	uint32_t random = 2463534242;

	(void)state;
	kit_open(&k, KEY_ED25519, 0);
	struct crl_input in = { set, k.issuer, 1, 1700000000, 1700100000, SLICE_NONE };
	for (size_t i = 0; i < MODEL; i++)
		memcpy(m[i].serial, (uint8_t[]){ 0x10, (uint8_t)(i >> 8), (uint8_t)i }, 3);
	for (int step = 0; step < 30000; step++) {
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		model_step(set, m, random);
		if (step % 500 == 0)
			model_compare(set, m, step);
	}
	model_compare(set, m, 30000);
	/* the DER holds the same entries, with holes and without */
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	const uint8_t *at;
	buf_init(&out, CRL_DER_MAX);
	assert_true(crl_build(&in, k.signer, &out, &e));
	at = out.data;
	SCOPED(X509_CRL) back = d2i_X509_CRL(NULL, &at, (long)out.len);
	assert_non_null(back);
	assert_int_equal(X509_CRL_verify(back, k.key), 1);
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(back);
	assert_int_equal(sk_X509_REVOKED_num(revoked), crl_entries_count(set));
	for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
		const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(
		    sk_X509_REVOKED_value(revoked, i));
		struct crl_entry got;

		assert_true(crl_entries_find(set,
		    slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
		    &got));
	}
	kit_close(&k);
	crl_entries_free(set);
}

static void
test_expire_takes_what_was_published_past_its_end(void **state)
{
	struct crl_entries *set = crl_entries_new();
	struct crl_entry entry = { SLICE_LITERAL("\x01"), 100, 1, NEVER, 1000 };

	(void)state;
	crl_entries_put(set, &entry);
	assert_int_equal(crl_entries_expire(set, 1000, NULL, NULL), 0);
	assert_int_equal(crl_entries_bytes(set), 34);
	assert_int_equal(crl_entries_expire(set, 1001, NULL, NULL), 1);
	assert_int_equal(crl_entries_bytes(set), 0);
	assert_int_equal(crl_entries_count(set), 0);
	crl_entries_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_are_a_set),
		cmocka_unit_test(test_expire_takes_what_was_published_past_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
