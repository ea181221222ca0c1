/* Names of any length as octets of one length: what facts are compared by. */
#include "audit.h"

#include <stdlib.h>

static void
digest(struct audit *a, const struct slice *parts, size_t count, uint8_t ret[static HASH_SIZE])
{
	bool good = EVP_DigestInit_ex2(a->digest, a->sha256, NULL) == 1;

	for (size_t i = 0; good && i < count; i++) {
		const uint8_t length[4] = { (uint8_t)(parts[i].len >> 24),
			(uint8_t)(parts[i].len >> 16), (uint8_t)(parts[i].len >> 8),
			(uint8_t)parts[i].len };

		good = EVP_DigestUpdate(a->digest, length, sizeof(length)) == 1 &&
		    EVP_DigestUpdate(a->digest, parts[i].data, parts[i].len) == 1;
	}
	if (!good || EVP_DigestFinal_ex(a->digest, ret, NULL) != 1)
		abort(); /* SHA-256 of memory cannot fail but for memory */
}

void
audit_digest(
    struct audit *a, const struct slice *parts, size_t count, uint8_t ret[static FACT_DIGEST_SIZE])
{
	uint8_t whole[HASH_SIZE];

	digest(a, parts, count, whole);
	memcpy(ret, whole, FACT_DIGEST_SIZE);
}

int64_t
audit_serial_mark(struct audit *a, struct slice serial)
{
	uint8_t whole[HASH_SIZE];
	int64_t mark;

	digest(a, &serial, 1, whole);
	memcpy(&mark, whole, sizeof(mark));
	return mark == 0 ? 1 : mark;
}

uint32_t
audit_mark(struct audit *a, struct slice bytes)
{
	uint32_t mark = (uint32_t)audit_serial_mark(a, bytes);

	return mark == 0 ? 1 : mark;
}

void
audit_revocation_digest(
    struct audit *a, struct slice mount, struct slice serial, uint8_t ret[static FACT_DIGEST_SIZE])
{
	const struct slice parts[] = { mount, serial };

	audit_digest(a, parts, 2, ret);
}
