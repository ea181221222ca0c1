/*
 * certificate_build, csr_build: whatever a template holds, what is built is DER that OpenSSL reads to its end, verifies and
 * encodes in the same way; and a request is taken in again where its names are ones. The first octet says what the template
 * is beside its texts, then come texts: an octet that says whose, one that says how long, and they.
 */
#include "certificate.h"
#include "csr_names.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"

#include <openssl/err.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES_MAX 64

static void
require(bool condition)
{
	if (!condition)
		abort();
}

struct texts {
	struct slice items[16][VALUES_MAX];
	struct other_name others[VALUES_MAX];
};

/* clang-format off */
static const size_t lists[] = {
	offsetof(struct template, country), offsetof(struct template, organization),
	offsetof(struct template, organizational_unit), offsetof(struct template, locality),
	offsetof(struct template, province), offsetof(struct template, street_address),
	offsetof(struct template, postal_code), offsetof(struct template, user_ids),
	offsetof(struct template, dns), offsetof(struct template, emails), offsetof(struct template, uris),
	offsetof(struct template, ips), offsetof(struct template, extensions),
};
static const size_t singles[] = {
	offsetof(struct template, common_name), offsetof(struct template, serial_number),
};
/* clang-format on */
#define LISTS   (sizeof(lists) / sizeof(lists[0]))
#define SINGLES (sizeof(singles) / sizeof(singles[0]))
#define WHERE   (SINGLES + LISTS + 1)

/* Addresses and extensions. */
static bool
is_octets(size_t where)
{
	return where == SINGLES + LISTS - 2 || where == SINGLES + LISTS - 1;
}

static void
keep_other(struct template *t, struct texts *room, struct slice text)
{
	static const struct slice oid = { (const uint8_t *)"\x2a\x03\x04", 3 };

	t->others.items = room->others;
	if (t->others.count < VALUES_MAX)
		room->others[t->others.count++] = (struct other_name){ oid, text };
}

static void
keep(struct template *t, struct texts *room, size_t where, struct slice text)
{
	struct slice_list list;
	char *member;

	if (where < SINGLES) {
		memcpy((char *)t + singles[where], &text, sizeof(text));
		return;
	}
	where -= SINGLES;
	if (where == LISTS) {
		keep_other(t, room, text);
		return;
	}
	member = (char *)t + lists[where];
	memcpy(&list, member, sizeof(list));
	if (list.count == VALUES_MAX)
		return;
	list.items = room->items[where];
	list.items[list.count++] = text;
	memcpy(member, &list, sizeof(list));
}

static void
fill(struct template *t, struct texts *room, const uint8_t *data, size_t size)
{
	unsigned flags = size > 0 ? data[0] : 0;

	*t = (struct template){ .not_before = 1700000000,
		.not_after = 1700003600,
		.is_ca = flags & 1,
		.basic_constraints = flags & 2,
		.max_path_length = flags & 4 ? (int64_t)flags : -1,
		.key_usage = flags & 8 ? flags * 2 : 0,
		.ext_key_usage = flags & 16 ? flags * 64 : 0 };
	for (size_t at = 1; at + 2 <= size;) {
		size_t len = data[at + 1], left = size - at - 2;

		len = len < left ? len : left;
		size_t where = data[at] % WHERE;
		struct slice text = slice_of(data + at + 2, len);

		/* whoever fills a template has texts that are UTF-8 */
		if (is_octets(where) || csr_utf8_valid(text))
			keep(t, room, where, text);
		at += 2 + len;
	}
}

static void
check_certificate(const struct template *t, struct slice spki, EVP_PKEY *key, struct signer *s)
{
	static const uint8_t serial[SERIAL_SIZE] = { 1 };
	const struct certificate_input in = {
		.template = t, .serial = slice_of(serial, sizeof(serial)), .spki = spki
	};
	struct buf SCOPED_BUF out;
	struct err e = { 0 };

	buf_init(&out, CERTIFICATE_MAX);
	if (!certificate_build(&in, s, &out, &e)) {
		require(e.code == ERR_INTERNAL && t->extensions.count > 0);
		return;
	}
	const uint8_t *at = out.data;
	SCOPED(X509) x = d2i_X509(NULL, &at, (long)out.len);
	uint8_t *der = NULL;

	require(x != NULL && at == out.data + out.len && X509_verify(x, key) == 1);
	int len = i2d_re_X509_tbs(x, &der);
	require(len > 0 && memmem(out.data, out.len, der, (size_t)len) != NULL);
	OPENSSL_free(der);
}

static void
check_request(const struct template *t, struct slice spki, EVP_PKEY *key, struct signer *s)
{
	struct buf SCOPED_BUF out;
	struct err e = { 0 };

	buf_init(&out, CERTIFICATE_MAX);
	require(csr_build(t, spki, s, &out, &e));
	const uint8_t *at = out.data;
	SCOPED(X509_REQ) req = d2i_X509_REQ(NULL, &at, (long)out.len);
	uint8_t *der = NULL;

	require(req != NULL && at == out.data + out.len && X509_REQ_verify(req, key) == 1);
	int len = i2d_re_X509_REQ_tbs(req, &der);
	require(len > 0 && memmem(out.data, out.len, der, (size_t)len) != NULL);
	OPENSSL_free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct texts room;
	static EVP_PKEY *key;
	static struct signer *signer;
	static uint8_t spki[64];
	static int spki_len;
	struct template t;

	if (key == NULL) {
		struct err e;
		uint8_t *at = spki;

		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		signer = signer_new(key, &e);
		spki_len = i2d_PUBKEY(key, &at);
	}
	require(signer != NULL);
	fill(&t, &room, data, size);
	check_certificate(&t, slice_of(spki, (size_t)spki_len), key, signer);
	check_request(&t, slice_of(spki, (size_t)spki_len), key, signer);
	ERR_clear_error();
	return 0;
}
