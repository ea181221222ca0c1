/* The folder of CRLs, fed with messages from librdkafka's mock broker. */
#include "mock_fixture.h"

#include "encode.h"
#include "follow_crl.h"
#include "scoped_openssl.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#define NOW 1700000000

/* A CA; its key signs under the name of any. */
struct ca {
	EVP_PKEY *key;
	X509 *certificate;
	char id[33];       /* as keys of `.crl` name it */
	char standing[64]; /* the file of its first CRL in the mount pki */
	char topic_key[64];
};

static struct ca ca, other;
static struct queue_producer *sender;
static struct queue_reader *receiver;
static struct crl_issuers *issuers; /* from `.ca` */
static struct queue_probe *probe;
static char folder[64];

static void
ca_pem(const struct ca *c, struct buf *out)
{
	uint8_t *der = NULL;
	int len = i2d_X509(c->certificate, &der);

	assert_true(len > 0);
	pem_add(out, "CERTIFICATE", slice_of(der, (size_t)len));
	OPENSSL_free(der);
}

static void
ca_make(struct ca *c, const char *name)
{
	uint8_t digest[32];
	struct buf SCOPED_BUF id = { 0 };

	c->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	c->certificate = X509_new();
	assert_non_null(c->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c->certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(c->certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(c->certificate), 3600);
	X509_set_pubkey(c->certificate, c->key);
	assert_true(X509_sign(c->certificate, c->key, EVP_sha256()) > 0);
	assert_int_equal(X509_digest(c->certificate, EVP_sha256(), digest, NULL), 1);
	buf_init(&id, 33);
	hex_add(&id, slice_of(digest, 16), 0);
	(void)snprintf(c->id, sizeof(c->id), "%.*s", SLICE_FMT(buf_slice(&id)));
	(void)snprintf(c->standing, sizeof(c->standing), "pki.%s.0", c->id);
	(void)snprintf(c->topic_key, sizeof(c->topic_key), "pki/%s/0", c->id);
}

static void
ca_done(struct ca *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->certificate);
}

/* A CRL of ca with this number, signed by that key; 0: with none. */
static void
crl_make(long number, EVP_PKEY *key, struct buf *out)
{
	SCOPED(X509_CRL) crl = X509_CRL_new();
	SCOPED(ASN1_TIME) now = ASN1_TIME_set(NULL, NOW);
	SCOPED(ASN1_INTEGER) value = ASN1_INTEGER_new();
	uint8_t *der = NULL;
	int len;

	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.certificate)), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, now), 1);
	assert_int_equal(ASN1_INTEGER_set(value, number), 1);
	if (number > 0)
		assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0), 1);
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(crl, &der);
	assert_true(len > 0);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

/* Sends a record to the topic and what comes of it to the folder. header NULL: none. */
static void
give(struct crl_folder *f, const char *key, struct slice value, const char *header)
{
	const struct queue_header number = { "number", slice_text(header) };
	const struct queue_record r = { .topic = "t.crl",
		.partition = 0,
		.key = slice_text(key),
		.value = value,
		.headers = &number,
		.header_count = header != NULL };
	struct queue_message *m;
	struct err e = { 0 };

	if (!queue_produce(sender, &r, &e) || !queue_flush(sender, 5000, &e))
		fail_msg("produce: %s", e.msg);
	m = next(receiver);
	if (!crl_folder_take(f, m, &e))
		fail_msg("take: %s", e.msg);
	queue_message_free(m);
}

static void
give_number(struct crl_folder *f, const char *key, long number)
{
	struct buf SCOPED_BUF der = { 0 };
	char header[32];

	buf_init(&der, 65536);
	crl_make(number, ca.key, &der);
	(void)snprintf(header, sizeof(header), "%ld", number);
	give(f, key, buf_slice(&der), header);
}

static bool
folder_write(struct crl_folder *f)
{
	struct err e = { 0 };
	bool changed;

	if (!crl_folder_write(f, &changed, &e))
		fail_msg("write: %s", e.msg);
	return changed;
}

static struct crl_folder *
folder_open(void)
{
	struct err e = { 0 };
	struct crl_folder *f = crl_folder_open(folder, issuers, &e);

	if (f == NULL)
		fail_msg("%s: %s", folder, e.msg);
	return f;
}

/* The number of the CRL in a file; -1: no such file. */
static int64_t
file_number(const char *name, bool pem)
{
	char path[200];
	SCOPED(FILE) file = NULL;
	SCOPED(X509_CRL) crl = NULL;
	SCOPED(ASN1_INTEGER) number = NULL;
	int64_t value;

	(void)snprintf(path, sizeof(path), "%s/%s.%s", folder, name, pem ? "pem" : "der");
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	crl = pem ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : d2i_X509_CRL_fp(file, NULL);
	if (crl == NULL)
		fail_msg("%s is no CRL", path);
	number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	assert_int_equal(ASN1_INTEGER_get_int64(&value, number), 1);
	return value;
}

static void
expect_files(const char *name, int64_t number)
{
	if (file_number(name, false) != number || file_number(name, true) != number)
		fail_msg("%s: expected number %lld, came %lld (DER) and %lld (PEM)", name,
		    (long long)number, (long long)file_number(name, false),
		    (long long)file_number(name, true));
}

static size_t
folder_count(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
		count += d->d_name[0] != '.' || strlen(d->d_name) > 2;
	closedir(dir);
	return count;
}

/* How many CRLs the bundle holds, and the sum of their numbers; -1: there is none. */
static int
bundle_count(int64_t *ret_sum)
{
	char path[200];
	SCOPED(FILE) file = NULL;
	X509_CRL *crl;
	int count = 0;

	(void)snprintf(path, sizeof(path), "%s/all.pem", folder);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	for (*ret_sum = 0; (crl = PEM_read_X509_CRL(file, NULL, NULL, NULL)) != NULL; count++) {
		SCOPED(ASN1_INTEGER)
		number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
		int64_t value;

		assert_int_equal(ASN1_INTEGER_get_int64(&value, number), 1);
		*ret_sum += value;
		X509_CRL_free(crl);
	}
	return count;
}

static void
expect_bundle(int count, int64_t sum)
{
	int64_t is_sum = 0;
	int is_count = bundle_count(&is_sum);

	if (is_count != count || is_sum != sum)
		fail_msg("all.pem: expected %d CRLs with a sum of %lld, there are %d with %lld",
		    count, (long long)sum, is_count, (long long)is_sum);
}

static void
the_newest_stands(void **state)
{
	struct crl_folder *f = folder_open();
	char key[80], standing[80];

	(void)state;
	(void)snprintf(key, sizeof(key), "in.ner/%s/3", ca.id);
	(void)snprintf(standing, sizeof(standing), "in.ner.%s.3", ca.id);
	assert_false(folder_write(f));
	assert_int_equal(folder_count(), 0); /* no bundle of nothing */
	give_number(f, ca.topic_key, 1);
	give_number(f, ca.topic_key, 2);
	give_number(f, key, 7);
	assert_true(folder_write(f));
	expect_files(ca.standing, 2);
	expect_files(standing, 7);
	expect_bundle(2, 9);
	assert_int_equal(folder_count(), 5); /* and nothing temporary */
	assert_false(folder_write(f));
	give_number(f, ca.topic_key, 3);
	assert_true(folder_write(f));
	expect_files(ca.standing, 3);
	expect_bundle(2, 10);
	crl_folder_close(f);
}

/* Whatever comes between the newest and its writing. */
static void
what_came_is_not_lost(void **state)
{
	struct crl_folder *f = folder_open();
	struct buf SCOPED_BUF der = { 0 };

	(void)state;
	buf_init(&der, 65536);
	crl_make(9, other.key, &der);
	give_number(f, ca.topic_key, 2);
	give_number(f, ca.topic_key, 1);
	give(f, ca.topic_key, L("no CRL"), "3");
	give(f, ca.topic_key, buf_slice(&der), "9");
	give(f, ca.topic_key, SLICE_NONE, NULL);
	assert_true(folder_write(f));
	expect_files(ca.standing, 2);
	crl_folder_close(f);
}

/* The key names the issuer; its name, or another key of the same CA, is not enough. */
static void
it_is_from_its_issuer(void **state)
{
	struct crl_folder *f = folder_open();
	struct buf SCOPED_BUF forged = { 0 };
	struct buf SCOPED_BUF der = { 0 };

	(void)state;
	buf_init(&der, 65536);
	buf_init(&forged, 65536);
	crl_make(5, ca.key, &der);
	crl_make(5, other.key, &forged);
	give(f, ca.topic_key, buf_slice(&forged), "5");
	give(f, other.topic_key, buf_slice(&der), "5");
	give(f, other.topic_key, buf_slice(&forged), "5");
	give(f, "pki/00112233445566778899aabbccddeeff/0", buf_slice(&der), "5");
	assert_false(folder_write(f));
	assert_int_equal(folder_count(), 0);
	give(f, ca.topic_key, buf_slice(&der), "5");
	assert_true(folder_write(f));
	crl_folder_close(f);
}

/* With a file only its CAs count: for what is taken, for the bundle, and for what is missed. */
static void
only_wanted_issuers(void **state)
{
	struct crl_folder *f = folder_open();
	struct buf SCOPED_BUF pem = { 0 };
	struct crl_issuers *wanted, *unwanted;
	char path[200];
	FILE *file;
	struct err e = { 0 };
	int64_t sum;

	(void)state;
	give_number(f, ca.topic_key, 1);
	assert_true(folder_write(f));
	assert_true(crl_folder_is_whole(f, NOW - 1, &e));
	assert_false(crl_folder_is_whole(f, NOW, &e));
	assert_non_null(strstr(e.msg, "expired"));
	crl_folder_close(f);
	(void)snprintf(path, sizeof(path), "%s/ca", folder);
	buf_init(&pem, 65536);
	ca_pem(&other, &pem);
	file = fopen(path, "we");
	fwrite(pem.data, 1, pem.len, file);
	fflush(file);
	unwanted = crl_issuers_new(path, &e);
	assert_non_null(unwanted);
	buf_clear(&pem);
	ca_pem(&ca, &pem);
	fwrite(pem.data, 1, pem.len, file);
	fclose(file);
	wanted = crl_issuers_new(path, &e);
	assert_non_null(wanted);
	f = crl_folder_open(folder, unwanted, &e);
	assert_non_null(f);
	give_number(f, ca.topic_key, 2);
	assert_false(folder_write(f));
	expect_files(ca.standing, 1);
	expect_bundle(1, 1); /* as it was: there is nothing to put in its place */
	assert_false(crl_folder_is_whole(f, NOW - 1, &e));
	assert_non_null(strstr(e.msg, other.id));
	crl_folder_close(f);
	f = crl_folder_open(folder, wanted, &e);
	assert_non_null(f);
	give_number(f, ca.topic_key, 3);
	assert_true(folder_write(f));
	assert_int_equal(bundle_count(&sum), 1);
	assert_false(crl_folder_is_whole(f, NOW - 1, &e)); /* other has none */
	crl_folder_close(f);
	crl_issuers_free(wanted);
	crl_issuers_free(unwanted);
	assert_int_equal(truncate(path, 0), 0);
	assert_null(crl_issuers_new(path, &e));
}

/* What was written and not bundled before a crash is bundled after it. */
static void
a_lost_bundle_comes_back(void **state)
{
	struct crl_folder *f = folder_open();
	char path[200];

	(void)state;
	give_number(f, ca.topic_key, 5);
	assert_true(folder_write(f));
	crl_folder_close(f);
	(void)snprintf(path, sizeof(path), "%s/all.pem", folder);
	assert_int_equal(unlink(path), 0);
	f = folder_open();
	assert_false(folder_write(f));
	expect_bundle(1, 5);
	crl_folder_close(f);
}

/* Also after a restart, and when the topic is read again from its start. */
static void
it_never_goes_back(void **state)
{
	struct crl_folder *f = folder_open();

	(void)state;
	give_number(f, ca.topic_key, 5);
	assert_true(folder_write(f));
	give_number(f, ca.topic_key, 4);
	assert_false(folder_write(f));
	expect_files(ca.standing, 5);
	crl_folder_close(f);
	f = folder_open();
	give_number(f, ca.topic_key, 4);
	assert_false(folder_write(f));
	give_number(f, ca.topic_key, 5);
	assert_false(folder_write(f));
	give_number(f, ca.topic_key, 6);
	assert_true(folder_write(f));
	expect_files(ca.standing, 6);
	crl_folder_close(f);
}

static void
a_lost_file_comes_back(void **state)
{
	struct crl_folder *f = folder_open();
	char path[200];

	(void)state;
	give_number(f, ca.topic_key, 5);
	assert_true(folder_write(f));
	crl_folder_close(f);
	(void)snprintf(path, sizeof(path), "%s/%s.pem", folder, ca.standing);
	assert_int_equal(unlink(path), 0);
	f = folder_open();
	give_number(f, ca.topic_key, 5);
	assert_true(folder_write(f));
	expect_files(ca.standing, 5);
	crl_folder_close(f);
}

static void
what_is_no_crl_is_passed_over(void **state)
{
	struct crl_folder *f = folder_open();
	struct buf SCOPED_BUF der = { 0 };
	struct buf SCOPED_BUF unnumbered = { 0 };

	(void)state;
	buf_init(&der, 65536);
	buf_init(&unnumbered, 65536);
	crl_make(9, ca.key, &der);
	crl_make(0, ca.key, &unnumbered);
	give_number(f, ca.topic_key, 5);
	assert_true(folder_write(f));
	give(f, ca.topic_key, L("no CRL"), "6");
	assert_false(folder_write(f));
	give(f, ca.topic_key, buf_slice(&der), "8"); /* another number than it says */
	assert_false(folder_write(f));
	give(f, ca.topic_key, buf_slice(&der), "9x");
	assert_false(folder_write(f));
	give(f, ca.topic_key, buf_slice(&der), NULL);
	assert_false(folder_write(f));
	give(f, ca.topic_key, buf_slice(&unnumbered), "10");
	assert_false(folder_write(f));
	give(f, ca.topic_key, SLICE_NONE, "11");
	assert_false(folder_write(f));
	buf_add_byte(&der, 0); /* a byte behind it */
	give(f, ca.topic_key, buf_slice(&der), "9");
	assert_false(folder_write(f));
	give_number(f, "../../etc", 9);
	give_number(f, "../x/0", 9);
	give_number(f, "pki/../0", 9);
	assert_false(folder_write(f));
	expect_files(ca.standing, 5);
	assert_int_equal(folder_count(), 3);
	crl_folder_close(f);
}

static void
two_followers_do_not_share(void **state)
{
	struct crl_folder *f = folder_open();
	struct err e = { 0 };

	(void)state;
	assert_null(crl_folder_open(folder, issuers, &e));
	assert_non_null(strstr(e.msg, "another follower"));
	crl_folder_close(f);
	f = folder_open();
	crl_folder_close(f);
}

static void
names(void **state)
{
	static const struct {
		const char *key, *want; /* NULL: refused */
	} cases[] = {
		{ "pki/0a1b/0", "pki.0a1b.0" },
		{ "a.b-c_d/0a/12", "a.b-c_d.0a.12" },
		{ "", NULL },
		{ "pki", NULL },
		{ "pki/aa", NULL },
		{ "pki//0", NULL },
		{ "/aa/0", NULL },
		{ "pki/aa/", NULL },
		{ "pki/aa/0/1", NULL },
		{ "../aa/0", NULL },
		{ ".hidden/aa/0", NULL },
		{ "pki/a.a/0", NULL },
		{ "pki/aa/0.0", NULL },
		{ "p ki/aa/0", NULL },
		{ "p\nki/aa/0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[256] = "";
		bool good = crl_file_name(slice_text(cases[i].key), name);

		if (good != (cases[i].want != NULL) || (good && strcmp(name, cases[i].want) != 0))
			fail_msg("\"%s\": expected %s, came %s", cases[i].key,
			    cases[i].want == NULL ? "a refusal" : cases[i].want,
			    good ? name : "a refusal");
	}
}

static int
world(void **state)
{
	struct buf SCOPED_BUF pem = { 0 };
	struct err e = { 0 };

	setup(state);
	topic("t.crl", 1);
	topic("t.ca", 1);
	ca_make(&ca, "CA");
	ca_make(&other, "Other CA");
	sender = producer(NULL);
	receiver = reader("t.crl", -1, QUEUE_FROM_START);
	buf_init(&pem, 65536);
	ca_pem(&other, &pem); /* its chain, as it were */
	ca_pem(&ca, &pem);
	produce(sender, "t.ca", 0, L("fleet"), L("{}"));
	produce(sender, "t.ca", 0, L("x/y"), L("-----BEGIN CERTIFICATE-----\nMAA=\n"));
	produce(sender, "t.ca", 0, L("pki/any"), buf_slice(&pem));
	flush(sender);
	probe = queue_probe_open(&options, &e);
	issuers = crl_issuers_new(NULL, &e);
	return probe == NULL || !crl_issuers_join(issuers, &options, probe, "t.ca", &e);
}

static int
world_end(void **state)
{
	crl_issuers_free(issuers);
	queue_probe_close(probe);
	queue_reader_close(receiver);
	queue_producer_close(sender);
	ca_done(&ca);
	ca_done(&other);
	return teardown(state);
}

static int
folder_make(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/certmill-crls-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
folder_remove(void **state)
{
	DIR *dir = opendir(folder);

	(void)state;
	for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
		(void)unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
	return rmdir(folder);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(the_newest_stands),
		IN_FOLDER(what_came_is_not_lost),
		IN_FOLDER(it_is_from_its_issuer),
		IN_FOLDER(only_wanted_issuers),
		IN_FOLDER(a_lost_bundle_comes_back),
		IN_FOLDER(it_never_goes_back),
		IN_FOLDER(a_lost_file_comes_back),
		IN_FOLDER(what_is_no_crl_is_passed_over),
		IN_FOLDER(two_followers_do_not_share),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, world, world_end);
}
