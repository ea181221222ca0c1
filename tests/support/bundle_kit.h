/* CAs, and the texts that their bundles are made of. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_BUNDLE_KIT_H
#define CERTMILL_TEST_BUNDLE_KIT_H

#include "issuer.h"
#include "pki.h"
#include "seal.h"

#include <openssl/pem.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW          (PKI_START + 1000)

static struct {
	struct pki_ca root, sub, subsub, stranger, leaf, expired, no_usage, no_sign, no_crl, rsa,
	    ed, cross, zero, below_zero;
	EVP_PKEY *fleet;
} kit;

enum form { TRADITIONAL, PKCS8, ENCRYPTED, ENCRYPTED_TRADITIONAL };

static inline void
add_key(struct buf *out, EVP_PKEY *key, enum form form)
{
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int ok = 0;

	switch (form) {
	case TRADITIONAL:
		ok = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case PKCS8:
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case ENCRYPTED:
		ok = PEM_write_bio_PKCS8PrivateKey(
		    bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
		break;
	case ENCRYPTED_TRADITIONAL:
		ok = PEM_write_bio_PrivateKey_traditional(
		    bio, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
		break;
	}
	assert_true(ok);
	len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
}

static inline void
add_certificate(struct buf *out, const struct pki_ca *ca)
{
	pem_add(out, "CERTIFICATE", buf_slice(&ca->der));
}

/* Parses the text; *ret is filled on success. NULL in `message`: it must be taken. */
static inline void
expect(const char *name, const struct buf *text, struct arena *a, struct bundle *ret,
    enum err_code code, const char *message)
{
	struct err e = { 0 };

	assert_false(text->failed);
	if (bundle_parse(buf_slice(text), NOW, kit.fleet, NULL, a, ret, &e)) {
		if (message != NULL)
			fail_msg("%s: was taken", name);
	} else if (message == NULL || e.code != code || strstr(e.msg, message) == NULL) {
		fail_msg("%s: expected \"%s\", got %s: %s", name,
		    message == NULL ? "success" : message, err_name(e.code), e.msg);
	}
}

static inline void
seal(struct buf *out, struct slice clear)
{
	uint8_t x[32];
	size_t len = sizeof(x);
	struct err e = { 0 };

	assert_true(EVP_PKEY_get_raw_public_key(kit.fleet, x, &len));
	if (!jwe_seal(slice_of(x, len), SLICE_NONE, clear, out, &e))
		fail_msg("jwe_seal: %s", e.msg);
}

#define EC256         .type = KEY_EC, .bits = 256
#define MAKE(ca, ...) pki_make(&kit.ca, &(struct pki_spec){ __VA_ARGS__ })

static inline int
make_kit(void **state)
{
	(void)state;
	MAKE(root, .name = "Root", EC256);
	MAKE(sub, .name = "Sub", .type = KEY_EC, .bits = 384, .parent = &kit.root);
	MAKE(subsub, .name = "Subsub", EC256, .parent = &kit.sub);
	MAKE(stranger, .name = "Root", EC256); /* the same name, another key */
	MAKE(leaf, .name = "leaf", EC256, .leaf = true, .key_usage = USAGE_DIGITAL_SIGNATURE);
	MAKE(expired, .name = "Expired", EC256, .not_after = NOW);
	MAKE(no_usage, .name = "No usage", EC256, .key_usage = PKI_NO_USAGE);
	MAKE(no_crl, .name = "No CRL", EC256, .key_usage = USAGE_KEY_CERT_SIGN);
	MAKE(no_sign, .name = "No sign", EC256, .key_usage = USAGE_CRL_SIGN);
	MAKE(rsa, .name = "RSA", .type = KEY_RSA, .bits = 2048);
	MAKE(ed, .name = "Ed", .type = KEY_ED25519);
	MAKE(cross, .name = "Root", .key = kit.root.key, .parent = &kit.stranger);
	MAKE(zero, .name = "Zero", EC256, .path_length = 0 + 1);
	MAKE(below_zero, .name = "Below", EC256, .parent = &kit.zero);
	kit.fleet = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	return kit.fleet == NULL;
}

static inline int
free_kit(void **state)
{
	struct pki_ca *all[] = { &kit.root, &kit.sub, &kit.subsub, &kit.stranger, &kit.leaf,
		&kit.expired, &kit.no_usage, &kit.no_sign, &kit.no_crl, &kit.rsa, &kit.ed,
		&kit.cross, &kit.zero, &kit.below_zero };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		pki_done(all[i]);
	EVP_PKEY_free(kit.fleet);
	return 0;
}

#endif
