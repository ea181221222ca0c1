#include "warnings.h"

#include <string.h>

/* clang-format off */
static const struct warning_row warnings[] = {
	{ "basic_constraints_ignored", "the CSR asks for a CA certificate; it gets one of an end entity" },
	{ "ca_expires_soon", "the CA expires within 30 days, or within a tenth of its life if that is less: bring or make the next one" },
	{ "ca_no_key_usage", "the CA certificate of the bundle has no KeyUsage extension" },
	{ "certificate_expired", "the certificate had expired: it was not revoked" },
	{ "common_name_too_long", "the common name is over 64 characters, the limit of RFC 5280: some programs refuse the certificate" },
	{ "csr_sans_ignored", "the CSR's alternative names are not used; those of the request are" },
	{ "headers_dropped", "the request has more headers than are copied: the answer has none of them" },
	{ "identity_ignored", "the request's `identity` was not used" },
	{ "ip_in_alt_names", "an IP address stands in `alt_names` and became a DNS name: programs look for addresses in `ip_sans`" },
	{ "mount_was_deleted", "a mount of that name was deleted: its CAs' certificates can still be revoked, and their CRLs go on" },
	{ "names_ignored", "the names in the parameters are not used; those of the CSR are" },
	{ "pending_key_replaced", "an earlier `ca/generate/intermediate` is overtaken: the certificate for its request cannot be set any more" },
	{ "private_key_withheld", "the answer is a replay, and does not give the private key out again" },
	{ "ttl_capped_to_max_ttl", "the lifetime asked for is over the maximum; the certificate gets the maximum" },
	{ "ttl_truncated_to_issuer", "the certificate ends with its CA" },
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
