#include "seal_answer.h"

#include "json.h"
#include "scoped_openssl.h"
#include "seal.h"

#define KEY_TEXT_MAX ((size_t)64 * 1024)

bool
seal_key_make(EVP_PKEY **ret, struct writer *seal_to, struct err *e)
{
	SCOPED(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct buf SCOPED_BUF text = { 0 };
	json_t *SCOPED_JSON jwk = NULL;

	if (key == NULL)
		return err_openssl(e, "EVP_PKEY_Q_keygen");
	buf_init(&text, 1024);
	jwk_add(&text, key, false);
	jwk = json_loadb((const char *)text.data, text.len, 0, NULL);
	if (!json_to_msgpack(jwk, seal_to, e))
		return false;
	*ret = TAKE(key);
	return true;
}

bool
seal_key_open(EVP_PKEY *key, json_t *data, bool *ret_sealed, struct err *e)
{
	json_t *value = json_object_get(data, "private_key");
	struct buf SCOPED_BUF clear = { 0 };
	struct slice sealed;

	*ret_sealed = true;
	if (value == NULL)
		return true;
	if (!json_is_string(value))
		return err_field(e, ERR_MALFORMED, "private_key", "the private key is no text");
	sealed = slice_of(json_string_value(value), json_string_length(value));
	*ret_sealed = jwe_is(sealed);
	if (!*ret_sealed)
		return true;
	buf_init_secret(&clear, KEY_TEXT_MAX);
	if (!jwe_open(key, sealed, &clear, e))
		return false;
	if (json_string_setn(value, (const char *)clear.data, clear.len) != 0)
		return err_field(e, ERR_MALFORMED, "private_key", "the private key is no text");
	return true;
}
