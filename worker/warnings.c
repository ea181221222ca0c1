#include "warnings.h"

#include <string.h>

/* clang-format off */
static const struct warning_row warnings[] = {
	{ "basic_constraints_ignored", "the CSR asks for a CA certificate; it gets one of an end entity" },
	{ "ca_no_key_usage", "the CA certificate of the bundle has no KeyUsage extension" },
	{ "common_name_too_long", "the common name is over 64 characters, the limit of RFC 5280: some programs refuse the certificate" },
	{ "csr_sans_ignored", "the CSR's alternative names are not used; those of the request are" },
	{ "headers_dropped", "the request has more headers than are copied: the answer has none of them" },
	{ "identity_ignored", "the request's `identity` was not used" },
	{ "ip_in_alt_names", "an IP address stands in `alt_names` and became a DNS name: programs look for addresses in `ip_sans`" },
	{ "private_key_withheld", "the answer is a replay, and does not give the private key out again" },
	{ "ttl_capped_to_max_ttl", "the lifetime asked for is over the maximum; the certificate gets the maximum" },
	{ "ttl_truncated_to_issuer", "the certificate ends with its CA (so far only `certmill-worker policy` can be told to allow that)" },
};
/* clang-format on */

#define WARNING_COUNT (sizeof(warnings) / sizeof(warnings[0]))

const struct warning_row *
warning_at(size_t i)
{
	return i < WARNING_COUNT ? &warnings[i] : NULL;
}

bool
warning_known(const char *code)
{
	for (size_t i = 0; i < WARNING_COUNT; i++)
		if (strcmp(warnings[i].code, code) == 0)
			return true;
	return false;
}
