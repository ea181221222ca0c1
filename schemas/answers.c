#include "answers.h"

#include "message_limits.h"
#include "timespan.h"

/* clang-format off */
#define ROW(member, type, need, min, max, help) FIELD(leaf_answer, member, type, need, min, max, help)
static const struct field leaf_fields[] = {
	ROW(certificate, TEXT, REQUIRED, 1, ANSWER_MAX, "The certificate, as `format` asked: PEM, base64 text of the DER, or a PEM bundle."),
	ROW(issuing_ca, TEXT, REQUIRED, 1, ANSWER_MAX, "The issuer's certificate, in the same form."),
	FIELD_NAMED(leaf_answer, ca_chain, "ca_chain", LIST, OPTIONAL, 0, 64, FIELD_LONG, "The issuer's certificate and those above it, in the same form."),
	FIELD_NAMED(leaf_answer, private_key, "private_key", TEXT, OPTIONAL, 1, ANSWER_MAX, FIELD_SECRET, "The private key, in the same form, or a compact JWE when `seal_to` was given. Absent where the key was not made here, or is withheld (a warning says why)."),
	ROW(private_key_type, TEXT, OPTIONAL, 1, WORD_MAX, "`rsa`, `ec` or `ed25519`."),
	ROW(serial_number, TEXT, REQUIRED, 1, SERIAL_TEXT_MAX, "The serial number in lower-case hexadecimal, octets separated by colons."),
	ROW(serial, TEXT, REQUIRED, 1, SERIAL_TEXT_MAX, "The same as `serial_number`."),
	ROW(expiration, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the certificate ceases to be valid, in seconds since the epoch."),
	ROW(lease_id, TEXT, OPTIONAL, 0, LEASE_ID_MAX, "The path of the request and the serial number, octets separated by hyphens: `revoke` takes it. Empty for a CA that signed itself; absent, as the two below, where the role has `generate_lease` off."),
	ROW(lease_duration, INT, OPTIONAL, INT_LEAST, INT64_MAX, "How long the certificate is valid from when it was issued, in seconds."),
	ROW(renewable, BOOL, OPTIONAL, 0, 1, "Always false: ask for another certificate instead."),
};
#undef ROW
const struct schema leaf_answer_schema = SCHEMA_OPEN("issue.data", leaf_answer, leaf_fields);
#define LEASE_ROWS 3 /* the last ones */
const struct schema leaf_answer_unleased_schema = { .name = "issue.data",
	.fields = leaf_fields,
	.count = sizeof(leaf_fields) / sizeof(leaf_fields[0]) - LEASE_ROWS,
	.size = sizeof(struct leaf_answer),
	.open = true };

static const struct field csr_fields[] = {
	FIELD(csr_answer, csr, TEXT, REQUIRED, 1, ANSWER_MAX, "The PKCS#10 certification request, as `format` asked: PEM, base64 text of the DER, or a PEM bundle."),
	FIELD_NAMED(csr_answer, private_key, "private_key", TEXT, OPTIONAL, 1, ANSWER_MAX, FIELD_SECRET, "The private key, in the same form, or a compact JWE when `seal_to` was given. Absent when it is not exported, or is withheld (a warning says why)."),
	FIELD(csr_answer, private_key_type, TEXT, OPTIONAL, 1, WORD_MAX, "`rsa`, `ec` or `ed25519`, beside `private_key`."),
};
const struct schema csr_answer_schema = SCHEMA_OPEN("ca/generate/intermediate.data", csr_answer, csr_fields);

#define ROW(member, type, need, min, max, help) FIELD(revoke_answer, member, type, need, min, max, help)
static const struct field revoke_fields[] = {
	ROW(revocation_time, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When the certificate was revoked, in seconds since the epoch. It does not change when the certificate is revoked again. Absent when it was not."),
	ROW(revocation_time_rfc3339, TEXT, OPTIONAL, 1, 40, "The same as RFC 3339 text."),
	ROW(state, TEXT, REQUIRED, 1, WORD_MAX, "`revoked`, or `expired`: the certificate had expired, so that nothing was done, and a warning says so."),
	ROW(crl_number, INT, OPTIONAL, 0, INT64_MAX, "The number of the first CRL that lists the certificate. Absent on a replay, and where nothing was done."),
};
#undef ROW
const struct schema revoke_answer_schema = SCHEMA_OPEN("revoke.data", revoke_answer, revoke_fields);

static const struct field rotate_fields[] = {
	FIELD(rotate_answer, success, BOOL, REQUIRED, 0, 1, "Always true."),
	FIELD(rotate_answer, crl_number, INT, OPTIONAL, 0, INT64_MAX, "The number of the CRL that was made. Absent on a replay."),
};
const struct schema rotate_answer_schema = SCHEMA_OPEN("crl/rotate.data", rotate_answer, rotate_fields);

#define ROW(member, type, need, min, max, help) FIELD(cert_read_answer, member, type, need, min, max, help)
static const struct field cert_read_fields[] = {
	ROW(certificate, TEXT, REQUIRED, 1, ANSWER_MAX, "The certificate in PEM; for `crl` the CRL."),
	ROW(serial_number, TEXT, OPTIONAL, 1, SERIAL_TEXT_MAX, "The serial number in lower-case hexadecimal, octets separated by colons. Absent for `crl`."),
	ROW(revocation_time, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When the certificate was revoked, in seconds since the epoch; 0 or absent if it was not."),
	ROW(revocation_time_rfc3339, TEXT, OPTIONAL, 0, 40, "The same as RFC 3339 text; empty or absent if it was not revoked."),
};
#undef ROW
const struct schema cert_read_answer_schema = SCHEMA_OPEN("cert/read.data", cert_read_answer, cert_read_fields);

static const struct field page_fields[] = {
	FIELD(page_answer, keys, LIST, REQUIRED, 0, 1000, "The names or serial numbers of this page, in order."),
	FIELD(page_answer, next, TEXT, OPTIONAL, 1, 256, "What to send as `after` for the next page. Absent on the last."),
};
const struct schema page_answer_schema = SCHEMA_OPEN("list.data", page_answer, page_fields);

static const struct field mount_list_fields[] = {
	FIELD(mount_list_answer, mounts, RAWS, REQUIRED, 0, 100000, "The mounts, each a map."),
	FIELD(mount_list_answer, seal_key, MAP, OPTIONAL, 1, 4096, "The fleet's public JWK: the key in a `pem_bundle` is sealed to it."),
};
const struct schema mount_list_answer_schema = SCHEMA_OPEN("mount/list.data", mount_list_answer, mount_list_fields);

#define ROW(member, type, need, min, max, help) FIELD(mount_entry, member, type, need, min, max, help)
static const struct field mount_entry_fields[] = {
	ROW(mount, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The mount's name."),
	ROW(description, TEXT, OPTIONAL, 0, DESCRIPTION_MAX, "A line for people."),
	ROW(issuer, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The id of the issuer that signs. Absent while the mount has no CA."),
	ROW(default_ttl, INT, REQUIRED, INT_LEAST, INT64_MAX, "Lifetime of a certificate where neither request nor role says one, in seconds."),
	ROW(max_ttl, INT, REQUIRED, INT_LEAST, INT64_MAX, "The longest lifetime under roles that set none of their own, in seconds."),
	ROW(allow_clear_keys, BOOL, OPTIONAL, 0, 1, "Are private keys in clear taken in `ca/set`?"),
	ROW(allow_slow_keys, BOOL, OPTIONAL, 0, 1, "Does `issue` make RSA keys over 4096 bits?"),
};
#undef ROW
const struct schema mount_entry_schema = SCHEMA_OPEN("mount/list.entry", mount_entry, mount_entry_fields);

static const struct field ca_read_fields[] = {
	FIELD(ca_read_answer, certificate, TEXT, REQUIRED, 1, ANSWER_MAX, "The CA certificate, as `format` asked: PEM, or base64 text of the DER."),
	FIELD_NAMED(ca_read_answer, ca_chain, "ca_chain", LIST, OPTIONAL, 0, 64, FIELD_LONG, "The CA certificate and those above it, in the same form."),
};
const struct schema ca_read_answer_schema = SCHEMA_OPEN("ca/read.data", ca_read_answer, ca_read_fields);

#define ROW(member, type, need, min, max, help) FIELD(crl_read_answer, member, type, need, min, max, help)
static const struct field crl_read_fields[] = {
	ROW(crl, TEXT, REQUIRED, 1, ANSWER_MAX, "The CRL, as `format` asked: PEM, or base64 text of the DER."),
	ROW(crl_number, INT, OPTIONAL, 0, INT64_MAX, "Its number."),
	ROW(this_update, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When it was made, in seconds since the epoch."),
	ROW(next_update, INT, OPTIONAL, INT_LEAST, INT64_MAX, "By when the next one is made, in seconds since the epoch."),
};
#undef ROW
const struct schema crl_read_answer_schema = SCHEMA_OPEN("crl/read.data", crl_read_answer, crl_read_fields);

#define ROW(member, type, need, min, max, help) FIELD(urls_answer, member, type, need, min, max, help)
static const struct field urls_fields[] = {
	ROW(issuing_certificates, LIST, REQUIRED, 0, URLS_MAX, "URLs of the issuer's certificate, as certificates carry them."),
	ROW(crl_distribution_points, LIST, REQUIRED, 0, URLS_MAX, "URLs of the CRL, as certificates carry them."),
	ROW(ocsp_servers, LIST, REQUIRED, 0, URLS_MAX, "URLs of OCSP servers, as certificates carry them."),
};
#undef ROW
const struct schema urls_answer_schema = SCHEMA_OPEN("urls/read.data", urls_answer, urls_fields);

static const struct field crl_config_fields[] = {
	FIELD(crl_config_answer, expiry, TEXT, REQUIRED, 1, WORD_MAX, "How long a CRL is valid, as it was written."),
};
const struct schema crl_config_answer_schema = SCHEMA_OPEN("crl/config/read.data", crl_config_answer, crl_config_fields);

static const struct field role_names_fields[] = {
	FIELD(role_names, allowed_base_domain, TEXT, REQUIRED, 0, NAMES_MAX * 1025, "`allowed_domains` as one text, with commas."),
	FIELD(role_names, allow_base_domain, BOOL, REQUIRED, 0, 1, "The same as `allow_bare_domains`."),
};
const struct schema role_names_schema = SCHEMA_OPEN("role/read.names", role_names, role_names_fields);

static const struct field dry_run_fields[] = {
	FIELD(dry_run_answer, expiration, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When the certificate would cease to be valid, in seconds since the epoch. Absent where none would be signed."),
};
const struct schema dry_run_answer_schema = SCHEMA_OPEN("dry_run.data", dry_run_answer, dry_run_fields);

#define ROW(member, type, need, min, max, help) FIELD(status_answer, member, type, need, min, max, help)
static const struct field status_fields[] = {
	ROW(worker, TEXT, REQUIRED, 1, 512, "Who answered: its slot and lane."),
	ROW(version, TEXT, REQUIRED, 1, WORD_MAX, "Its version."),
	ROW(at, INT, REQUIRED, INT_LEAST, INT64_MAX, "When, in seconds since the epoch."),
	ROW(view, TEXT, OPTIONAL, 1, WORD_MAX, "`ready`, or `folding`: the view in Redis is made again from the topics, and nothing is signed meanwhile. Absent when Redis does not say."),
	ROW(lanes, RAWS, REQUIRED, 0, STATUS_ROWS_MAX, "The lanes of the fleet, as Kafka has them in its groups, each a map."),
	ROW(partitions, RAWS, REQUIRED, 0, STATUS_ROWS_MAX, "The partitions of the request topics, each a map."),
	ROW(crls, RAWS, REQUIRED, 0, STATUS_ROWS_MAX, "The current CRLs, those that are due first in front, each a map."),
	ROW(mounts, RAWS, REQUIRED, 0, STATUS_ROWS_MAX, "The mounts that are not deleted, each a map."),
	ROW(rejects, INT, OPTIONAL, 0, INT64_MAX, "At most how many messages `.rejects` holds: markers of transactions count too. Absent when Kafka does not say."),
	ROW(problems, LIST, REQUIRED, 0, 16, "What could not be found out, and why."),
};
#undef ROW
const struct schema status_answer_schema = SCHEMA_OPEN("status.data", status_answer, status_fields);

static const struct field status_lane_fields[] = {
	FIELD(status_lane, kind, TEXT, REQUIRED, 1, WORD_MAX, "`mint`, `control` or `query`."),
	FIELD(status_lane, instance, TEXT, OPTIONAL, 0, 512, "Its worker's slot, and its name there."),
	FIELD(status_lane, host, TEXT, OPTIONAL, 0, 256, "The address that the broker sees."),
	FIELD(status_lane, partitions, LIST, REQUIRED, 0, STATUS_ROWS_MAX, "What it serves: topic and partition. Empty: there are more lanes than partitions."),
};
const struct schema status_lane_schema = SCHEMA_OPEN("status.lane", status_lane, status_lane_fields);

#define ROW(member, type, need, min, max, help) FIELD(status_partition, member, type, need, min, max, help)
static const struct field status_partition_fields[] = {
	ROW(topic, TEXT, REQUIRED, 1, 249, "The request topic."),
	ROW(partition, INT, REQUIRED, 0, INT64_MAX, "The partition."),
	ROW(committed, INT, OPTIONAL, 0, INT64_MAX, "Offset of the next message that is not done. Absent: none was committed, so that no lane can serve it."),
	ROW(lag, INT, REQUIRED, 0, INT64_MAX, "Messages that wait. Where a transaction's marker ends the partition, it counts as one."),
	ROW(audit_sequence, INT, OPTIONAL, 0, INT64_MAX, "Sequence number of the last record of its audit chain. Absent: there is none."),
	ROW(audit_hash, TEXT, OPTIONAL, 1, 64, "Hash of that record, in lower-case hexadecimal."),
};
#undef ROW
const struct schema status_partition_schema = SCHEMA_OPEN("status.partition", status_partition, status_partition_fields);

#define ROW(member, type, need, min, max, help) FIELD(status_crl, member, type, need, min, max, help)
static const struct field status_crl_fields[] = {
	ROW(mount, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The mount."),
	ROW(issuer, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The id of the issuer."),
	ROW(shard, TEXT, REQUIRED, 1, WORD_MAX, "The part of the issuer's certificates."),
	ROW(number, INT, REQUIRED, INT_LEAST, INT64_MAX, "Its number."),
	ROW(this_update, INT, REQUIRED, INT_LEAST, INT64_MAX, "When it was made, in seconds since the epoch."),
	ROW(next_update, INT, REQUIRED, INT_LEAST, INT64_MAX, "When it ceases to be valid, in seconds since the epoch."),
	ROW(due, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the next one is due, in seconds since the epoch."),
	ROW(size, INT, REQUIRED, 0, INT64_MAX, "Bytes of its DER."),
	ROW(limit, INT, REQUIRED, 0, INT64_MAX, "The most that it may have: at 95 % nothing more is issued under the issuer."),
};
#undef ROW
const struct schema status_crl_schema = SCHEMA_OPEN("status.crl", status_crl, status_crl_fields);

#define ROW(member, type, need, min, max, help) FIELD(status_mount, member, type, need, min, max, help)
static const struct field status_mount_fields[] = {
	ROW(mount, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The mount's name."),
	ROW(issuer, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The id of the issuer that signs. Absent while the mount has no CA."),
	ROW(issuer_not_after, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When that issuer's certificate ends, in seconds since the epoch."),
	ROW(roles, INT, REQUIRED, 0, INT64_MAX, "Its roles."),
	ROW(issued, INT, REQUIRED, 0, INT64_MAX, "Certificates issued; after a fold of the view those that `.certs` still holds."),
	ROW(revoked, INT, REQUIRED, 0, INT64_MAX, "Certificates revoked."),
};
#undef ROW
const struct schema status_mount_schema = SCHEMA_OPEN("status.mount", status_mount, status_mount_fields);
/* clang-format on */
