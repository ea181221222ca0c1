#include "concat_kdf.h"

#include "buf.h"
#include "sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <assert.h>

#define Z_MAX 128

static void
number_add(struct buf *b, size_t number)
{
	const uint8_t big[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
		(uint8_t)(number >> 8), (uint8_t)number };

	assert(number <= UINT32_MAX);
	buf_add(b, big, sizeof(big));
}

static void
prefixed_add(struct buf *b, struct slice s)
{
	number_add(b, s.len);
	buf_add_slice(b, s);
}

void
concat_kdf(struct slice z, const char *alg, struct slice apu, struct slice apv, uint8_t *ret_key,
    size_t len)
{
	struct buf SCOPED_BUF input = { 0 };
	uint8_t hash[CONCAT_KDF_MAX];

	assert(len <= CONCAT_KDF_MAX && z.len <= Z_MAX);
	buf_init_secret(&input, 4 + z.len + 4 + strlen(alg) + 4 + apu.len + 4 + apv.len + 4);
	number_add(&input, 1); /* the round */
	buf_add_slice(&input, z);
	prefixed_add(&input, slice_text(alg));
	prefixed_add(&input, apu);
	prefixed_add(&input, apv);
	number_add(&input, len * 8); /* SuppPubInfo; SuppPrivInfo is empty */
	assert(!input.failed);
	sha256(buf_slice(&input), hash);
	memcpy(ret_key, hash, len);
	OPENSSL_cleanse(hash, sizeof(hash));
}
