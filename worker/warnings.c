#include "warnings.h"

#include <string.h>

/* clang-format off */
static const struct warning_row warnings[] = {
	{ "basic_constraints_ignored", "the CSR asks for a CA certificate; it gets one of an end entity",
	  "nothing: a role never makes a CA" },
	{ "ca_expires_soon", "the CA expires within 30 days, or within a tenth of its life if that is less",
	  "bring or make the next CA: `ca/set` with `replace`, after `ca/generate/intermediate` or in another mount" },
	{ "ca_no_crl_sign", "the KeyUsage of the bundle's CA certificate lacks cRLSign, which its CRLs want",
	  "have the next one made with keyCertSign and cRLSign: programs that look refuse the CRLs of this one" },
	{ "ca_no_key_usage", "the CA certificate of the bundle has no KeyUsage extension",
	  "nothing at once; some programs refuse such a CA: have the next one made with keyCertSign and cRLSign" },
	{ "cert_sign_without_ca", "the certificate may sign certificates (key usage CertSign) and is no CA's, which RFC 5280 forbids",
	  "take CertSign out of the role's `key_usage`: CAs are made by `ca/generate` and `ca/sign`" },
	{ "certificate_expired", "the certificate had expired, or was about to: it was not revoked",
	  "nothing: no one accepts it any more" },
	{ "common_name_ignored", "the request's common name is not used; the CSR's subject is",
	  "leave `common_name` out, or turn the role's `use_csr_common_name` off" },
	{ "common_name_too_long", "the common name is over 64 characters, the limit of RFC 5280: some programs refuse the certificate",
	  "put long names into `alt_names` and a short one, or none, into `common_name`" },
	{ "csr_extensions_ignored", "extensions of the CSR that are the issuer's to write are not taken over",
	  "make requests without key identifiers, CRL distribution points and authority information access" },
	{ "csr_names_passed_over", "alternative names of the CSR that are none of DNS, e-mail, IP, URI and UTF-8 other names are left out",
	  "ask for DNS names, addresses and URIs instead" },
	{ "csr_sans_ignored", "the CSR's alternative names are not used; those of the request are",
	  "give the names in `alt_names` and `ip_sans`, or turn the role's `use_csr_sans` on" },
	{ "headers_dropped", "the request has more headers than are copied: the answer has none of them",
	  "send at most 32 headers and 8192 bytes of them, where the answer has to carry them" },
	{ "identity_ignored", "the request's `identity` was not used",
	  "leave `identity` out, or have the mount trust it (`trust_identity`)" },
	{ "ip_in_alt_names", "an IP address stands in `alt_names` and became a DNS name: programs look for addresses in `ip_sans`",
	  "give the address in `ip_sans`" },
	{ "key_choice_ignored", "`key_type` and `key_bits` of the request are not used: the role says which key is made",
	  "leave them out, or have the role take `any`" },
	{ "key_usage_not_for_key_type", "key usages that the key's type may not have (RFC 3279, 8813, 8410) are left out: default ones, and with them those that go with no purpose of the certificate (RFC 5280 4.2.1.12); and a CA's that its CSR asks for",
	  "nothing; a role that names its `key_usage` says which it wants" },
	{ "key_usage_unusual", "the role asks for key usages that the key's type may not have (RFC 3279, 8813, 8410); the certificate has them",
	  "take the usage out of the role's `key_usage`, unless a program asks for it" },
	{ "mount_was_deleted", "a mount of that name was deleted: certificates of its CAs can still be revoked, and their CRLs go on",
	  "nothing, if you knew; otherwise choose another name" },
	{ "names_ignored", "the names in the parameters are not used; those of the CSR are",
	  "leave the names out, or `use_csr_values`" },
	{ "names_nobody", "the certificate has neither a subject nor an alternative name, which RFC 5280 forbids",
	  "ask for a common name or an alternative name" },
	{ "no_store_without_lease", "a role with `no_store` generates no leases: `generate_lease` is off",
	  "leave one of the two out" },
	{ "oid_left_out", "`ext_key_usage_oids` holds an OID that cannot be encoded; certificates go without it",
	  "correct the OID: its first number is 0, 1 or 2" },
	{ "pending_key_replaced", "an earlier `ca/generate/intermediate` is overtaken: the certificate for its request cannot be set any more",
	  "have the new request signed" },
	{ "private_key_withheld", "the answer is a replay, and does not give the private key out again",
	  "if the key did not arrive, revoke the certificate and ask for another under a new id" },
	{ "request_sans_ignored", "`alt_names`, `ip_sans` and `uri_sans` are not used; the CSR's alternative names are",
	  "put the names into the CSR, or turn the role's `use_csr_sans` off" },
	{ "request_time_ignored", "`not_before` or `not_after` of the request is not used: the role says it",
	  "leave it out, or have the role changed" },
	{ "subject_over_bounds", "the role's subject is over a bound of RFC 5280, such as a country of other than two letters",
	  "correct the role's subject: a country has two letters, an organization at most 64 characters" },
	{ "ttl_capped_to_max_ttl", "the lifetime asked for is over the maximum; the certificate gets the maximum",
	  "ask for less, or plan by `expiration`" },
	{ "ttl_truncated_to_issuer", "the certificate ends with its CA",
	  "renew the CA, or plan by `expiration`" },
	{ "unknown_issuer_ref", "the mount has no issuer with the role's `issuer_ref`",
	  "write the role with `default` or an issuer's id; until then its requests are refused" },
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
