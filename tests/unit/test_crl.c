/* CRLs against the same ones built through OpenSSL's X509_CRL API, byte for byte. */
#include "crl.h"
#include "scoped_openssl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "crl_kit.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define YEAR_2050    2524608000
#define NEVER        INT64_MIN

DEFINE_SCOPED(ISSUING_DIST_POINT, ISSUING_DIST_POINT_free)
DEFINE_SCOPED(ASN1_ENUMERATED, ASN1_ENUMERATED_free)
DEFINE_SCOPED(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free)

/* ---- the reference ---- */

static void
push_revoked(X509_CRL *crl, const struct crl_entry *entry)
{
	X509_REVOKED *r = X509_REVOKED_new();
	SCOPED(ASN1_INTEGER) serial = ASN1_INTEGER_new();
	SCOPED(BIGNUM) number = BN_bin2bn(entry->serial.data, (int)entry->serial.len, NULL);
	SCOPED(ASN1_TIME) date = ASN1_TIME_set(NULL, (time_t)entry->date);

	BN_to_ASN1_INTEGER(number, serial);
	X509_REVOKED_set_serialNumber(r, serial);
	X509_REVOKED_set_revocationDate(r, date);
	if (entry->reason != 0) {
		SCOPED(ASN1_ENUMERATED) reason = ASN1_ENUMERATED_new();

		ASN1_ENUMERATED_set(reason, (long)entry->reason);
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0);
	}
	if (entry->invalidity_date != NEVER) {
		SCOPED(ASN1_GENERALIZEDTIME)
		invalid = ASN1_GENERALIZEDTIME_set(NULL, (time_t)entry->invalidity_date);

		X509_REVOKED_add1_ext_i2d(r, NID_invalidity_date, invalid, 0, 0);
	}
	assert_true(X509_CRL_add0_revoked(crl, r));
}

static void
push_extensions(X509_CRL *crl, const struct crl_input *in)
{
	SCOPED(AUTHORITY_KEYID) authority = AUTHORITY_KEYID_new();
	SCOPED(ASN1_INTEGER) number = ASN1_INTEGER_new();

	authority->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(
	    authority->keyid, in->issuer->key_id.data, (int)in->issuer->key_id.len);
	X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority, 0, 0);
	ASN1_INTEGER_set_int64(number, in->number);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	if (in->shard_uri.data != NULL) {
		SCOPED(ISSUING_DIST_POINT) point = ISSUING_DIST_POINT_new();
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *uri = ASN1_IA5STRING_new();

		ASN1_STRING_set(uri, in->shard_uri.data, (int)in->shard_uri.len);
		GENERAL_NAME_set0_value(name, GEN_URI, uri);
		point->distpoint = DIST_POINT_NAME_new();
		point->distpoint->type = 0;
		point->distpoint->name.fullname = GENERAL_NAMES_new();
		sk_GENERAL_NAME_push(point->distpoint->name.fullname, name);
		X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, point, 1, 0);
	}
}

static X509_CRL *
reference(
    const struct crl_input *in, const struct crl_entry *entries, size_t count, const struct kit *k)
{
	X509_CRL *crl = X509_CRL_new();
	SCOPED(ASN1_TIME) this_update = ASN1_TIME_set(NULL, (time_t)in->this_update);
	SCOPED(ASN1_TIME) next_update = ASN1_TIME_set(NULL, (time_t)in->next_update);

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(k->issuer->x509));
	X509_CRL_set1_lastUpdate(crl, this_update);
	X509_CRL_set1_nextUpdate(crl, next_update);
	for (size_t i = 0; i < count; i++)
		push_revoked(crl, &entries[i]);
	push_extensions(crl, in);
	assert_true(X509_CRL_sign(crl, k->key, k->md) > 0);
	return crl;
}

static struct slice
tbs_of(struct slice der)
{
	const uint8_t *at = der.data, *start;
	long len;
	int tag, class;

	ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
	start = at;
	ASN1_get_object(&at, &len, &tag, &class, (long)(der.data + der.len - at));
	return slice_of(start, (size_t)(at + len - start));
}

/* ---- the cases ---- */

#define S(bytes) \
	{ \
		(const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
static const struct crl_entry some[] = {
	{ .serial = S("\x01"), .date = 1700000000, .reason = 0, .invalidity_date = NEVER },
	{ .serial = S("\x7f\xff\x01"), .date = 1700000001, .reason = 1, .invalidity_date = NEVER },
	{ .serial = S(
	      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14"),
	    .date = YEAR_2050,
	    .reason = 4,
	    .invalidity_date = 1600000000 },
	{ .serial = S("\x02"), .date = YEAR_2050 - 1, .reason = 0, .invalidity_date = YEAR_2050 },
	{ .serial = S("\x03"), .date = 1700000000, .reason = 10, .invalidity_date = 0 },
	{ .serial = S("\x04"), .date = 1700000000, .reason = 9, .invalidity_date = NEVER },
};

static void
expect_same(const char *name, const struct crl_input *in, const struct crl_entry *entries,
    size_t count, const struct kit *k)
{
	SCOPED(X509_CRL) expected = reference(in, entries, count, k);
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	uint8_t *der = NULL;
	struct slice got;
	int len;

	buf_init(&out, CRL_DER_MAX);
	buf_add_text(&out, "before");
	if (!crl_build(in, k->signer, &out, &e))
		fail_msg("%s: %s", name, e.msg);
	got = slice_of(out.data + 6, out.len - 6);
	len = i2d_X509_CRL(expected, &der);
	if (EVP_PKEY_is_a(k->key, "EC"))
		expect_bytes(name, tbs_of(got), tbs_of(slice_of(der, (size_t)len)));
	else
		expect_bytes(name, got, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	const uint8_t *at = got.data;
	SCOPED(X509_CRL) back = d2i_X509_CRL(NULL, &at, (long)got.len);
	if (back == NULL || at != got.data + got.len || X509_CRL_verify(back, k->key) != 1)
		fail_msg("%s: OpenSSL does not verify the CRL", name);
}

static void
test_crls_are_openssls(void **state)
{
	static const struct {
		const char *name;
		size_t first, count;
		int64_t number, this_update, next_update;
		struct slice shard;
	} cases[] = {
		{ "empty", 0, 0, 1, 1700000000, 1700100000, { NULL, 0 } },
		{ "number 0", 0, 0, 0, 1700000000, 1700100000, { NULL, 0 } },
		{ "one entry", 0, 1, 127, 1700000000, 1700100000, { NULL, 0 } },
		{ "a reason", 1, 1, 128, 1700000000, 1700100000, { NULL, 0 } },
		{ "a reason and a date", 2, 1, 255, 1700000000, 1700100000, { NULL, 0 } },
		{ "all", 0, COUNT(some), INT64_MAX, 1700000000, 1700100000, { NULL, 0 } },
		{ "over 2050", 0, 2, 65536, YEAR_2050 - 1, YEAR_2050, { NULL, 0 } },
		{ "a shard", 0, 2, 5, 1700000000, 1700100000,
		    S("http://crl.example.com/pki/0.crl") },
		{ "an empty shard", 0, 0, 5, 1700000000, 1700100000,
		    S("http://crl.example.com/pki/0.crl") },
	};
	static const struct {
		enum key_type type;
		int64_t bits;
	} kinds[] = { { KEY_RSA, 2048 }, { KEY_EC, 256 }, { KEY_EC, 384 }, { KEY_ED25519, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct kit k;

		kit_open(&k, kinds[i].type, kinds[i].bits);
		for (size_t c = 0; c < COUNT(cases); c++) {
			struct crl_entries *set = crl_entries_new();
			struct crl_input in = { set, k.issuer, cases[c].number,
				cases[c].this_update, cases[c].next_update, cases[c].shard };
			const struct crl_entry *first = some + cases[c].first;

			for (size_t n = 0; n < cases[c].count; n++)
				crl_entries_put(set, &first[n]);
			expect_same(cases[c].name, &in, first, cases[c].count, &k);
			if (cases[c].count == 0) {
				in.entries = NULL;
				expect_same("no set", &in, NULL, 0, &k);
			}
			crl_entries_free(set);
		}
		kit_close(&k);
	}
}

/* The lengths of the two outermost headers grow at these sizes, not at the same entry. */
static void
test_every_length(void **state)
{
	struct crl_entries *set = crl_entries_new();
	struct kit k;
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	size_t last = 0;

	(void)state;
	kit_open(&k, KEY_EC, 256);
	struct crl_input in = { set, k.issuer, 1, 1700000000, 1700100000, SLICE_NONE };
	buf_init(&out, CRL_DER_MAX);
	for (unsigned i = 1; i <= 1800; i++) {
		uint8_t serial[] = { 0x40, 0, (uint8_t)(i >> 8), (uint8_t)i };
		struct crl_entry entry = { slice_of(serial, sizeof(serial)), 1700000000, 1, NEVER,
			0 };
		const uint8_t *at;

		crl_entries_put(set, &entry);
		buf_clear(&out);
		if (!crl_build(&in, k.signer, &out, &e))
			fail_msg("%u entries: %s", i, e.msg);
		at = out.data;
		SCOPED(X509_CRL) back = d2i_X509_CRL(NULL, &at, (long)out.len);
		if (back == NULL || at != out.data + out.len || X509_CRL_verify(back, k.key) != 1)
			fail_msg("%u entries: OpenSSL does not verify the CRL", i);
		assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(back)), i);
		assert_true(out.len > last);
		last = out.len - 8;
	}
	assert_true(out.len > 65536);
	kit_close(&k);
	crl_entries_free(set);
}

static void
test_limits(void **state)
{
	struct crl_entries *set = crl_entries_new();
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	struct kit k;

	(void)state;
	kit_open(&k, KEY_EC, 256);
	struct crl_input in = { set, k.issuer, 1, 1700000000, 1700100000, SLICE_NONE };
	buf_init(&out, 200);
	assert_false(crl_build(&in, k.signer, &out, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	buf_done(&out);
	buf_init(&out, CRL_DER_MAX);
	in.next_update = INT64_MAX;
	assert_false(crl_build(&in, k.signer, &out, &e));
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(out.len, 0);
	kit_close(&k);
	crl_entries_free(set);
}

static void
test_reasons(void **state)
{
	static const struct {
		const char *text;
		int64_t reason; /* -1: refused */
	} cases[] = {
		{ "unspecified", 0 },
		{ "0", 0 },
		{ "keyCompromise", 1 },
		{ "key_compromise", 1 },
		{ "KeyCompromise", 1 },
		{ "key-compromise", 1 },
		{ "1", 1 },
		{ "cACompromise", 2 },
		{ "ca_compromise", 2 },
		{ "affiliation_changed", 3 },
		{ "superseded", 4 },
		{ "cessationOfOperation", 5 },
		{ "certificateHold", 6 },
		{ "9", 9 },
		{ "privilege_withdrawn", 9 },
		{ "aACompromise", 10 },
		{ "10", 10 },
		{ "7", -1 },
		{ "8", -1 },
		{ "removeFromCRL", -1 },
		{ "remove_from_crl", -1 },
		{ "11", -1 },
		{ "-1", -1 },
		{ "", -1 },
		{ "keyCompromised", -1 },
		{ "key", -1 },
		{ "001", -1 },
		{ "key compromise", -1 },
		{ "99999999999999999999", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = { 0 };
		int64_t reason = -1;
		bool ok = crl_reason_parse(slice_text(cases[i].text), &reason, &e);

		if (ok != (cases[i].reason >= 0) || reason != cases[i].reason)
			fail_msg("\"%s\": expected %lld, got %lld", cases[i].text,
			    (long long)cases[i].reason, (long long)reason);
		if (!ok)
			assert_string_equal(e.field, "reason");
	}
	struct err e = { 0 };
	int64_t reason = -1;
	assert_true(crl_reason_parse(SLICE_NONE, &reason, &e));
	assert_int_equal(reason, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crls_are_openssls),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
