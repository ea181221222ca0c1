/* The folder of CRLs, fed with messages from librdkafka's mock broker. */
#include "mock_fixture.h"

#include "buf.h"
#include "follow_crl.h"
#include "scoped_openssl.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <sys/stat.h>

static EVP_PKEY *ca_key;
static struct queue_producer *sender;
static struct queue_reader *receiver;
static char folder[64];

/* A CRL with this number; 0: with none. */
static void
crl_make(long number, struct buf *out)
{
	SCOPED(X509_CRL) crl = X509_CRL_new();
	SCOPED(ASN1_TIME) now = ASN1_TIME_set(NULL, 1700000000);
	SCOPED(ASN1_INTEGER) value = ASN1_INTEGER_new();
	SCOPED(X509_NAME) name = X509_NAME_new();
	uint8_t *der = NULL;
	int len;

	assert_int_equal(X509_NAME_add_entry_by_txt(
			     name, "CN", MBSTRING_ASC, (const unsigned char *)"CA", -1, -1, 0),
	    1);
	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, name), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, now), 1);
	assert_int_equal(ASN1_INTEGER_set(value, number), 1);
	if (number > 0)
		assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0), 1);
	assert_true(X509_CRL_sign(crl, ca_key, EVP_sha256()) > 0);
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
	crl_folder_take(f, m);
	queue_message_free(m);
}

static void
give_number(struct crl_folder *f, const char *key, long number)
{
	struct buf SCOPED_BUF der = { 0 };
	char header[32];

	buf_init(&der, 65536);
	crl_make(number, &der);
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
	struct crl_folder *f = crl_folder_open(folder, &e);

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

static void
the_newest_stands(void **state)
{
	struct crl_folder *f = folder_open();

	(void)state;
	give_number(f, "pki/aa/0", 1);
	give_number(f, "pki/aa/0", 2);
	give_number(f, "in.ner/bb/3", 7);
	assert_true(folder_write(f));
	expect_files("pki.aa.0", 2);
	expect_files("in.ner.bb.3", 7);
	assert_int_equal(folder_count(), 4); /* and nothing temporary */
	assert_false(folder_write(f));
	give_number(f, "pki/aa/0", 3);
	assert_true(folder_write(f));
	expect_files("pki.aa.0", 3);
	crl_folder_close(f);
}

/* Also after a restart, and when the topic is read again from its start. */
static void
it_never_goes_back(void **state)
{
	struct crl_folder *f = folder_open();

	(void)state;
	give_number(f, "pki/aa/0", 5);
	assert_true(folder_write(f));
	give_number(f, "pki/aa/0", 4);
	assert_false(folder_write(f));
	expect_files("pki.aa.0", 5);
	crl_folder_close(f);
	f = folder_open();
	give_number(f, "pki/aa/0", 4);
	assert_false(folder_write(f));
	give_number(f, "pki/aa/0", 5);
	assert_false(folder_write(f));
	give_number(f, "pki/aa/0", 6);
	assert_true(folder_write(f));
	expect_files("pki.aa.0", 6);
	crl_folder_close(f);
}

static void
a_lost_file_comes_back(void **state)
{
	struct crl_folder *f = folder_open();
	char path[200];

	(void)state;
	give_number(f, "pki/aa/0", 5);
	assert_true(folder_write(f));
	crl_folder_close(f);
	(void)snprintf(path, sizeof(path), "%s/pki.aa.0.pem", folder);
	assert_int_equal(unlink(path), 0);
	f = folder_open();
	give_number(f, "pki/aa/0", 5);
	assert_true(folder_write(f));
	expect_files("pki.aa.0", 5);
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
	crl_make(9, &der);
	crl_make(0, &unnumbered);
	give_number(f, "pki/aa/0", 5);
	assert_true(folder_write(f));
	give(f, "pki/aa/0", L("no CRL"), "6");
	assert_false(folder_write(f));
	give(f, "pki/aa/0", buf_slice(&der), "8"); /* another number than it says */
	assert_false(folder_write(f));
	give(f, "pki/aa/0", buf_slice(&der), "9x");
	assert_false(folder_write(f));
	give(f, "pki/aa/0", buf_slice(&der), NULL);
	assert_false(folder_write(f));
	give(f, "pki/aa/0", buf_slice(&unnumbered), "10");
	assert_false(folder_write(f));
	give(f, "pki/aa/0", SLICE_NONE, "11");
	assert_false(folder_write(f));
	buf_add_byte(&der, 0); /* a byte behind it */
	give(f, "pki/aa/0", buf_slice(&der), "9");
	assert_false(folder_write(f));
	give_number(f, "../../etc", 9);
	give_number(f, "../x/0", 9);
	give_number(f, "pki/../0", 9);
	assert_false(folder_write(f));
	expect_files("pki.aa.0", 5);
	assert_int_equal(folder_count(), 2);
	crl_folder_close(f);
}

static void
two_followers_do_not_share(void **state)
{
	struct crl_folder *f = folder_open();
	struct err e = { 0 };

	(void)state;
	assert_null(crl_folder_open(folder, &e));
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
	setup(state);
	topic("t.crl", 1);
	ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_non_null(ca_key);
	sender = producer(NULL);
	receiver = reader("t.crl", -1, QUEUE_FROM_START);
	return 0;
}

static int
world_end(void **state)
{
	queue_reader_close(receiver);
	queue_producer_close(sender);
	EVP_PKEY_free(ca_key);
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
		IN_FOLDER(it_never_goes_back),
		IN_FOLDER(a_lost_file_comes_back),
		IN_FOLDER(what_is_no_crl_is_passed_over),
		IN_FOLDER(two_followers_do_not_share),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, world, world_end);
}
