#include "serial.h"

#include "encode.h"
#include "scoped_openssl.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define LEADING_SIZE    4
#define BLOCK_SIZE      16
#define SERIAL_TEXT_MAX 128
#define RANDOM_SIZE     (LEADING_SIZE + 8) /* of one serial number */
#define RANDOM_KEPT     64 /* a call of the generator costs more than what it gives */

struct serial_source {
	EVP_CIPHER_CTX *encrypt, *decrypt; /* AES-128, one block */
	uint64_t next, end;
	uint8_t random[RANDOM_KEPT * RANDOM_SIZE];
	size_t random_left; /* of it, in serial numbers */
};

static EVP_CIPHER_CTX *
aes_new(const struct secret *key, int encrypt)
{
	SCOPED(EVP_CIPHER_CTX) aes = EVP_CIPHER_CTX_new();

	if (aes == NULL ||
	    EVP_CipherInit_ex2(aes, EVP_aes_128_ecb(), secret_bytes(key), NULL, encrypt, NULL) !=
		1 ||
	    EVP_CIPHER_CTX_set_padding(aes, 0) != 1)
		return NULL;
	return TAKE(aes);
}

struct serial_source *
serial_source_new(const struct secret *kek, struct slice mount, struct err *e)
{
	struct secret *key = secret_derive(kek, "certmill serial", mount, e);
	struct serial_source *s;

	if (key == NULL)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		abort();
	s->encrypt = aes_new(key, 1);
	s->decrypt = aes_new(key, 0);
	secret_free(key);
	if (s->encrypt == NULL || s->decrypt == NULL) {
		serial_source_free(s);
		return err_openssl(e, "EVP_CipherInit_ex2"), NULL;
	}
	return s;
}

void
serial_source_free(struct serial_source *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->encrypt);
	EVP_CIPHER_CTX_free(s->decrypt);
	free(s);
}

void
serial_source_lease(struct serial_source *s, uint64_t first, uint64_t count)
{
	s->next = first;
	s->end = first + count;
}

uint64_t
serial_source_left(const struct serial_source *s)
{
	return s->end - s->next;
}

/* The first octet: 01-7f, each as likely as the others. */
static bool
random_leading(uint8_t leading[static LEADING_SIZE])
{
	do {
		if (RAND_bytes(leading, LEADING_SIZE) != 1)
			return false;
		leading[0] &= 0x7f;
	} while (leading[0] == 0);
	return true;
}

static const uint8_t *
random_next(struct serial_source *s)
{
	if (s->random_left == 0) {
		if (RAND_bytes(s->random, sizeof(s->random)) != 1)
			return NULL;
		s->random_left = RANDOM_KEPT;
	}
	return s->random + --s->random_left * RANDOM_SIZE;
}

bool
serial_next(struct serial_source *s, uint8_t ret[static SERIAL_SIZE], struct err *e)
{
	uint8_t block[BLOCK_SIZE];
	const uint8_t *random;
	int len;

	if (s->next == s->end)
		return err_set(e, ERR_INTERNAL, "no serial ordinal is left: none was leased");
	random = random_next(s);
	if (random == NULL)
		return err_openssl(e, "RAND_bytes");
	memcpy(ret, random, LEADING_SIZE);
	ret[0] &= 0x7f;
	if (ret[0] == 0 && !random_leading(ret))
		return err_openssl(e, "RAND_bytes");
	for (size_t i = 0; i < 8; i++)
		block[i] = (uint8_t)(s->next >> (56 - 8 * i));
	memcpy(block + 8, random + LEADING_SIZE, 8);
	if (EVP_EncryptUpdate(s->encrypt, ret + LEADING_SIZE, &len, block, BLOCK_SIZE) != 1 ||
	    len != BLOCK_SIZE)
		return err_openssl(e, "EVP_EncryptUpdate");
	s->next++;
	return true;
}

bool
serial_ordinal(
    struct serial_source *s, const uint8_t serial[static SERIAL_SIZE], uint64_t *ret, struct err *e)
{
	uint8_t block[BLOCK_SIZE];
	int len;

	if (EVP_DecryptUpdate(s->decrypt, block, &len, serial + LEADING_SIZE, BLOCK_SIZE) != 1 ||
	    len != BLOCK_SIZE)
		return err_openssl(e, "EVP_DecryptUpdate");
	*ret = 0;
	for (size_t i = 0; i < 8; i++)
		*ret = *ret << 8 | block[i];
	return true;
}

struct slice
serial_text(struct arena *a, struct slice serial, char separator)
{
	struct buf SCOPED_BUF text;

	buf_init(&text, 3 * serial.len + 1);
	hex_add(&text, serial, separator);
	return arena_copy(a, buf_slice(&text));
}

bool
serial_parse(
    struct slice text, const char *field, struct arena *a, struct slice *ret, struct err *e)
{
	uint8_t serial[SERIAL_SIZE];
	size_t len;

	if (!hex_parse(text, serial, sizeof(serial), &len) || len == 0)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "not a serial number: up to 20 octets in hexadecimal, with ':' or '-' between them or nothing");
	*ret = arena_copy(a, slice_of(serial, len));
	return true;
}

bool
serial_parse_content(
    struct slice text, const char *field, struct arena *a, struct slice *ret, struct err *e)
{
	struct slice octets;
	uint8_t *content;

	if (!serial_parse(text, field, a, &octets, e))
		return false;
	while (octets.len > 1 && octets.data[0] == 0)
		octets = slice_of(octets.data + 1, octets.len - 1);
	content = arena_alloc(a, octets.len + 1);
	memcpy(content + 1, octets.data, octets.len);
	*ret = slice_of(content + 1, octets.len);
	if ((octets.data[0] & 0x80) != 0)
		*ret = slice_of(content, octets.len + 1);
	return true;
}
