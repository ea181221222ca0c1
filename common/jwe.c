#include "seal.h"

#include "concat_kdf.h"
#include "encode.h"
#include "gcm.h"
#include "scoped_openssl.h"
#include "sha256.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <assert.h>

#define ENC             "A256GCM"
#define X25519_SIZE     32
#define HEADER_TEXT_MAX 4096 /* characters of base64url */
#define PARTY_MAX       512  /* apu, apv: octets */

enum part { PART_HEADER, PART_KEY, PART_IV, PART_TEXT, PART_TAG, PARTS };

/* clang-format off */
DEFINE_SCOPED(json_t, json_decref)
/* clang-format on */

/* Keys on the stack: wiped at the end of the block. */
struct key {
	uint8_t bytes[GCM_KEY_SIZE];
};

static void
key_wipe(struct key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}
#define SCOPED_KEY __attribute__((cleanup(key_wipe)))

static bool
refuse(struct err *e, const char *why)
{
	ERR_clear_error();
	return err_set(e, ERR_SEAL_INVALID, "JWE: %s", why);
}

/* X25519 (RFC 7748): OpenSSL fails when the shared secret is all zero, which is what a point of low order gives. */
static bool
agree(EVP_PKEY *own, EVP_PKEY *peer, struct key *ret_z)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = sizeof(ret_z->bytes);

	return ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	    EVP_PKEY_derive(ctx, ret_z->bytes, &len) == 1 && len == X25519_SIZE;
}

/* The cipher of a message: ECDH-ES alone, so what is agreed on is the content's key (RFC 7518 4.6). */
static EVP_CIPHER_CTX *
content_cipher(EVP_PKEY *own, struct slice x, struct slice apu, struct slice apv, struct err *e)
{
	SCOPED(EVP_PKEY) peer = NULL;
	struct key SCOPED_KEY z = { 0 };
	struct key SCOPED_KEY content = { 0 };

	if (x.len == X25519_SIZE)
		peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, x.data, x.len);
	if (peer == NULL)
		return refuse(e, "x is no X25519 key"), NULL;
	if (!agree(own, peer, &z))
		return refuse(e, "x is a point of low order"), NULL;
	concat_kdf(
	    slice_of(z.bytes, X25519_SIZE), ENC, apu, apv, content.bytes, sizeof(content.bytes));
	return gcm_new(content.bytes, e);
}

static void
public_read(EVP_PKEY *key, uint8_t ret[static X25519_SIZE])
{
	size_t len = X25519_SIZE;
	int done = EVP_PKEY_get_raw_public_key(key, ret, &len);

	assert(EVP_PKEY_is_a(key, "X25519") && done == 1 && len == X25519_SIZE);
	(void)done;
}

void
jwk_thumbprint_add(struct buf *out, struct slice x)
{
	char text[128]; /* the required members in the order of their names */
	uint8_t hash[SHA256_SIZE];
	int len = snprintf(text, sizeof(text),
	    "{\"crv\":\"X25519\",\"kty\":\"OKP\",\"x\":\"%.*s\"}", SLICE_FMT(x));

	assert(len > 0 && (size_t)len < sizeof(text));
	sha256(slice_of(text, (size_t)len), hash);
	base64url_add(out, slice_of(hash, sizeof(hash)));
}

static void
jwk_x(const uint8_t bytes[static X25519_SIZE], char ret[static 48])
{
	struct buf SCOPED_BUF text = { 0 };

	buf_init(&text, 47);
	base64url_add(&text, slice_of(bytes, X25519_SIZE));
	memcpy(ret, text.data, text.len);
	ret[text.len] = '\0';
}

void
jwk_add(struct buf *out, EVP_PKEY *x25519, bool with_kid)
{
	uint8_t bytes[X25519_SIZE];
	char x[48];

	public_read(x25519, bytes);
	jwk_x(bytes, x);
	buf_printf(out, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%s\"", x);
	if (with_kid) {
		buf_add_text(out, ",\"kid\":\"");
		jwk_thumbprint_add(out, slice_text(x));
		buf_add_text(out, "\"");
	}
	buf_add_text(out, "}");
}

/* ---- sealing ---- */

/* The protected header, base64url: it is authenticated as it stands in the token. */
static bool
header_add(struct buf *out, EVP_PKEY *ephemeral, struct slice kid, struct err *e)
{
	uint8_t bytes[X25519_SIZE];
	char x[48];
	SCOPED(json_t) header = NULL;
	char *text SCOPED_FREE = NULL;

	public_read(ephemeral, bytes);
	jwk_x(bytes, x);
	header = json_pack("{s:s,s:s,s:{s:s,s:s,s:s}}", "alg", "ECDH-ES", "enc", ENC, "epk", "kty",
	    "OKP", "crv", "X25519", "x", x);
	if (header == NULL)
		abort();
	if (kid.data != NULL &&
	    json_object_set_new(header, "kid", json_stringn((const char *)kid.data, kid.len)) != 0)
		return refuse(e, "kid is no UTF-8");
	text = json_dumps(header, JSON_COMPACT);
	if (text == NULL)
		abort();
	base64url_add(out, slice_text(text));
	return true;
}

/* Behind the header: no encrypted key, nonce, text, tag. */
static bool
body_add(struct buf *out, EVP_CIPHER_CTX *ctx, struct slice aad, struct slice clear, struct err *e)
{
	uint8_t nonce[GCM_NONCE_SIZE], tag[GCM_TAG_SIZE];
	struct buf SCOPED_BUF text = { 0 };
	uint8_t *to;

	buf_init(&text, clear.len);
	to = buf_reserve(&text, clear.len);
	assert(to != NULL);
	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return err_openssl(e, "RAND_bytes");
	if (!gcm_seal(ctx, nonce, aad, clear, to, tag, e))
		return false;
	buf_add_text(out, "..");
	base64url_add(out, slice_of(nonce, sizeof(nonce)));
	buf_add_text(out, ".");
	base64url_add(out, slice_of(to, clear.len));
	buf_add_text(out, ".");
	base64url_add(out, slice_of(tag, sizeof(tag)));
	return true;
}

bool
jwe_seal(struct slice x, struct slice kid, struct slice clear, struct buf *out, struct err *e)
{
	SCOPED(EVP_PKEY) ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	SCOPED(EVP_CIPHER_CTX) ctx = NULL;
	struct buf SCOPED_BUF header = { 0 };

	if (ephemeral == NULL)
		return err_openssl(e, "EVP_PKEY_Q_keygen X25519");
	ctx = content_cipher(ephemeral, x, SLICE_NONE, SLICE_NONE, e);
	if (ctx == NULL)
		return false;
	buf_init(&header, HEADER_TEXT_MAX);
	if (!header_add(&header, ephemeral, kid, e))
		return false;
	if (header.failed)
		return refuse(e, "kid is too long");
	buf_add_slice(out, buf_slice(&header));
	if (!body_add(out, ctx, buf_slice(&header), clear, e))
		return false;
	if (out->failed)
		return err_set(
		    e, ERR_TOO_LARGE, "%zu bytes are too many to be sealed here", clear.len);
	return true;
}

/* ---- opening ---- */

static bool
token_split(struct slice token, struct slice parts[static PARTS])
{
	for (size_t i = 0; i < PARTS; i++) {
		const uint8_t *dot = token.len == 0 ? NULL : memchr(token.data, '.', token.len);

		if ((dot == NULL) != (i == PARTS - 1))
			return false;
		parts[i] = slice_of(
		    token.data, dot == NULL ? token.len : (size_t)(dot - token.data));
		if (dot != NULL)
			token = slice_of(dot + 1, token.len - parts[i].len - 1);
	}
	return true;
}

/* The JSON object in the first part; NULL when it is none. A name that stands twice is refused (RFC 7516 4). */
static json_t *
header_read(struct slice text)
{
	struct buf SCOPED_BUF json = { 0 };
	json_t *header;

	if (text.len > HEADER_TEXT_MAX)
		return NULL;
	buf_init(&json, HEADER_TEXT_MAX);
	if (!base64url_parse(text, &json))
		return NULL;
	header = json_loadb(
	    (const char *)buf_slice(&json).data, json.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(header))
		return header;
	json_decref(header);
	return NULL;
}

static bool
is_known(const char *const *names, const char *name)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* Every name is among the known ones, and every value but epk a string. */
static bool
object_is_plain(json_t *object, const char *const *names)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!is_known(names, name))
			return false;
		if (!json_is_string(value) && strcmp(name, "epk") != 0)
			return false;
	}
	return true;
}

static bool
string_is(json_t *object, const char *name, const char *want)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL && strcmp(value, want) == 0;
}

/* A base64url string; an absent one leaves ret empty. */
static bool
string_decode(json_t *object, const char *name, struct buf *ret)
{
	json_t *value = json_object_get(object, name);

	return value == NULL ||
	    base64url_parse(slice_of(json_string_value(value), json_string_length(value)), ret);
}

static bool
header_check(json_t *header, struct err *e)
{
	static const char *const names[] = { "alg", "enc", "epk", "kid", "cty", "typ", "apu", "apv",
		NULL };
	static const char *const epk_names[] = { "kty", "crv", "x", NULL };
	json_t *epk = json_object_get(header, "epk");

	if (!object_is_plain(header, names))
		return refuse(
		    e, "the header holds more than alg, enc, epk, apu, apv, kid, cty and typ");
	if (!string_is(header, "alg", "ECDH-ES") || !string_is(header, "enc", ENC))
		return refuse(e, "alg is not ECDH-ES, or enc not " ENC);
	if (!json_is_object(epk) || !object_is_plain(epk, epk_names) ||
	    !string_is(epk, "kty", "OKP") || !string_is(epk, "crv", "X25519"))
		return refuse(e, "epk is no public X25519 key");
	return true;
}

static EVP_CIPHER_CTX *
header_cipher(EVP_PKEY *key, struct slice text, struct err *e)
{
	SCOPED(json_t) header = header_read(text);
	struct buf SCOPED_BUF x = { 0 };
	struct buf SCOPED_BUF apu = { 0 };
	struct buf SCOPED_BUF apv = { 0 };

	if (header == NULL)
		return refuse(e, "the header is no JSON object"), NULL;
	if (!header_check(header, e))
		return NULL;
	buf_init(&x, X25519_SIZE);
	buf_init(&apu, PARTY_MAX);
	buf_init(&apv, PARTY_MAX);
	if (!string_decode(json_object_get(header, "epk"), "x", &x) ||
	    !string_decode(header, "apu", &apu) || !string_decode(header, "apv", &apv))
		return refuse(e, "x, apu or apv is no base64url, or too long"), NULL;
	return content_cipher(key, buf_slice(&x), buf_slice(&apu), buf_slice(&apv), e);
}

bool
jwe_open(EVP_PKEY *key, struct slice token, struct buf *out_secret, struct err *e)
{
	struct slice parts[PARTS];
	SCOPED(EVP_CIPHER_CTX) ctx = NULL;
	struct buf SCOPED_BUF sealed = { 0 }; /* nonce, tag and text */
	size_t fixed = GCM_NONCE_SIZE + GCM_TAG_SIZE;
	uint8_t *to;

	if (!token_split(token, parts) || parts[PART_KEY].len != 0)
		return refuse(e, "not five parts of which the second is empty");
	buf_init(&sealed, token.len);
	if (!base64url_parse(parts[PART_IV], &sealed) || sealed.len != GCM_NONCE_SIZE ||
	    !base64url_parse(parts[PART_TAG], &sealed) || sealed.len != fixed ||
	    !base64url_parse(parts[PART_TEXT], &sealed))
		return refuse(e, "nonce, text or tag is no base64url of its length");
	ctx = header_cipher(key, parts[PART_HEADER], e);
	if (ctx == NULL)
		return false;
	to = buf_reserve(out_secret, sealed.len - fixed);
	if (to == NULL)
		return err_set(e, ERR_TOO_LARGE, "%zu sealed bytes are too many to be opened here",
		    sealed.len - fixed);
	if (!gcm_open(ctx, sealed.data, parts[PART_HEADER],
		slice_of(sealed.data + fixed, sealed.len - fixed), sealed.data + GCM_NONCE_SIZE, to,
		e))
		return false;
	out_secret->len += sealed.len - fixed;
	return true;
}

bool
jwe_is(struct slice text)
{
	struct slice parts[PARTS];
	SCOPED(json_t) header = NULL;
	struct buf SCOPED_BUF bytes = { 0 };

	if (!token_split(text, parts))
		return false;
	buf_init(&bytes, text.len);
	for (size_t i = PART_KEY; i < PARTS; i++)
		if (!base64url_parse(parts[i], &bytes))
			return false;
	header = header_read(parts[PART_HEADER]);
	return header != NULL;
}
