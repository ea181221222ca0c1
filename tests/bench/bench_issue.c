/*
 * What a certificate costs without Redis and Kafka: key, certificate, private key, PEM of both; a CSR's intake and
 * verification; CRLs. Beside it, in the same run, what OpenSSL needs for the work that nobody can avoid. Thread CPU time, the
 * least of ROUNDS, which take turns, so that what else runs on the machine counts little.
 */
#include "certificate.h"
#include "crl.h"
#include "csr.h"
#include "encode.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"
#include "serial.h"
#include "timespan.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define ROUNDS 25
#define EACH   400
#define MIB    (1024 * 1024)

struct bench {
	EVP_PKEY *ca_key;
	struct issuer *issuer;
	struct signer *signer;
	struct keymaker *maker;
	struct serial_source *serials;
	struct csr_verifier *verifier;
	struct buf der, pem, key_pem;
	struct leaf_key leaf;
	struct slice csr_pem;
	struct arena memory, batch;
	EVP_PKEY_CTX *raw_keygen, *raw_sign;
	uint8_t hash[32];
};

static void
must(bool ok, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "bench_issue: %s\n", e->msg);
	exit(1);
}

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- the work ---- */

static struct slice names[] = { { (const uint8_t *)"www.example.com", 15 },
	{ (const uint8_t *)"example.com", 11 } };
static struct slice url[] = { { (const uint8_t *)"http://ca.example.com/v1/pki/crl", 32 } };
static const struct certificate_urls urls = { { url, 1 }, { url, 1 }, { NULL, 0 } };
static const struct template leaf_template = {
	.common_name = { (const uint8_t *)"www.example.com", 15 },
	.dns = { names, 2 },
	.not_before = 1700000000,
	.not_after = 1700259200,
	.key_usage = USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT,
	.ext_key_usage = PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH,
	.max_path_length = -1,
};

static void
build(struct bench *b, struct slice spki)
{
	uint8_t serial[SERIAL_SIZE];
	struct err e = { 0 };
	struct certificate_input in = {
		.template = &leaf_template,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = spki,
		.issuer_subject = b->issuer->subject,
		.issuer_key_id = b->issuer->key_id,
		.urls = &urls,
	};

	must(serial_next(b->serials, serial, &e), &e);
	buf_clear(&b->der);
	must(certificate_build(&in, b->signer, &b->der, &e), &e);
	buf_clear(&b->pem);
	pem_add(&b->pem, "CERTIFICATE", buf_slice(&b->der));
}

static void
make_key(struct bench *b)
{
	struct err e = { 0 };

	must(keymaker_make(b->maker, KEY_EC, 256, INT64_MAX, &b->leaf, &e), &e);
}

static void
build_only(struct bench *b)
{
	build(b, buf_slice(&b->leaf.spki));
}

static void
issue(struct bench *b)
{
	make_key(b);
	build_only(b);
	buf_clear(&b->key_pem);
	pem_add(&b->key_pem, key_pem_label(KEY_EC), buf_slice(&b->leaf.private_der));
}

static void
parse(struct bench *b)
{
	struct err e = { 0 };
	struct csr csr;

	must(csr_parse(b->csr_pem, &b->batch, &csr, &e), &e);
	arena_reset(&b->batch);
}

static void
sign(struct bench *b)
{
	struct err e = { 0 };
	struct csr csr;

	must(csr_parse(b->csr_pem, &b->batch, &csr, &e), &e);
	must(csr_verify(b->verifier, &csr, &e), &e);
	build(b, csr.spki);
	arena_reset(&b->batch);
}

/* ---- what nobody can avoid ---- */

static void
raw_keygen(struct bench *b)
{
	SCOPED(EVP_PKEY) key = NULL;

	if (EVP_PKEY_generate(b->raw_keygen, &key) <= 0)
		abort();
}

static void
raw_signature(struct bench *b)
{
	uint8_t signature[128];
	size_t len = sizeof(signature);

	if (EVP_PKEY_sign(b->raw_sign, signature, &len, b->hash, sizeof(b->hash)) <= 0)
		abort();
}

static void
raw_verification(struct bench *b)
{
	static uint8_t signature[128];
	static size_t len;
	static EVP_PKEY_CTX *ctx;

	if (ctx == NULL) {
		len = sizeof(signature);
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, b->ca_key, NULL);
		if (EVP_PKEY_sign(b->raw_sign, signature, &len, b->hash, sizeof(b->hash)) <= 0 ||
		    EVP_PKEY_verify_init(ctx) <= 0)
			abort();
	}
	if (EVP_PKEY_verify(ctx, signature, len, b->hash, sizeof(b->hash)) != 1)
		abort();
}

/* ---- set up ---- */

static void
make_issuer(struct bench *b)
{
	static const uint8_t serial[SERIAL_SIZE] = { 1 };
	struct buf SCOPED_BUF der;
	struct err e = { 0 };
	struct template t = { .common_name = SLICE_LITERAL("Bench Root"),
		.not_after = 2000000000,
		.is_ca = true,
		.max_path_length = -1,
		.key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN };
	uint8_t *spki = NULL;
	int len;

	b->ca_key = key_generate(KEY_EC, 256, INT64_MAX, &e);
	must(b->ca_key != NULL, &e);
	b->signer = signer_new(b->ca_key, &e);
	len = i2d_PUBKEY(b->ca_key, &spki);
	struct certificate_input in = { .template = &t,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = slice_of(spki, (size_t)len) };
	buf_init(&der, CERTIFICATE_MAX);
	must(certificate_build(&in, b->signer, &der, &e), &e);
	b->issuer = issuer_new(buf_slice(&der), NULL, 0, b->ca_key, &e);
	must(b->issuer != NULL, &e);
	OPENSSL_free(spki);
}

static void
make_csr(struct bench *b)
{
	SCOPED(X509_REQ) req = X509_REQ_new();
	struct buf SCOPED_BUF pem;
	uint8_t *der = NULL;
	int len;

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8,
	    (const unsigned char *)"www.example.com", -1, -1, 0);
	X509_REQ_set_pubkey(req, b->ca_key);
	X509_REQ_sign(req, b->ca_key, EVP_sha256());
	len = i2d_X509_REQ(req, &der);
	buf_init(&pem, 4096);
	pem_add(&pem, "CERTIFICATE REQUEST", slice_of(der, (size_t)len));
	b->csr_pem = arena_copy(&b->memory, buf_slice(&pem));
	OPENSSL_free(der);
}

static void
bench_open(struct bench *b)
{
	struct err e = { 0 };
	struct secret *kek = secret_random(&e);

	must(kek != NULL, &e);
	make_issuer(b);
	make_csr(b);
	b->maker = keymaker_new(NULL, &e);
	b->verifier = csr_verifier_new(&e);
	b->serials = serial_source_new(kek, SLICE_LITERAL("pki"), &e);
	must(b->maker != NULL && b->verifier != NULL && b->serials != NULL, &e);
	secret_free(kek);
	serial_source_lease(b->serials, 0, UINT32_MAX);
	buf_init(&b->der, CERTIFICATE_MAX);
	buf_init(&b->pem, CERTIFICATE_MAX);
	buf_init_secret(&b->key_pem, 16384);
	leaf_key_init(&b->leaf);
	b->raw_keygen = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	b->raw_sign = EVP_PKEY_CTX_new_from_pkey(NULL, b->ca_key, NULL);
	if (EVP_PKEY_keygen_init(b->raw_keygen) <= 0 ||
	    EVP_PKEY_CTX_set_group_name(b->raw_keygen, "P-256") <= 0 ||
	    EVP_PKEY_sign_init(b->raw_sign) <= 0)
		abort();
	make_key(b);
}

static void
bench_close(struct bench *b)
{
	EVP_PKEY_CTX_free(b->raw_keygen);
	EVP_PKEY_CTX_free(b->raw_sign);
	leaf_key_done(&b->leaf);
	buf_done(&b->der);
	buf_done(&b->pem);
	buf_done(&b->key_pem);
	serial_source_free(b->serials);
	csr_verifier_free(b->verifier);
	keymaker_free(b->maker);
	issuer_free(b->issuer);
	signer_free(b->signer);
	EVP_PKEY_free(b->ca_key);
	arena_done(&b->memory);
	arena_done(&b->batch);
}

/* ---- CRLs ---- */

static long
resident_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void
crl(struct bench *b, uint32_t count)
{
	struct crl_entries *set = crl_entries_new();
	struct crl_input in = { set, b->issuer, 1, 1700000000, 1700259200, SLICE_NONE };
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	long before = resident_kib();
	double start = cpu_us(), put, built = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t serial[SERIAL_SIZE];
		/* two of three with a reason, as measured elsewhere */
		struct crl_entry entry = { slice_of(serial, sizeof(serial)), 1700000000 + i,
			i % 3 == 0 ? 0 : 1, INT64_MIN, 1800000000 };

		must(serial_next(b->serials, serial, &e), &e);
		crl_entries_put(set, &entry);
	}
	put = cpu_us() - start;
	for (int round = 0; round < 5; round++) {
		double took;

		buf_init(&out, CRL_DER_MAX);
		start = cpu_us();
		must(crl_build(&in, b->signer, &out, &e), &e);
		took = cpu_us() - start;
		if (round == 0 || took < built)
			built = took;
		if (round < 4)
			buf_done(&out);
	}
	printf(
	    "CRL of %7u entries   %8.2f ms  (%.2f us an entry to put), %.1f MiB of DER, peak +%.0f MiB\n",
	    count, built / 1000, put / count, (double)out.len / MIB,
	    (double)(resident_kib() - before) / 1024);
	crl_entries_free(set);
}

enum part { KEYGEN, SIGNATURE, VERIFICATION, KEY, BUILD, INTAKE, ISSUE, SIGN, PARTS };

static const struct {
	const char *name;
	void (*work)(struct bench *b);
} parts[PARTS] = {
	[KEYGEN] = { "raw P-256 key generation", raw_keygen },
	[SIGNATURE] = { "raw signature", raw_signature },
	[VERIFICATION] = { "raw verification", raw_verification },
	[KEY] = { "key and its encodings", make_key },
	[BUILD] = { "serial, certificate, PEM", build_only },
	[INTAKE] = { "CSR intake", parse },
	[ISSUE] = { "issue", issue },
	[SIGN] = { "sign", sign },
};

static void
measure(struct bench *b, double least[static PARTS])
{
	for (int round = 0; round < ROUNDS; round++)
		for (size_t part = 0; part < PARTS; part++) {
			double start = cpu_us(), took;

			for (int i = 0; i < EACH; i++)
				parts[part].work(b);
			took = (cpu_us() - start) / EACH;
			if (round == 0 || took < least[part])
				least[part] = took;
		}
}

int
main(void)
{
	struct bench b = { 0 };
	double us[PARTS] = { 0 };

	bench_open(&b);
	measure(&b, us);
	for (size_t part = 0; part < PARTS; part++)
		printf("%-25s %6.1f us\n", parts[part].name, us[part]);
	printf("issue / (key generation + signature)  %.2f\n",
	    us[ISSUE] / (us[KEYGEN] + us[SIGNATURE]));
	printf("sign / (verification + signature)     %.2f\n",
	    us[SIGN] / (us[VERIFICATION] + us[SIGNATURE]));
	crl(&b, 10000);
	crl(&b, 100000);
	crl(&b, 1000000);
	bench_close(&b);
	return 0;
}
