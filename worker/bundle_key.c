#include "bundle_key.h"

#include "der.h"
#include "scoped_openssl.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>

#define BEGIN        "-----BEGIN "
#define DASHES       "-----"
#define PEM_TEXT_MAX (64 * 1024)

static size_t
find(struct slice text, struct slice what)
{
	const uint8_t *at = text.len == 0 ? NULL : memmem(text.data, text.len, what.data, what.len);

	return at == NULL ? text.len : (size_t)(at - text.data);
}

static struct slice
behind(struct slice text, size_t len)
{
	return slice_of(text.data + len, text.len - len);
}

size_t
pem_start(struct slice text)
{
	return find(text, SLICE_LITERAL(BEGIN));
}

struct slice
pem_label(struct slice text)
{
	struct slice rest = behind(text, sizeof(BEGIN) - 1);
	size_t len = find(rest, SLICE_LITERAL(DASHES));

	return len == rest.len ? SLICE_NONE : slice_of(rest.data, len);
}

size_t
pem_length(struct slice text)
{
	size_t begin = sizeof(BEGIN) - 1;
	size_t end = begin + find(behind(text, begin), SLICE_LITERAL("-----END "));
	size_t last;

	if (end == text.len)
		return 0;
	end += sizeof("-----END ") - 1;
	last = end + find(behind(text, end), SLICE_LITERAL(DASHES));
	return last == text.len ? 0 : last + sizeof(DASHES) - 1;
}

static EVP_PKEY *
key_from_pkcs8(struct slice der, struct err *e)
{
	const uint8_t *at = der.data;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
	EVP_PKEY *key = info == NULL ? NULL : EVP_PKCS82PKEY(info);

	PKCS8_PRIV_KEY_INFO_free(info);
	if (key == NULL)
		err_openssl(e, "EVP_PKCS82PKEY");
	return key;
}

/* One DER value and nothing behind it. */
static EVP_PKEY *
key_from_der(const char *label, struct slice der, struct err *e)
{
	struct der_reader r = der_reader_of(der);
	const uint8_t *at = der.data;
	EVP_PKEY *key = NULL;

	if (!der_read(&r, DER_SEQUENCE, NULL, NULL) || !der_reader_done(&r))
		return err_set(e, ERR_CA_INVALID, "the private key does not parse"), NULL;
	if (strcmp(label, "PRIVATE KEY") == 0) {
		key = key_from_pkcs8(der, e);
	} else {
		int type = strcmp(label, "RSA PRIVATE KEY") == 0 ? EVP_PKEY_RSA : EVP_PKEY_EC;

		key = d2i_PrivateKey(type, NULL, &at, (long)der.len);
		if (key == NULL)
			err_openssl(e, "d2i_PrivateKey");
	}
	if (key == NULL)
		err_set(e, ERR_CA_INVALID, "the private key does not parse");
	return key;
}

static bool
label_known(const char *label)
{
	return strcmp(label, "PRIVATE KEY") == 0 || strcmp(label, "RSA PRIVATE KEY") == 0 ||
	    strcmp(label, "EC PRIVATE KEY") == 0;
}

static EVP_PKEY *
key_from_block(const char *label, const char *header, struct slice der, struct err *e)
{
	if (strcmp(label, "ENCRYPTED PRIVATE KEY") == 0 || strstr(header, "ENCRYPTED") != NULL)
		return err_set(e, ERR_CA_INVALID,
			   "the private key is encrypted with a password: decrypt it first"),
		       NULL;
	if (!label_known(label) || header[0] != '\0')
		return err_set(e, ERR_CA_INVALID,
			   "a private key comes as RSA PRIVATE KEY, EC PRIVATE KEY or PRIVATE KEY (PKCS#8)"),
		       NULL;
	return key_from_der(label, der, e);
}

/* OpenSSL's own PEM reader: it keeps what it decodes in secure memory and wipes it. */
EVP_PKEY *
key_from_pem(struct slice text, struct err *e)
{
	SCOPED(BIO) bio = NULL;
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *key = NULL;
	long len = 0;

	if (text.len > PEM_TEXT_MAX)
		return err_set(e, ERR_CA_INVALID, "the private key is over its limit"), NULL;
	bio = BIO_new_mem_buf(text.data, (int)text.len);
	if (bio == NULL)
		return err_openssl(e, "BIO_new_mem_buf"), NULL;
	if (PEM_read_bio_ex(bio, &label, &header, &der, &len, PEM_FLAG_SECURE) == 1) {
		key = key_from_block(label, header, slice_of(der, (size_t)len), e);
	} else {
		err_openssl(e, "PEM_read_bio_ex");
		err_set(e, ERR_CA_INVALID, "the private key's PEM block is broken");
	}
	OPENSSL_secure_free(label);
	OPENSSL_secure_free(header);
	OPENSSL_secure_clear_free(der, (size_t)len);
	return key;
}

EVP_PKEY *
key_from_opened(struct slice opened, struct err *e)
{
	EVP_PKEY *key = NULL;
	size_t len;

	if (opened.len > 0 && opened.data[0] == DER_SEQUENCE)
		return key_from_der("PRIVATE KEY", opened, e);
	for (;; opened = behind(opened, len)) {
		opened = behind(opened, pem_start(opened));
		if (opened.len == 0)
			break;
		len = pem_length(opened);
		if (len == 0 || key != NULL) {
			EVP_PKEY_free(key);
			return err_set(
				   e, ERR_CA_INVALID, "the sealed text is no single private key"),
			       NULL;
		}
		if (slice_is(pem_label(opened), "EC PARAMETERS"))
			continue;
		key = key_from_pem(slice_of(opened.data, len), e);
		if (key == NULL)
			return NULL;
	}
	if (key == NULL)
		err_set(e, ERR_CA_INVALID, "the sealed text is no private key in PEM or PKCS#8");
	return key;
}
