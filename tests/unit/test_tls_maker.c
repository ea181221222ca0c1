/* The certificates of a fleet's own TLS, judged by OpenSSL's verification: who is taken for what, and which hosts they have. */
#include "tls_maker.h"

#include "encode.h"
#include "scoped_openssl.h"
#include "secret.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW          ((int64_t)1800000000)
#define DAY          ((int64_t)86400)

/* ---- who ---- */

static void
test_parties_that_are_taken(void **state)
{
	static const struct {
		const char *text, *name;
		size_t dns, ips;
	} cases[] = {
		{ "worker", "worker", 0, 0 },
		{ "kafka=kafka", "kafka", 1, 0 },
		{ "kafka-1=kafka-1,127.0.0.1,::1,broker.example.com", "kafka-1", 2, 2 },
		{ "a=*.example.com", "a", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct tls_party p;
		struct err e = { 0 };

		if (!tls_party_parse(cases[i].text, &a, &p, &e))
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_true(slice_is(p.name, cases[i].name));
		assert_int_equal(p.dns.count, cases[i].dns);
		assert_int_equal(p.ips.count, cases[i].ips);
	}
}

static void
test_parties_that_are_refused(void **state)
{
	static const char *const cases[] = { "", "=", "=kafka", "kafka=", "kafka=a,", "kafka=,a",
		"kafka=a,,b", "kafka=under_score", "kafka=a b", "../kafka", "kafka/..", ".",
		"ka.fka", "*", "-a", "a-", "kafka=kafka.", "kafka==", "kafka=user@example.com",
		"a123456789012345678901234567890123456789012345678901234567890123" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct tls_party p;
		struct err e = { 0 };

		if (tls_party_parse(cases[i], &a, &p, &e))
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(e.code, ERR_INVALID_VALUE);
	}
}

/* ---- certificates ---- */

static X509 *
certificate_of(const struct tls_pair *pair)
{
	SCOPED(BIO) bio = BIO_new_mem_buf(pair->certificate.data, (int)pair->certificate.len);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	assert_non_null(x);
	return x;
}

static EVP_PKEY *
key_of(const struct tls_pair *pair)
{
	static const char begin[] =
	    "-----BEGIN PRIVATE KEY-----\n"; /* PKCS#8, which Java reads as well */
	SCOPED(BIO) bio = BIO_new_mem_buf(pair->key.data, (int)pair->key.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	assert_memory_equal(pair->key.data, begin, sizeof(begin) - 1);
	assert_non_null(key);
	return key;
}

static int
verified(X509 *leaf, X509 *ca, int purpose, int64_t at)
{
	SCOPED(X509_STORE) store = X509_STORE_new();
	SCOPED(X509_STORE_CTX) ctx = X509_STORE_CTX_new();

	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)at);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	(void)X509_verify_cert(ctx);
	return X509_STORE_CTX_get_error(ctx);
}

struct fixture {
	struct arena a;
	struct tls_maker *maker;
	struct tls_pair pair;
};

static int
setup(void **state)
{
	static struct fixture f;
	struct err e = { 0 };

	f = (struct fixture){ 0 };
	assert_true(secret_init(&e));
	f.maker = tls_maker_new(NOW, &e);
	assert_non_null(f.maker);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	tls_pair_done(&f->pair);
	tls_maker_free(f->maker);
	arena_done(&f->a);
	return 0;
}

static X509 *
made(struct fixture *f, const char *party)
{
	struct tls_party p;
	struct err e = { 0 };

	tls_pair_done(&f->pair);
	if (!tls_party_parse(party, &f->a, &p, &e) || !tls_maker_make(f->maker, &p, &f->pair, &e))
		fail_msg("%s: %s", party, e.msg);
	return certificate_of(&f->pair);
}

static void
test_a_server(void **state)
{
	struct fixture *f = *state;
	SCOPED(X509) ca = certificate_of(tls_maker_ca(f->maker));
	SCOPED(X509) x = made(f, "kafka=kafka,127.0.0.1,::1");
	SCOPED(EVP_PKEY) key = key_of(&f->pair);
	char name[64];

	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_SERVER, NOW), X509_V_OK);
	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
	assert_int_equal(X509_check_host(x, "kafka", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "redis", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.2", 0), 0);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(
	    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name)),
	    5);
	assert_string_equal(name, "kafka");
	assert_int_equal(
	    X509_NAME_entry_count(X509_get_subject_name(x)), 1); /* Kafka's principal is CN=kafka */
	assert_false(X509_check_ca(x));
}

static void
test_a_client_is_no_server(void **state)
{
	struct fixture *f = *state;
	SCOPED(X509) ca = certificate_of(tls_maker_ca(f->maker));
	SCOPED(X509) x = made(f, "worker");

	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_SERVER, NOW), X509_V_ERR_INVALID_PURPOSE);
	assert_null(X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL));
}

static void
test_how_long_they_hold(void **state)
{
	struct fixture *f = *state;
	SCOPED(X509) ca = certificate_of(tls_maker_ca(f->maker));
	SCOPED(X509) x = made(f, "worker");

	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW - 299), X509_V_OK);
	assert_int_equal(
	    verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW - 301), X509_V_ERR_CERT_NOT_YET_VALID);
	assert_int_equal(verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW + 825 * DAY - 1), X509_V_OK);
	assert_int_equal(
	    verified(x, ca, X509_PURPOSE_SSL_CLIENT, NOW + 826 * DAY), X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(verified(ca, ca, X509_PURPOSE_ANY, NOW + 3649 * DAY), X509_V_OK);
}

/* Nothing below it may sign, and another maker's is another CA. */
static void
test_the_ca(void **state)
{
	struct fixture *f = *state;
	SCOPED(X509) ca = certificate_of(tls_maker_ca(f->maker));
	SCOPED(EVP_PKEY) key = key_of(tls_maker_ca(f->maker));
	SCOPED(X509) x = made(f, "worker");
	struct err e = { 0 };
	struct tls_maker *second = tls_maker_new(NOW, &e);

	assert_int_equal(X509_check_private_key(ca, key), 1);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	SCOPED(X509) other = certificate_of(tls_maker_ca(second));
	assert_int_not_equal(verified(x, other, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
	assert_int_not_equal(
	    ASN1_INTEGER_cmp(X509_get0_serialNumber(ca), X509_get0_serialNumber(other)), 0);
	assert_int_not_equal(
	    ASN1_INTEGER_cmp(X509_get0_serialNumber(ca), X509_get0_serialNumber(x)), 0);
	tls_maker_free(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parties_that_are_taken),
		cmocka_unit_test(test_parties_that_are_refused),
		cmocka_unit_test_setup_teardown(test_a_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_client_is_no_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_long_they_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_ca, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
