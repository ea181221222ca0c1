/* bundle_parse: any text ends in a bundle whose key is its certificate's, or in a refusal that holds nothing. */
#include "issuer.h"
#include "scoped_openssl.h"

#include <openssl/err.h>

#include <stdlib.h>

#define NOW 1800000000 /* the corpus' certificates are valid for 50 years from 2026 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t fleet_bytes[32] = "the fleet's key of the fuzzer...";
	SCOPED(EVP_PKEY)
	fleet = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_X25519, NULL, fleet_bytes, sizeof(fleet_bytes));
	struct arena SCOPED_ARENA a = { 0 };
	struct bundle b;
	struct err e = { 0 };

	if (!bundle_parse(slice_of(data, size), NOW, fleet, NULL, &a, &b, &e)) {
		require(b.key == NULL && e.code != ERR_NONE && e.msg[0] != '\0');
		ERR_clear_error();
		return 0;
	}
	struct issuer *issuer = issuer_new(b.certificate, b.chain.items, b.chain.count, b.key, &e);
	require(issuer != NULL);
	issuer_free(issuer);
	bundle_done(&b);
	require(ERR_peek_error() == 0);
	return 0;
}
