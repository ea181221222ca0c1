#include "params.h"

#include "message_limits.h"
#include "timespan.h"

/* clang-format off */
#define ALT_NAMES "Further host names and e-mail addresses, an array or a comma-separated text. If the role forbids one, the whole request is refused. Default: none."
#define IP_SANS "IP addresses for the certificate, an array or a comma-separated text. The role must allow them. Default: none."
#define FORMAT_HELP "`pem`, `der` (base64 text of the DER), or `pem_bundle` (the certificate's field also holds the key and the chain). Default: `pem`."

#define ROW(member, type, need, min, max, help) FIELD(leaf_params, member, type, need, min, max, help)
#define CSR_ROW ROW(csr, TEXT, REQUIRED, 1, CSR_MAX, "The PKCS#10 certification request in PEM. Its signature must verify.")
#define TIME_ROWS \
	ROW(ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "How long the certificate is to be valid, in seconds or as text such as `72h`. What is over the role's `max_ttl` is cut to it, with a warning; what outlives the CA is refused. Default: the role's `ttl`, else the mount's."), \
	ROW(not_before, TEXT, OPTIONAL, 0, TIME_TEXT_MAX, "When the certificate is to begin, as RFC 3339 text. The role's `not_before_bound` must allow it. Default: the role's `not_before_duration` ago."), \
	ROW(not_after, TEXT, OPTIONAL, 0, TIME_TEXT_MAX, "When the certificate is to end, as RFC 3339 text, instead of `ttl`. `max_ttl` does not limit it; the role's `not_after_bound` does. Default: `ttl` says.")
#define FORMAT_ROWS \
	ROW(format, TEXT, OPTIONAL, 1, WORD_MAX, FORMAT_HELP), \
	ROW(remove_roots_from_chain, BOOL, OPTIONAL, 0, 1, "Leave self-signed certificates out of `ca_chain`. Default: false.")
#define LEAF_ROWS \
	ROW(common_name, TEXT, OPTIONAL, 0, COMMON_NAME_MAX, "The subject's common name, a host name or an e-mail address. It is also put among the alternative names. Needed, unless the role takes it from the CSR, or has `require_cn` off."), \
	ROW(alt_names, LIST, OPTIONAL, 0, NAMES_MAX, ALT_NAMES), \
	ROW(ip_sans, LIST, OPTIONAL, 0, NAMES_MAX, IP_SANS), \
	ROW(uri_sans, LIST, OPTIONAL, 0, NAMES_MAX, "URIs for the certificate, an array or a comma-separated text. The role's `allowed_uri_sans` must allow them. Default: none."), \
	ROW(other_sans, LIST, OPTIONAL, 0, NAMES_MAX, "Other names for the certificate, each as `OID;utf8:TEXT`, an array or a comma-separated text. The role's `allowed_other_sans` must allow them. Default: none."), \
	ROW(serial_number, TEXT, OPTIONAL, 0, SUBJECT_SERIAL_MAX, "The subject's serialNumber (not the certificate's). The role's `allowed_serial_numbers` must allow it. Default: the CSR's, or none."), \
	ROW(user_ids, LIST, OPTIONAL, 0, USER_IDS_MAX, "User ids of the subject, an array or a comma-separated text. The role's `allowed_user_ids` must allow them. Default: the CSR's, or none."), \
	ROW(exclude_cn_from_sans, BOOL, OPTIONAL, 0, 1, "Do not put the common name among the alternative names. It is checked all the same. Default: false."), \
	TIME_ROWS, \
	FORMAT_ROWS
static const struct field issue_fields[] = {
	LEAF_ROWS,
	ROW(key_type, TEXT, OPTIONAL, 0, WORD_MAX, "Where the role's `key_type` is `any`, which key is made: `rsa`, `ec` or `ed25519`; then it is needed. Elsewhere it is ignored, with a warning."),
	ROW(key_bits, INT, OPTIONAL, 0, KEY_BITS_MAX, "The size of that key. Default: 2048 for `rsa`, 256 for `ec`."),
	ROW(private_key_format, TEXT, OPTIONAL, 1, WORD_MAX, "`der`: the private key in its type's own form (PKCS#1, SEC 1, and for Ed25519 PKCS#8); `pkcs8`: all in PKCS#8. `format` says whether as PEM. A `pem_bundle` holds the type's own form always. Default: `der`."),
};
static const struct field sign_fields[] = {
	CSR_ROW,
	LEAF_ROWS,
};
static const struct field sign_verbatim_fields[] = {
	CSR_ROW,
	ROW(common_name, TEXT, OPTIONAL, 0, COMMON_NAME_MAX, "Not used: the subject is the CSR's. A warning says so."),
	TIME_ROWS,
	ROW(key_usage, LIST, OPTIONAL, 0, NAMES_MAX, "Key usages, as a role's `key_usage`, for a CSR that asks for none. Empty: no such extension. Default: `DigitalSignature,KeyAgreement,KeyEncipherment`."),
	ROW(ext_key_usage, LIST, OPTIONAL, 0, NAMES_MAX, "Extended key usages, as a role's `ext_key_usage`, for a CSR that asks for none. Default: none."),
	ROW(ext_key_usage_oids, LIST, OPTIONAL, 0, NAMES_MAX, "OIDs of further extended key usages, for a CSR that asks for none. Default: none."),
	ROW(signature_bits, INT, OPTIONAL, 0, 4096, "How long the digest is that an RSA CA signs: 256, 384 or 512. Default: 256."),
	ROW(use_pss, BOOL, OPTIONAL, 0, 1, "An RSA CA signs with PSS. Default: false."),
	ROW(basic_constraints_valid_for_non_ca, BOOL, OPTIONAL, 0, 1, "Say in the certificate that it is no CA's. Default: as the role says, else false."),
	FORMAT_ROWS,
};
#undef ROW
const struct schema issue_params_schema = SCHEMA("issue.params", leaf_params, issue_fields);
const struct schema sign_params_schema = SCHEMA("sign.params", leaf_params, sign_fields);
const struct schema sign_verbatim_params_schema = SCHEMA("sign-verbatim.params", leaf_params, sign_verbatim_fields);

#define ROW(member, type, need, min, max, help) FIELD(revoke_params, member, type, need, min, max, help)
static const struct field revoke_fields[] = {
	ROW(serial_number, TEXT, OPTIONAL, 1, SERIAL_TEXT_MAX, "The certificate's serial number in hexadecimal, octets separated by colons or hyphens. Give it, `certificate` or `lease_id`."),
	FIELD_NAMED(revoke_params, serial_number, "serial", TEXT, OPTIONAL, 1, SERIAL_TEXT_MAX, FIELD_ALIAS, "Another name of `serial_number`."),
	ROW(certificate, TEXT, OPTIONAL, 1, CERTIFICATE_MAX, "The certificate in PEM, instead of its serial number."),
	ROW(lease_id, TEXT, OPTIONAL, 1, LEASE_ID_MAX, "The `lease_id` that the certificate was answered with, instead of its serial number."),
	ROW(reason, TEXT, OPTIONAL, 1, WORD_MAX, "Why: a name of RFC 5280 section 5.3.1, as `keyCompromise` or `key_compromise`, or its number. Default: no reason is given."),
	ROW(invalidity_date, TEXT, OPTIONAL, 1, 40, "When the key is known or feared to have been lost, as RFC 3339 text. Default: none."),
};
#undef ROW
const struct schema revoke_params_schema = SCHEMA("revoke.params", revoke_params, revoke_fields);

static const struct field crl_rotate_fields[] = {
	FIELD(crl_rotate_params, minimum_number, INT, OPTIONAL, 1, CRL_MINIMUM_MAX, "The CRLs' numbers are this or higher. For a system that was restored from a backup: above every number that was published, so that nobody takes the new CRLs for old ones. Default: the one after the last."),
};
const struct schema crl_rotate_params_schema = SCHEMA("crl/rotate.params", crl_rotate_params, crl_rotate_fields);

#define ROW(member, type, need, min, max, help) FIELD(mount_params, member, type, need, min, max, help)
#define UNCHANGED " In `mount/tune`: unchanged."
static const struct field mount_fields[] = {
	ROW(default_ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "Lifetime of a certificate where neither request nor role says one, in seconds or as text such as `72h`. Default, also for 0: 768h, or `max_ttl` if that is shorter." UNCHANGED),
	FIELD_NAMED(mount_params, default_ttl, "default_lease_ttl", SPAN, OPTIONAL, 0, TIMESPAN_MAX, FIELD_ALIAS, "Another name of `default_ttl`."),
	ROW(max_ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "The longest lifetime under roles that set none of their own, in seconds or as text. Default, also for 0: 768h." UNCHANGED),
	FIELD_NAMED(mount_params, max_ttl, "max_lease_ttl", SPAN, OPTIONAL, 0, TIMESPAN_MAX, FIELD_ALIAS, "Another name of `max_ttl`."),
	ROW(allow_clear_keys, BOOL, OPTIONAL, 0, 1, "Take private keys in clear in `ca/set`, and give those of CAs in clear. Only for trying things out. Default: false." UNCHANGED),
	ROW(allow_slow_keys, BOOL, OPTIONAL, 0, 1, "Let `issue` make RSA keys over 4096 bits, which takes seconds each. Default: false." UNCHANGED),
	ROW(trust_identity, BOOL, OPTIONAL, 0, 1, "Believe the `identity` that requests carry: whoever may produce to the topics says who it is. Default: false." UNCHANGED),
	ROW(role_defaults, TEXT, OPTIONAL, 1, WORD_MAX, "What `role/write` takes for a field that is not given: `0.4`, as the source document has it, or `current`, as its successors do. Default: `0.4`." UNCHANGED),
	ROW(description, TEXT, OPTIONAL, 0, DESCRIPTION_MAX, "A line for people. Default: none." UNCHANGED),
};
#undef UNCHANGED
#undef ROW
const struct schema mount_params_schema = SCHEMA("mount/write.params", mount_params, mount_fields);
const struct schema mount_tune_params_schema = SCHEMA("mount/tune.params", mount_params, mount_fields);

static const struct field ca_set_fields[] = {
	FIELD_NAMED(ca_set_params, pem_bundle, "pem_bundle", TEXT, REQUIRED, 1, BUNDLE_MAX, FIELD_SECRET,
	    "The CA certificate, its chain and its private key, in any order: certificates in PEM, the key as a compact JWE sealed to the fleet's key (or in PEM, where the mount takes clear keys). Without the key where `ca/generate/intermediate` made it, or the mount has it already."),
	FIELD_NAMED(ca_set_params, pem_bundle, "certificate", TEXT, OPTIONAL, 1, BUNDLE_MAX, FIELD_ALIAS | FIELD_SECRET, "Another name of `pem_bundle`, as `intermediate/set-signed` has it today."),
	FIELD(ca_set_params, replace, BOOL, OPTIONAL, 0, 1, "Put this CA in the place of another one that the mount has. The other one signs nothing more; its CRL goes on until it expires. Default: false."),
};
const struct schema ca_set_params_schema = SCHEMA("ca/set.params", ca_set_params, ca_set_fields);

#define ROW(member, type, need, min, max, help) FIELD(ca_params, member, type, need, min, max, help)
#define SUBJECT(member, help) ROW(member, LIST, OPTIONAL, 0, SUBJECT_VALUES_MAX, help " of the CA's subject, an array or a comma-separated text. Default: none.")
#define CA_NAME_ROWS \
	ROW(alt_names, LIST, OPTIONAL, 0, NAMES_MAX, "Host names and e-mail addresses of the CA, an array or a comma-separated text. Default: none."), \
	ROW(ip_sans, LIST, OPTIONAL, 0, NAMES_MAX, "IP addresses of the CA, an array or a comma-separated text. Default: none."), \
	ROW(uri_sans, LIST, OPTIONAL, 0, NAMES_MAX, "URIs of the CA, an array or a comma-separated text. Default: none."), \
	ROW(other_sans, LIST, OPTIONAL, 0, NAMES_MAX, "Other names of the CA, each `OID;utf8:TEXT`, an array or a comma-separated text. Default: none."), \
	ROW(exclude_cn_from_sans, BOOL, OPTIONAL, 0, 1, "Do not put the common name among the alternative names, where it is a host name or an e-mail address. Default: false."), \
	SUBJECT(ou, "organizationalUnitName"), \
	SUBJECT(organization, "organizationName"), \
	SUBJECT(country, "countryName, of two letters each,"), \
	SUBJECT(locality, "localityName"), \
	SUBJECT(province, "stateOrProvinceName"), \
	SUBJECT(street_address, "streetAddress"), \
	SUBJECT(postal_code, "postalCode"), \
	ROW(signature_bits, INT, OPTIONAL, 0, 512, "With which SHA-2 an RSA key signs: 256, 384 or 512. Other keys sign as they must. Default: 0, which is 256."), \
	ROW(use_pss, BOOL, OPTIONAL, 0, 1, "An RSA key signs with PSS padding. Default: false.")
#define CA_LIMIT_ROWS(ttl_help, path_help) \
	ROW(ttl, SPAN, OPTIONAL, 0, TIMESPAN_MAX, "How long the CA certificate is to be valid, in seconds or as text such as `87600h`. What is over the mount's `max_ttl` is cut to it, with a warning" ttl_help ". Default: the mount's `default_ttl`."), \
	ROW(max_path_length, INT, OPTIONAL, -1, PATH_LENGTH_MAX, "How many CAs may follow in a chain under this one; -1 for no limit" path_help ". Default: -1.")
#define CA_KEY_ROWS \
	ROW(key_type, TEXT, OPTIONAL, 1, WORD_MAX, "`rsa`, `ec` or `ed25519`. Default: `rsa`."), \
	ROW(key_bits, INT, OPTIONAL, 0, KEY_BITS_MAX, "Size of the key in bits: 2048 to 8192 for `rsa`; 224, 256, 384 or 521 for `ec`. Default: 2048 for `rsa`, 256 for `ec`."), \
	ROW(private_key_format, TEXT, OPTIONAL, 1, WORD_MAX, "The form of an exported key: `der`, the type's own (PKCS#1, SEC 1), or `pkcs8`. In a `pem_bundle` it is always the type's own. Default: `der`."), \
	ROW(exported, TEXT, OPTIONAL, 1, WORD_MAX, "`internal`: the private key never leaves the workers. `exported`, or `external`: it is in the answer too, sealed to `seal_to`, and cannot be had later. Default: `internal`.")
static const struct field ca_root_fields[] = {
	ROW(common_name, TEXT, REQUIRED, 1, COMMON_NAME_MAX, "The CA's common name."),
	CA_NAME_ROWS,
	CA_LIMIT_ROWS("", ""),
	ROW(format, TEXT, OPTIONAL, 1, WORD_MAX, FORMAT_HELP),
	CA_KEY_ROWS,
};
static const struct field ca_intermediate_fields[] = {
	ROW(common_name, TEXT, REQUIRED, 1, COMMON_NAME_MAX, "The CA's common name. Whoever signs the request may give it another."),
	CA_NAME_ROWS,
	ROW(format, TEXT, OPTIONAL, 1, WORD_MAX, "`pem`, `der` (base64 text of the DER), or `pem_bundle` (the request's field also holds the key). Default: `pem`."),
	CA_KEY_ROWS,
};
static const struct field ca_sign_fields[] = {
	ROW(csr, TEXT, REQUIRED, 1, CSR_MAX, "The PKCS#10 certification request in PEM. Its signature must verify."),
	ROW(common_name, TEXT, OPTIONAL, 0, COMMON_NAME_MAX, "The CA's common name. Needed, unless `use_csr_values` is set."),
	ROW(use_csr_values, BOOL, OPTIONAL, 0, 1, "Take subject and alternative names from the request as they stand there, not from the parameters, and add the key usages that it asks for to a CA's own. Default: false, and nothing but the public key is taken from it."),
	CA_NAME_ROWS,
	CA_LIMIT_ROWS("; what outlives the mount's CA is cut to its end, with a warning", ". It must be under the signing CA's, which is what -1 means under a CA that has one"),
	ROW(format, TEXT, OPTIONAL, 1, WORD_MAX, FORMAT_HELP),
};
#undef CA_KEY_ROWS
#undef CA_LIMIT_ROWS
#undef CA_NAME_ROWS
#undef SUBJECT
#undef ROW
const struct schema ca_root_params_schema = SCHEMA("ca/generate/root.params", ca_params, ca_root_fields);
const struct schema ca_intermediate_params_schema = SCHEMA("ca/generate/intermediate.params", ca_params, ca_intermediate_fields);
const struct schema ca_sign_params_schema = SCHEMA("ca/sign.params", ca_params, ca_sign_fields);

#define ROW(member, type, need, min, max, help) FIELD(urls_params, member, type, need, min, max, help)
static const struct field urls_fields[] = {
	ROW(issuing_certificates, LIST, OPTIONAL, 0, URLS_MAX, "URLs of the issuer's certificate, an array or a comma-separated text. Empty clears them. Default: unchanged."),
	ROW(crl_distribution_points, LIST, OPTIONAL, 0, URLS_MAX, "URLs of the CRL, an array or a comma-separated text. Empty clears them. Default: unchanged."),
	ROW(ocsp_servers, LIST, OPTIONAL, 0, URLS_MAX, "URLs of OCSP servers, an array or a comma-separated text. Empty clears them. Default: unchanged."),
};
#undef ROW
const struct schema urls_params_schema = SCHEMA("urls/write.params", urls_params, urls_fields);

static const struct field crl_fields[] = {
	FIELD(crl_params, expiry, TEXT, REQUIRED, 1, WORD_MAX, "How long a CRL is valid, as text such as `72h`. It is read back as it was written."),
};
const struct schema crl_params_schema = SCHEMA("crl/write.params", crl_params, crl_fields);

static const struct field cert_read_fields[] = {
	FIELD(cert_read_params, serial, TEXT, REQUIRED, 1, SERIAL_TEXT_MAX, "`ca`, `crl`, or a serial number in hexadecimal, octets separated by colons or hyphens."),
	FIELD_NAMED(cert_read_params, serial, "serial_number", TEXT, OPTIONAL, 1, SERIAL_TEXT_MAX, FIELD_ALIAS, "Another name of `serial`."),
};
const struct schema cert_read_params_schema = SCHEMA("cert/read.params", cert_read_params, cert_read_fields);

static const struct field page_fields[] = {
	FIELD(page_params, after, TEXT, OPTIONAL, 0, 256, "The last key of the page before, or the `next` that came with it. Default: from the start."),
	FIELD(page_params, limit, INT, OPTIONAL, 1, 1000, "How many keys to return at most. Default: 100."),
};
const struct schema page_params_schema = SCHEMA("list.params", page_params, page_fields);

static const struct field read_fields[] = {
	FIELD(read_params, format, TEXT, OPTIONAL, 1, WORD_MAX, "`pem`, or `der` (base64 text of the DER). Default: `pem`."),
};
const struct schema read_params_schema = SCHEMA("read.params", read_params, read_fields);

const struct schema no_params_schema = { .name = "no.params", .size = sizeof(struct no_params) };
/* clang-format on */

void
leaf_params_defaults(void *params)
{
	struct leaf_params *p = params;

	*p = (struct leaf_params){ .ttl = SCHEMA_ABSENT,
		.format = SLICE_LITERAL("pem"),
		.key_bits = SCHEMA_ABSENT,
		.private_key_format = SLICE_LITERAL("der") };
}

void
mount_params_defaults(void *params)
{
	struct mount_params *p = params;

	*p = (struct mount_params){ .default_ttl = SCHEMA_ABSENT,
		.max_ttl = SCHEMA_ABSENT,
		.role_defaults = SLICE_LITERAL(ROLE_DEFAULTS_SEED) };
}

void
ca_params_defaults(void *params)
{
	struct ca_params *p = params;

	*p = (struct ca_params){
		.ttl = SCHEMA_ABSENT,
		.format = SLICE_LITERAL("pem"),
		.key_type = SLICE_LITERAL("rsa"),
		.key_bits = SCHEMA_ABSENT,
		.max_path_length = -1,
		.exported = SLICE_LITERAL("internal"),
	};
}

void
page_params_defaults(void *params)
{
	struct page_params *p = params;

	*p = (struct page_params){ .limit = 100 };
}

void
read_params_defaults(void *params)
{
	struct read_params *p = params;

	*p = (struct read_params){ .format = SLICE_LITERAL("pem") };
}
