#include "bundle_key.h"
#include "certificate.h"
#include "encode.h"
#include "issuer.h"
#include "key.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define CERTIFICATES_MAX 16
#define SEALED_KEY_MAX   (64 * 1024)

struct parts {
	EVP_PKEY *key;
	bool key_was_sealed;
	struct slice der[CERTIFICATES_MAX];
	X509 *x509[CERTIFICATES_MAX];
	bool placed[CERTIFICATES_MAX];
	size_t count;
};

static void
parts_done(struct parts *p)
{
	EVP_PKEY_free(p->key);
	for (size_t i = 0; i < p->count; i++)
		X509_free(p->x509[i]);
}
#define SCOPED_PARTS __attribute__((cleanup(parts_done)))

static bool
keep_key(struct parts *p, EVP_PKEY *key, struct err *e)
{
	if (key == NULL)
		return false;
	if (p->key != NULL) {
		EVP_PKEY_free(key);
		return err_set(e, ERR_CA_INVALID, "the bundle holds two private keys");
	}
	p->key = key;
	return true;
}

static bool
keep_certificate(struct parts *p, struct slice der, struct err *e)
{
	const uint8_t *at = der.data;
	SCOPED(X509) x = d2i_X509(NULL, &at, (long)der.len);

	if (x == NULL) {
		err_openssl(e, "d2i_X509");
		return err_set(e, ERR_CA_INVALID, "certificate %zu of the bundle does not parse",
		    p->count + 1);
	}
	if (at != der.data + der.len)
		return err_set(e, ERR_CA_INVALID,
		    "there are bytes behind certificate %zu of the bundle", p->count + 1);
	for (size_t i = 0; i < p->count; i++)
		if (slice_eq(p->der[i], der))
			return true;
	if (p->count == CERTIFICATES_MAX)
		return err_set(
		    e, ERR_CA_INVALID, "the bundle holds over %d certificates", CERTIFICATES_MAX);
	p->der[p->count] = der;
	p->x509[p->count++] = TAKE(x);
	return true;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line without the white space around it; moves *text behind it. */
static struct slice
next_line(struct slice *text)
{
	const uint8_t *newline = memchr(text->data, '\n', text->len);
	struct slice line = *text;

	if (newline != NULL)
		line.len = (size_t)(newline - text->data);
	*text = slice_of(text->data + line.len, text->len - line.len);
	if (newline != NULL)
		*text = slice_of(text->data + 1, text->len - 1);
	while (line.len > 0 && is_space(line.data[line.len - 1]))
		line.len--;
	while (line.len > 0 && is_space(line.data[0]))
		line = slice_of(line.data + 1, line.len - 1);
	return line;
}

static bool
open_token(struct slice token, EVP_PKEY *fleet_key, struct parts *p, struct err *e)
{
	struct buf SCOPED_BUF opened = { 0 };

	if (fleet_key == NULL)
		return err_set(
		    e, ERR_SEAL_INVALID, "there is no fleet key to open the sealed key with");
	buf_init_secret(&opened, SEALED_KEY_MAX);
	if (!jwe_open(fleet_key, token, &opened, e) ||
	    !keep_key(p, key_from_opened(buf_slice(&opened), e), e))
		return false;
	p->key_was_sealed = true;
	return true;
}

/* Compact JWEs stand on lines of their own, outside the PEM blocks. */
static bool
read_tokens(struct slice gap, EVP_PKEY *fleet_key, struct parts *p, struct err *e)
{
	while (gap.len > 0) {
		struct slice line = next_line(&gap);

		if (jwe_is(line) && !open_token(line, fleet_key, p, e))
			return false;
	}
	return true;
}

static bool
label_ends_with(struct slice label, const char *end)
{
	size_t len = strlen(end);

	return label.len >= len && memcmp(label.data + label.len - len, end, len) == 0;
}

/* text begins with the block. */
static bool
read_block(struct slice *text, struct arena *a, struct parts *p, struct err *e)
{
	struct slice label = pem_label(*text), der;
	size_t len = pem_length(*text);

	if (len == 0)
		return err_set(e, ERR_CA_INVALID, "the bundle's last PEM block is cut short");
	if (label_ends_with(label, "PRIVATE KEY")) {
		struct slice block = slice_of(text->data, len);

		*text = slice_of(text->data + len, text->len - len);
		return keep_key(p, key_from_pem(block, e), e);
	}
	if (!pem_next(text, a, &label, &der, e))
		return err_set(e, ERR_CA_INVALID, "a PEM block of the bundle is broken");
	if (slice_is(label, "EC PARAMETERS"))
		return true;
	if (!slice_is(label, "CERTIFICATE") && !slice_is(label, "X509 CERTIFICATE"))
		return err_set(e, ERR_CA_INVALID,
		    "the bundle holds a \"%.*s\", neither certificate nor key", SLICE_FMT(label));
	return keep_certificate(p, der, e);
}

static bool
read_parts(struct slice text, EVP_PKEY *fleet_key, struct arena *a, struct parts *p, struct err *e)
{
	while (text.len > 0) {
		size_t start = pem_start(text);

		if (!read_tokens(slice_of(text.data, start), fleet_key, p, e))
			return false;
		text = slice_of(text.data + start, text.len - start);
		if (text.len > 0 && !read_block(&text, a, p, e))
			return false;
	}
	return true;
}

static bool
belongs(X509 *x, EVP_PKEY *key)
{
	EVP_PKEY *public = X509_get0_pubkey(x);

	return public != NULL && EVP_PKEY_eq(public, key) == 1;
}

/* The key of a bundle that brings none. */
static bool
find_known(struct parts *p, const struct bundle_keys *known, struct err *e)
{
	for (size_t k = 0; known != NULL && k < known->count; k++)
		for (size_t i = 0; i < p->count; i++)
			if (belongs(p->x509[i], known->keys[k])) {
				EVP_PKEY_up_ref(known->keys[k]);
				p->key = known->keys[k];
				return true;
			}
	ERR_clear_error(); /* keys of other types are an error there */
	return err_set(e, ERR_CA_INVALID, "the bundle holds no private key%s",
	    known == NULL || known->count == 0 ? ""
					       : ", and the mount has none for its certificates");
}

static bool
find_own(const struct parts *p, size_t *ret, struct err *e)
{
	size_t found = p->count;

	if (p->count == 0)
		return err_set(e, ERR_CA_INVALID, "the bundle holds no certificate");
	for (size_t i = 0; i < p->count; i++) {
		if (!belongs(p->x509[i], p->key))
			continue;
		if (found != p->count)
			return err_set(e, ERR_CA_INVALID,
			    "the private key belongs to two certificates of the bundle");
		found = i;
	}
	ERR_clear_error(); /* keys of other types are an error there */
	if (found == p->count)
		return err_set(
		    e, ERR_CA_INVALID, "the private key belongs to no certificate of the bundle");
	*ret = found;
	return true;
}

/* depth: how many CA certificates stand below it on the way to a leaf. */
static bool
check_ca(X509 *x, int64_t now, long depth, struct err *e)
{
	uint32_t flags = X509_get_extension_flags(x);
	time_t at = (time_t)now;
	long path_length = X509_get_pathlen(x);

	if (flags & EXFLAG_INVALID)
		return err_set(
		    e, ERR_CA_INVALID, "an extension of the CA certificate does not parse");
	if (!(flags & EXFLAG_CA))
		return err_set(e, ERR_CA_INVALID, "the certificate is no CA's (basicConstraints)");
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(x) & KU_KEY_CERT_SIGN))
		return err_set(
		    e, ERR_CA_INVALID, "the CA certificate's KeyUsage lacks keyCertSign");
	if (X509_cmp_time(X509_get0_notAfter(x), &at) != 1)
		return err_set(e, ERR_CA_INVALID, "the CA certificate has expired");
	if (path_length >= 0 && path_length < depth)
		return err_set(e, ERR_CA_INVALID, "a path length constraint above forbids this CA");
	return true;
}

/* The certificate that signed x, among those that have no place yet; p->count: none. */
static size_t
find_parent(const struct parts *p, X509 *x)
{
	for (size_t i = 0; i < p->count; i++) {
		EVP_PKEY *public = X509_get0_pubkey(p->x509[i]);

		if (!p->placed[i] && public != NULL &&
		    X509_check_issued(p->x509[i], x) == X509_V_OK && X509_verify(x, public) == 1)
			return i;
	}
	return p->count;
}

static bool
self_signed_verifies(X509 *x, struct err *e)
{
	EVP_PKEY *public = X509_get0_pubkey(x);

	if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) != 0 ||
	    X509_check_issued(x, x) != X509_V_OK)
		return true;
	if (public != NULL && X509_verify(x, public) == 1)
		return true;
	err_openssl(e, "X509_verify");
	return err_set(
	    e, ERR_CA_INVALID, "the signature of the self-signed CA certificate does not verify");
}

static bool
order_chain(
    struct parts *p, size_t own, int64_t now, struct arena *a, struct bundle *ret, struct err *e)
{
	size_t at = own, next;

	ret->certificate = p->der[own];
	ret->chain.items = arena_array(a, p->count, sizeof(struct slice));
	ret->chain.count = 0;
	for (;; at = next) {
		p->placed[at] = true;
		if (!check_ca(p->x509[at], now, (long)ret->chain.count, e) ||
		    !self_signed_verifies(p->x509[at], e))
			return false;
		next = find_parent(p, p->x509[at]);
		if (next == p->count)
			break;
		ret->chain.items[ret->chain.count++] = p->der[next];
	}
	if (ret->chain.count + 1 != p->count)
		return err_set(e, ERR_CA_INVALID,
		    "the bundle holds a certificate that is not in the CA's chain");
	return true;
}

static bool
check_key(EVP_PKEY *key, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = NULL;
	enum key_type type;
	int64_t bits;

	if (!key_check(key, &type, &bits, e))
		return false;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx == NULL)
		return err_openssl(e, "EVP_PKEY_CTX_new_from_pkey");
	if (EVP_PKEY_pairwise_check(ctx) == 1)
		return true;
	err_openssl(e, "EVP_PKEY_pairwise_check");
	return err_set(e, ERR_CA_INVALID, "the private key and its public half are no pair");
}

static bool
keep_validity(struct bundle *ret, struct err *e)
{
	struct certificate_facts facts;

	if (!certificate_read(ret->certificate, &facts, e))
		return false;
	ret->not_before = facts.not_before;
	ret->not_after = facts.not_after;
	return true;
}

static void
warn_of_usage(X509 *x, struct bundle *ret)
{
	if (!(X509_get_extension_flags(x) & EXFLAG_KUSAGE)) {
		ret->warning = "ca_no_key_usage";
		ret->warning_says = "the CA certificate has no KeyUsage extension";
	} else if (!(X509_get_key_usage(x) & KU_CRL_SIGN)) { /* RFC 5280, 4.2.1.3 */
		ret->warning = "ca_no_crl_sign";
		ret->warning_says = "the CA certificate's KeyUsage lacks cRLSign";
	}
}

bool
bundle_parse(struct slice text, int64_t now, EVP_PKEY *fleet_key, const struct bundle_keys *known,
    struct arena *a, struct bundle *ret, struct err *e)
{
	struct parts SCOPED_PARTS p = { 0 };
	size_t own = 0;

	*ret = (struct bundle){ 0 };
	if (!read_parts(text, fleet_key, a, &p, e))
		return false;
	ret->key_was_brought = p.key != NULL;
	if ((p.key == NULL && !find_known(&p, known, e)) || !check_key(p.key, e) ||
	    !find_own(&p, &own, e) || !order_chain(&p, own, now, a, ret, e) ||
	    !keep_validity(ret, e))
		return false;
	warn_of_usage(p.x509[own], ret);
	ret->key_was_sealed = p.key_was_sealed;
	ret->key = TAKE(p.key);
	return true;
}

void
bundle_done(struct bundle *b)
{
	EVP_PKEY_free(b->key);
	b->key = NULL;
}
