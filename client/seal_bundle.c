#include "seal_bundle.h"

#include "answers.h"
#include "encode.h"
#include "seal.h"

#define X25519_SIZE 32

static const struct slice begin_mark = { (const uint8_t *)"-----BEGIN ", 11 };
static const struct slice label_end = { (const uint8_t *)"PRIVATE KEY-----", 16 };

/* One PEM private key in a text. */
struct block {
	struct slice before, label, text, after;
};

static const uint8_t *
find(struct slice in, struct slice what)
{
	return in.len == 0 ? NULL : memmem(in.data, in.len, what.data, what.len);
}

static struct slice
behind(struct slice whole, const uint8_t *at)
{
	return slice_of(at, whole.len - (size_t)(at - whole.data));
}

static struct slice
line_of(struct slice rest)
{
	const uint8_t *newline = memchr(rest.data, '\n', rest.len);

	return slice_of(rest.data, newline == NULL ? rest.len : (size_t)(newline - rest.data));
}

/* Begins at "-----BEGIN ": is this line the head of a private key? The label goes up to "PRIVATE KEY". */
static bool
head_is_key(struct slice rest, struct slice *ret_label)
{
	struct slice line = line_of(rest);
	const uint8_t *end = find(line, label_end);

	if (end == NULL)
		return false;
	*ret_label = slice_of(line.data + begin_mark.len,
	    (size_t)(end - line.data) - begin_mark.len + label_end.len - 5);
	return true;
}

/* False without an error: there is no further key. */
static MUST_USE bool
block_next(struct slice text, struct block *ret, struct err *e)
{
	struct buf SCOPED_BUF tail = { 0 };
	struct slice rest = text, label;
	const uint8_t *at, *end;

	while ((at = find(rest, begin_mark)) != NULL) {
		rest = behind(rest, at);
		if (head_is_key(rest, &label))
			break;
		rest = behind(rest, rest.data + begin_mark.len);
	}
	if (at == NULL)
		return false;
	buf_init(&tail, label.len + 32);
	buf_printf(&tail, "-----END %.*s-----", SLICE_FMT(label));
	end = find(rest, buf_slice(&tail));
	if (end == NULL)
		return err_field(
		    e, ERR_SEAL_INVALID, "pem_bundle", "a private key has no end line");
	end += tail.len;
	*ret = (struct block){
		.before = slice_of(text.data, (size_t)(at - text.data)),
		.label = label,
		.text = slice_of(at, (size_t)(end - at)),
		.after = behind(text, end),
	};
	return true;
}

bool
bundle_has_key(struct slice bundle)
{
	struct err unfinished = { 0 };
	struct block b;

	/* also one that has no end line: it is none to send in clear either */
	return block_next(bundle, &b, &unfinished) || unfinished.code != ERR_NONE;
}

static bool
block_is_encrypted(const struct block *b)
{
	return slice_is(b->label, "ENCRYPTED PRIVATE KEY") ||
	    find(b->text, slice_text("ENCRYPTED")) != NULL;
}

static MUST_USE bool
block_seal(const struct block *b, const struct jwk_body *fleet, struct buf *out, struct err *e)
{
	struct buf SCOPED_BUF x = { 0 };
	struct buf SCOPED_BUF pem = { 0 };

	if (block_is_encrypted(b))
		return err_field(e, ERR_SEAL_INVALID, "pem_bundle",
		    "the private key has a passphrase: take it off first (openssl pkey)");
	buf_init(&x, X25519_SIZE);
	buf_init_secret(&pem, b->text.len + 1);
	if (!base64url_parse(fleet->x, &x) || x.len != X25519_SIZE)
		return err_set(e, ERR_SEAL_INVALID, "the fleet's sealing key is not 32 octets");
	buf_add_slice(&pem, b->text);
	buf_add_byte(&pem, '\n');
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_add_byte(out, '\n');
	return jwe_seal(buf_slice(&x), fleet->kid, buf_slice(&pem), out, e);
}

bool
bundle_seal(struct slice bundle, const struct jwk_body *fleet, struct buf *out, struct err *e)
{
	struct err none = { 0 };
	struct block b;

	while (block_next(bundle, &b, &none)) {
		buf_add_slice(out, b.before);
		if (!block_seal(&b, fleet, out, e))
			return false;
		if (b.after.len == 0 || (b.after.data[0] != '\n' && b.after.data[0] != '\r'))
			buf_add_byte(out, '\n');
		bundle = b.after;
	}
	if (none.code != ERR_NONE) {
		*e = none;
		return false;
	}
	buf_add_slice(out, bundle);
	if (out->failed)
		return err_field(e, ERR_TOO_LARGE, "pem_bundle",
		    "the sealed bundle has over %zu bytes", out->max);
	return true;
}

bool
seal_key_read(struct slice mount_list, struct arena *a, struct jwk_body *ret, struct err *e)
{
	struct mount_list_answer list = { 0 };
	uint64_t seen;

	*ret = (struct jwk_body){ 0 };
	if (!schema_decode(&mount_list_answer_schema, mount_list, a, &list, &seen, e))
		return false;
	if (list.seal_key.data == NULL)
		return err_set(e, ERR_SEAL_INVALID,
		    "the fleet names no key to seal to: the private key is not sent in clear");
	if (!schema_decode(&jwk_schema, list.seal_key, a, ret, &seen, e))
		return false;
	if (!slice_is(ret->kty, "OKP") || !slice_is(ret->crv, "X25519"))
		return err_set(e, ERR_SEAL_INVALID, "the fleet's sealing key is no X25519 key");
	return true;
}
