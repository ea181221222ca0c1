#include "ca_key.h"

#include "scoped_openssl.h"

#define CA_KEY_MAX (16 * 1024) /* bytes of PKCS#8: RSA-8192 has 4.7 KiB */

DEFINE_SCOPED(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

static struct slice
ca_key_place(struct arena *a, struct slice mount, struct slice issuer)
{
	return slice_text(arena_printf(a, "%.*s/%.*s", SLICE_FMT(mount), SLICE_FMT(issuer)));
}

bool
ca_key_seal(struct sealer *s, struct slice mount, struct slice issuer, EVP_PKEY *key,
    struct arena *a, struct slice *ret, struct err *e)
{
	SCOPED(PKCS8_PRIV_KEY_INFO) info = EVP_PKEY2PKCS8(key);
	struct buf box SCOPED_BUF = { 0 };
	struct buf clear SCOPED_BUF = { 0 };
	uint8_t *at;
	int len;

	buf_init(&box, CA_KEY_MAX + SEAL_OVERHEAD);
	buf_init_secret(&clear, CA_KEY_MAX);
	len = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
	if (len <= 0)
		return err_openssl(e, "i2d_PKCS8_PRIV_KEY_INFO");
	at = buf_reserve(&clear, (size_t)len);
	if (at == NULL)
		return err_set(e, ERR_TOO_LARGE, "the private key is over %d bytes", CA_KEY_MAX);
	if (i2d_PKCS8_PRIV_KEY_INFO(info, &at) != len)
		return err_openssl(e, "i2d_PKCS8_PRIV_KEY_INFO");
	clear.len = (size_t)len;
	if (!seal_box(s, ca_key_place(a, mount, issuer), buf_slice(&clear), &box, e))
		return false;
	*ret = arena_copy(a, buf_slice(&box));
	return true;
}

static EVP_PKEY *
pkcs8_read(struct slice der, struct err *e)
{
	const unsigned char *at = der.data;
	SCOPED(PKCS8_PRIV_KEY_INFO) info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
	EVP_PKEY *key;

	if (info == NULL || at != der.data + der.len) {
		err_openssl(e, "d2i_PKCS8_PRIV_KEY_INFO");
		return NULL;
	}
	key = EVP_PKCS82PKEY(info);
	if (key == NULL)
		err_openssl(e, "EVP_PKCS82PKEY");
	return key;
}

EVP_PKEY *
ca_key_open(
    struct sealer *s, struct slice mount, struct slice issuer, struct slice box, struct err *e)
{
	struct arena place SCOPED_ARENA = { 0 };
	struct buf clear SCOPED_BUF = { 0 };

	buf_init_secret(&clear, CA_KEY_MAX);
	if (!seal_open(s, ca_key_place(&place, mount, issuer), box, &clear, e))
		return NULL;
	return pkcs8_read(buf_slice(&clear), e);
}
