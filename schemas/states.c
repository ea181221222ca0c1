#include "states.h"

#include "message_limits.h"
#include "timespan.h"

/*
 * Mount, issuer, pending key and role are closed: a worker that does not know a field does not know what it forbids, so it must not
 * sign under the record. The rest is open.
 */

#define STATE_VERSION_HELP "Version of the record: 1."

/* clang-format off */
#define ROW(member, type, need, min, max, help) FIELD(mount_state, member, type, need, min, max, help)
static const struct field mount_fields[] = {
	ROW(v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	ROW(default_ttl, SPAN, REQUIRED, 0, TIMESPAN_MAX, "Lifetime of a certificate where neither request nor role says one, in seconds."),
	ROW(max_ttl, SPAN, REQUIRED, 0, TIMESPAN_MAX, "The longest lifetime under roles that set none of their own, in seconds."),
	ROW(allow_clear_keys, BOOL, OPTIONAL, 0, 1, "Are private keys in clear taken in `ca/set`?"),
	ROW(allow_slow_keys, BOOL, OPTIONAL, 0, 1, "Does `issue` make RSA keys over 4096 bits?"),
	ROW(description, TEXT, OPTIONAL, 0, DESCRIPTION_MAX, "A line for people."),
	ROW(issuer, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The id of the issuer that signs. Absent while there is none."),
	ROW(created, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the mount was made: the request's timestamp, in milliseconds since the epoch."),
	ROW(deleted, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When the mount was deleted, in milliseconds since the epoch: it signs nothing more, and its CRLs go on. Absent while it stands."),
	ROW(since, INT, OPTIONAL, INT_LEAST, INT64_MAX, "Records of the mount with a lower offset are of a mount of that name that was deleted, and count no more; issuers stay. Absent where there was none."),
};
#undef ROW
const struct schema mount_state_schema = SCHEMA("state.mount", mount_state, mount_fields);

#define ROW(member, type, need, min, max, help) FIELD(issuer_state, member, type, need, min, max, help)
static const struct field issuer_fields[] = {
	ROW(v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	ROW(id, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The first 16 octets of the SHA-256 of the certificate, in lower-case hexadecimal."),
	ROW(certificate, BYTES, REQUIRED, 1, CERTIFICATE_MAX, "The CA certificate, DER."),
	ROW(chain, BLOBS, OPTIONAL, 0, 64, "The certificates above it, DER, the issuer's issuer first. Empty for a root."),
	ROW(key, BYTES, OPTIONAL, 1, 65536, "The PKCS#8 private key in a sealed box, bound to mount and id."),
	ROW(crl_shards, INT, REQUIRED, 1, 65536, "Into how many CRLs its revocations are divided. Fixed when the issuer is made."),
	ROW(created, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the issuer was made: the request's timestamp, in milliseconds since the epoch."),
};
#undef ROW
const struct schema issuer_state_schema = SCHEMA("state.issuer", issuer_state, issuer_fields);

#define ROW(member, type, need, min, max, help) FIELD(pending_state, member, type, need, min, max, help)
static const struct field pending_fields[] = {
	ROW(v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	ROW(id, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The first 16 octets of the SHA-256 of the public key (SubjectPublicKeyInfo), in lower-case hexadecimal."),
	ROW(key, BYTES, REQUIRED, 1, 65536, "The PKCS#8 private key in a sealed box, bound to mount and id."),
	ROW(created, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the key was made: the request's timestamp, in milliseconds since the epoch."),
};
#undef ROW
const struct schema pending_state_schema = SCHEMA("state.pending", pending_state, pending_fields);

#define ROW(member, type, need, min, max, help) FIELD(role, member, type, need, min, max, help)
#define ROW_BOOL(member, help) FIELD(role, member, BOOL, OPTIONAL, 0, 1, help)
static const struct field role_fields[] = {
	ROW(ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "Lifetime of a certificate when the request asks for none, in seconds or as text such as `72h`. Read back in seconds. Default: 0, the mount's `default_ttl` or `max_ttl`, whichever is shorter."),
	ROW(max_ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "The longest lifetime that a request may ask for, in seconds or as text. Read back in seconds. Default: 0, the mount's `max_ttl`."),
	ROW_BOOL(allow_localhost, "Allow `localhost` as a name. Default: true."),
	ROW(allowed_domains, LIST, OPTIONAL, 0, NAMES_MAX, "The domains that `allow_bare_domains` and `allow_subdomains` are about, an array or a comma-separated text. Default: none."),
	FIELD_NAMED(role, allowed_domains, "allowed_base_domain", LIST, OPTIONAL, 0, NAMES_MAX, FIELD_ALIAS, "An older name of `allowed_domains`."),
	ROW_BOOL(allow_bare_domains, "Allow the allowed domains themselves as names. Default: false."),
	FIELD_NAMED(role, allow_bare_domains, "allow_base_domain", BOOL, OPTIONAL, 0, 1, FIELD_ALIAS, "An older name of `allow_bare_domains`."),
	ROW_BOOL(allow_token_displayname, "Allow the requester's display name as a name. Default: false."),
	ROW_BOOL(allow_subdomains, "Allow names below what the other options allow, wildcards included: with `example.com` also `foo.example.com` and `*.example.com`. Default: false."),
	ROW_BOOL(allow_any_name, "Allow any name. Default: false."),
	ROW_BOOL(enforce_hostnames, "Take only valid host names, also as the host part of e-mail addresses. Default: false."),
	ROW_BOOL(allow_ip_sans, "Allow IP addresses; which ones is not checked. Default: true."),
	ROW_BOOL(server_flag, "Certificates are for TLS servers. Default: true."),
	ROW_BOOL(client_flag, "Certificates are for TLS clients. Default: true."),
	ROW_BOOL(code_signing_flag, "Certificates are for signing code. Default: false."),
	ROW_BOOL(email_protection_flag, "Certificates are for protecting e-mail. Default: false."),
	ROW(key_type, TEXT, OPTIONAL, 1, WORD_MAX, "The type of the keys that `issue` makes and that `sign` takes: `rsa`, `ec` or `ed25519`. Default: `rsa`."),
	ROW(key_bits, INT, OPTIONAL, 0, KEY_BITS_MAX, "Size of the keys in bits: 2048 to 8192 for `rsa`; 224, 256, 384 or 521 for `ec`. Default: 0, the usual size of the type (2048 for `rsa`, 256 for `ec`)."),
	ROW_BOOL(use_csr_common_name, "In `sign`, take the common name from the CSR and not from the request. Alternative names are not taken from it. Default: false."),
};
#undef ROW_BOOL
#undef ROW
const struct schema role_schema = SCHEMA("role", role, role_fields);

#define ROW(member, type, need, min, max, help) FIELD(urls_state, member, type, need, min, max, help)
static const struct field urls_fields[] = {
	ROW(v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	ROW(issuing_certificates, LIST, OPTIONAL, 0, URLS_MAX, "URLs of the issuer's certificate, for authorityInfoAccess."),
	ROW(crl_distribution_points, LIST, OPTIONAL, 0, URLS_MAX, "URLs of the CRL, for cRLDistributionPoints."),
	ROW(ocsp_servers, LIST, OPTIONAL, 0, URLS_MAX, "URLs of OCSP servers, for authorityInfoAccess."),
};
#undef ROW
const struct schema urls_state_schema = SCHEMA_OPEN("state.urls", urls_state, urls_fields);

static const struct field crl_fields[] = {
	FIELD(crl_state, v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	FIELD(crl_state, expiry, TEXT, REQUIRED, 1, WORD_MAX, "How long a CRL is valid, as it was written."),
};
const struct schema crl_state_schema = SCHEMA_OPEN("state.crl", crl_state, crl_fields);

#define PARTITIONS(member) FIELD(topics_state, member, INT, REQUIRED, 1, 1000000, "Partitions of `." #member "`.")
static const struct field topics_fields[] = {
	FIELD(topics_state, v, INT, REQUIRED, 1, 1, STATE_VERSION_HELP),
	PARTITIONS(issue),
	PARTITIONS(sign),
	PARTITIONS(query),
	PARTITIONS(revoke),
	PARTITIONS(config),
};
#undef PARTITIONS
const struct schema topics_state_schema = SCHEMA_OPEN("state.topics", topics_state, topics_fields);
/* clang-format on */

void
role_defaults(struct role *role)
{
	*role = (struct role){
		.allow_localhost = true,
		.allow_ip_sans = true,
		.server_flag = true,
		.client_flag = true,
		.key_type = SLICE_LITERAL("rsa"),
	};
}
