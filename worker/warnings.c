#include "warnings.h"

#include <string.h>

/* clang-format off */
static const struct warning_row warnings[] = {
	{ "basic_constraints_ignored", "the CSR asks for a CA certificate; it gets one of an end entity",
	  "nothing: a role never makes a CA" },
	{ "ca_no_key_usage", "the CA certificate of the bundle has no KeyUsage extension",
	  "nothing at once; some programs refuse such a CA: have the next one made with keyCertSign and cRLSign" },
	{ "common_name_too_long", "the common name is over 64 characters, the limit of RFC 5280: some programs refuse the certificate",
	  "put long names into `alt_names` and a short one, or none, into `common_name`" },
	{ "csr_sans_ignored", "the CSR's alternative names are not used; those of the request are",
	  "give the names in `alt_names` and `ip_sans`" },
	{ "headers_dropped", "the request has more headers than are copied: the answer has none of them",
	  "send at most 32 headers and 8192 bytes of them, where the answer has to carry them" },
	{ "identity_ignored", "the request's `identity` was not used",
	  "leave `identity` out" },
	{ "ip_in_alt_names", "an IP address stands in `alt_names` and became a DNS name: programs look for addresses in `ip_sans`",
	  "give the address in `ip_sans`" },
	{ "private_key_withheld", "the answer is a replay, and does not give the private key out again",
	  "if the key did not arrive, revoke the certificate and ask for another under a new id" },
	{ "ttl_capped_to_max_ttl", "the lifetime asked for is over the maximum; the certificate gets the maximum",
	  "ask for less, or plan by `expiration`" },
	{ "ttl_truncated_to_issuer", "the certificate ends with its CA (so far only `certmill-worker policy` can be told to allow that)",
	  "renew the CA, or plan by `expiration`" },
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
