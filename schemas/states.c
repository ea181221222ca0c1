#include "states.h"

#include "encode.h"
#include "message_limits.h"
#include "sha256.h"
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
	ROW(trust_identity, BOOL, OPTIONAL, 0, 1, "Is the `identity` of a request believed?"),
	ROW(role_defaults, TEXT, OPTIONAL, 1, WORD_MAX, "What a role means that does not say: `0.4`, as the source document has it, or `current`. Default: `0.4`."),
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

#define ROW(member, type, min, max, help) FIELD(role, member, type, OPTIONAL, min, max, help)
#define ROW_BOOL(member, help) FIELD(role, member, BOOL, OPTIONAL, 0, 1, help)
#define ROW_LIST(member, help) FIELD(role, member, LIST, OPTIONAL, 0, NAMES_MAX, help)
#define A_LIST ", an array or a comma-separated text. Default: none."
static const struct field role_fields[] = {
	ROW(ttl, SPAN, 0, TIMESPAN_MAX, "Lifetime of a certificate when the request asks for none, in seconds or as text such as `72h`. Read back in seconds. Default: 0, the mount's `default_ttl` or `max_ttl`, whichever is shorter."),
	ROW(max_ttl, SPAN, 0, TIMESPAN_MAX, "The longest lifetime that a request may ask for, in seconds or as text. Read back in seconds. Default: 0, the mount's `max_ttl`."),
	ROW(issuer_ref, TEXT, 1, OBJECT_NAME_MAX, "Who signs: `default`, the mount's CA, or the id of one that the mount has or had. Looked up each time; one that is not there refuses the request. Default: `default`."),
	ROW_BOOL(allow_localhost, "Allow `localhost` and `localdomain` as names, and `*.` in front of them. Default: true."),
	ROW_LIST(allowed_domains, "The domains that `allow_bare_domains`, `allow_subdomains` and `allow_glob_domains` are about" A_LIST),
	FIELD_NAMED(role, allowed_domains, "allowed_base_domain", LIST, OPTIONAL, 0, NAMES_MAX, FIELD_ALIAS, "An older name of `allowed_domains`."),
	ROW_BOOL(allowed_domains_template, "Fill in `{{identity.entity.name}}`, `.id`, `.metadata.KEY`, `.aliases.ACCESSOR.name` and `.aliases.ACCESSOR.metadata.KEY` in `allowed_domains` from the request's `identity`, if the mount trusts it. A domain that does not resolve allows nothing. Default: false."),
	ROW_BOOL(allow_globs_in_identity_templates, "Take a `*` that came out of a template as one; otherwise a template that gives one allows nothing. Default: false."),
	ROW_BOOL(allow_bare_domains, "Allow the allowed domains themselves as names. Default: false."),
	FIELD_NAMED(role, allow_bare_domains, "allow_base_domain", BOOL, OPTIONAL, 0, 1, FIELD_ALIAS, "An older name of `allow_bare_domains`."),
	ROW_BOOL(allow_token_displayname, "Allow the requester's display name as a name. Default: false."),
	ROW_BOOL(allow_subdomains, "Allow names below what the other options allow, wildcards included: with `example.com` also `foo.example.com` and `*.example.com`. Default: false."),
	ROW_BOOL(allow_glob_domains, "Take `*` in the allowed domains for any text, dots included: `ftp*.example.com` allows `ftp1.a.example.com`. The whole name is matched, of an address with the mailbox. Default: false."),
	ROW_BOOL(allow_wildcard_certificates, "Allow names with a `*`. When false, nothing else allows them. Default: true."),
	ROW_BOOL(allow_any_name, "Allow any name. Default: false."),
	ROW_BOOL(enforce_hostnames, "Take only valid host names, also as the host part of e-mail addresses. Default: false; under `current` true."),
	ROW_BOOL(require_cn, "Refuse a request without a common name. Default: true."),
	ROW_LIST(cn_validations, "What a common name may be: `email`, `hostname` or both; or `disabled` alone, which leaves it unchecked (as an alternative name it is checked still). Default: `email,hostname`."),
	ROW_BOOL(allow_ip_sans, "Allow IP addresses. Default: true."),
	ROW_LIST(allowed_ip_sans_cidr, "The networks that IP addresses must be in, as `10.0.0.0/8`, an array or a comma-separated text. Default: none, which allows all."),
	ROW_LIST(allowed_uri_sans, "Globs of the URIs that are allowed, an array or a comma-separated text. Default: none, which forbids all."),
	ROW_BOOL(allowed_uri_sans_template, "Fill in templates in `allowed_uri_sans`, as `allowed_domains_template` says. Default: false."),
	ROW_LIST(allowed_other_sans, "The other names that are allowed, as `OID;utf8:GLOB`, or `*` alone, an array or a comma-separated text. Default: none, which forbids all."),
	ROW_LIST(allowed_serial_numbers, "Globs of the values that are allowed for the subject's serialNumber, an array or a comma-separated text. Default: none, which forbids it."),
	ROW(serial_number_source, TEXT, 1, WORD_MAX, "Where the subject's serialNumber comes from: `json-csr`, the request or else the CSR; `json`, the request alone. Default: `json-csr`."),
	ROW_LIST(allowed_user_ids, "Values or globs that are allowed for the subject's user ids, an array or a comma-separated text. Default: none, which forbids them."),
	ROW_LIST(ou, "Organizational units of the subject" A_LIST),
	ROW_LIST(organization, "Organizations of the subject" A_LIST),
	ROW_LIST(country, "Countries of the subject, of two letters" A_LIST),
	ROW_LIST(locality, "Localities of the subject" A_LIST),
	ROW_LIST(province, "States or provinces of the subject" A_LIST),
	ROW_LIST(street_address, "Street addresses of the subject" A_LIST),
	ROW_LIST(postal_code, "Postal codes of the subject" A_LIST),
	ROW_BOOL(server_flag, "Certificates are for TLS servers. Default: true."),
	ROW_BOOL(client_flag, "Certificates are for TLS clients. Default: true."),
	ROW_BOOL(code_signing_flag, "Certificates are for signing code. Default: false."),
	ROW_BOOL(email_protection_flag, "Certificates are for protecting e-mail. Default: false."),
	ROW(key_type, TEXT, 1, WORD_MAX, "The type of the keys that `issue` makes and that `sign` takes: `rsa`, `ec`, `ed25519`, or `any` (`issue` then says which). Default: `rsa`."),
	ROW(key_bits, INT, 0, KEY_BITS_MAX, "Size of the keys in bits: 2048, 3072, 4096 or 8192 for `rsa`; 224, 256, 384 or 521 for `ec`. `sign` takes longer ones, too. Default: 0, the usual size of the type (2048 for `rsa`, 256 for `ec`)."),
	ROW(signature_bits, INT, 0, 4096, "How long the digest is that an RSA CA signs: 256, 384 or 512. Other CAs sign as their key wants it. Default: 0, which is 256."),
	ROW_BOOL(use_pss, "An RSA CA signs with PSS. Default: false."),
	ROW_LIST(key_usage, "Key usages: `DigitalSignature`, `ContentCommitment`, `KeyEncipherment`, `DataEncipherment`, `KeyAgreement`, `CertSign`, `CRLSign`, `EncipherOnly`, `DecipherOnly`, in any case. Empty: no such extension. Default: `DigitalSignature,KeyAgreement,KeyEncipherment`, of which a certificate has those that its key may have."),
	ROW_LIST(ext_key_usage, "Extended key usages beside those of the four flags: `Any`, `ServerAuth`, `ClientAuth`, `CodeSigning`, `EmailProtection`, `IPSECEndSystem`, `IPSECTunnel`, `IPSECUser`, `TimeStamping`, `OCSPSigning`, `MicrosoftServerGatedCrypto`, `NetscapeServerGatedCrypto`, `MicrosoftCommercialCodeSigning`, `MicrosoftKernelCodeSigning`, in any case. Default: none."),
	ROW_LIST(ext_key_usage_oids, "OIDs of further extended key usages" A_LIST),
	ROW_BOOL(use_csr_common_name, "In `sign`, take the common name from the CSR, and from the request only where the CSR has none. Default: false; under `current` true."),
	ROW_BOOL(use_csr_sans, "In `sign`, take the alternative names from the CSR and not from the request; `other_sans` from both. Default: false; under `current` true."),
	FIELD_NAMED(role, policy_identifiers, "policy_identifiers", LIST, OPTIONAL, 0, NAMES_MAX, FIELD_JSON, "Certificate policies: OIDs, or JSON objects of `oid` and, if wanted, `cps` and `notice`; an array, a comma-separated text of OIDs, or the text of a JSON array. Default: none."),
	ROW_BOOL(basic_constraints_valid_for_non_ca, "Say in the certificate that it is no CA's (BasicConstraints). Default: false."),
	ROW(not_before_duration, SPAN, 0, TIMESPAN_MAX, "How long before it was made a certificate begins to be valid, in seconds or as text. 0 is 30 seconds. Default: 30."),
	ROW(not_before, TEXT, 0, TIME_TEXT_MAX, "When all certificates begin, as RFC 3339 text. Default: blank, which leaves it to `not_before_duration` and the request."),
	ROW(not_before_bound, TEXT, 1, WORD_MAX, "May a request say when its certificate begins? `permit`; `duration`, not earlier than `not_before_duration` ago; `forbid`. Default: `permit`."),
	ROW(not_after, TEXT, 0, TIME_TEXT_MAX, "When all certificates end, as RFC 3339 text. Default: blank, which leaves it to the TTLs and the request."),
	ROW(not_after_bound, TEXT, 1, TIME_TEXT_MAX, "May a request say when its certificate ends? `permit`; `ttl-limited`, not later than its TTL would; `forbid`; or an RFC 3339 text, beyond which no certificate of the role goes. Default: `permit`."),
	ROW_BOOL(generate_lease, "Answer with a lease, which revokes the certificate when it is revoked. Default: true; under `current` false."),
	ROW_BOOL(no_store, "Do not keep certificates in Redis: they are not listed and not read, and to be revoked they must be presented. Goes without leases. Default: false."),
	ROW_BOOL(require_seal_to, "`issue` wants a `seal_to`: the private key leaves sealed, or not at all. Default: false."),
};
#undef A_LIST
#undef ROW_LIST
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

/* The items of an empty list, which is present. */
static struct slice no_items[1];
static struct slice default_key_usage[] = { SLICE_INIT("DigitalSignature"),
	SLICE_INIT("KeyAgreement"), SLICE_INIT("KeyEncipherment") };
static struct slice default_cn_validations[] = { SLICE_INIT("email"), SLICE_INIT("hostname") };

void
role_defaults(struct role *role)
{
	*role = (struct role){
		.issuer_ref = SLICE_LITERAL("default"),
		.allow_localhost = true,
		.allow_wildcard_certificates = true,
		.require_cn = true,
		.cn_validations = { default_cn_validations, 2 },
		.allow_ip_sans = true,
		.serial_number_source = SLICE_LITERAL("json-csr"),
		.server_flag = true,
		.client_flag = true,
		.key_type = SLICE_LITERAL("rsa"),
		.key_usage = { default_key_usage, 3 },
		.not_before_duration = 30,
		.not_before = SLICE_LITERAL(""),
		.not_before_bound = SLICE_LITERAL("permit"),
		.not_after = SLICE_LITERAL(""),
		.not_after_bound = SLICE_LITERAL("permit"),
		.generate_lease = true,
	};
	for (size_t i = 0; i < role_schema.count; i++) {
		struct slice_list *list = (void *)((uint8_t *)role + role_fields[i].offset);

		if (role_fields[i].type == FIELD_LIST && list->items == NULL)
			list->items = no_items;
	}
}

void
role_defaults_current(struct role *role)
{
	role_defaults(role);
	role->enforce_hostnames = role->use_csr_common_name = role->use_csr_sans = true;
	role->generate_lease = false;
}

void
issuer_id_of(struct slice der, char ret[static ISSUER_ID_SIZE])
{
	uint8_t hash[SHA256_SIZE];

	sha256(der, hash);
	hex_text(slice_of(hash, ISSUER_ID_SIZE / 2), ret);
}
