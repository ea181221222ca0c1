#include "ledger.h"

#include "message_limits.h"

#define RECORD_VERSION_HELP "Version of the record: 1."

/* clang-format off */
#define ROW(member, type, need, min, max, help) FIELD(certificate_record, member, type, need, min, max, help)
static const struct field certificate_fields[] = {
	ROW(v, INT, REQUIRED, 1, INT64_MAX, RECORD_VERSION_HELP),
	ROW(serial, BYTES, REQUIRED, 1, SERIAL_SIZE, "The serial number's octets."),
	ROW(mount, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The mount."),
	ROW(issuer, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The id of the issuer that signed."),
	ROW(role, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The role that allowed it. Absent for a CA."),
	ROW(certificate, BYTES, REQUIRED, 1, CERTIFICATE_MAX, "The certificate, DER."),
	ROW(not_before, INT, REQUIRED, INT_LEAST, INT64_MAX, "When its validity begins, in seconds since the epoch."),
	ROW(not_after, INT, REQUIRED, INT_LEAST, INT64_MAX, "When its validity ends, in seconds since the epoch."),
	ROW(issued, INT, REQUIRED, INT_LEAST, INT64_MAX, "The request's timestamp, in milliseconds since the epoch."),
	ROW(request, TEXT, REQUIRED, 1, 64, "The request's id."),
	ROW(source, TEXT, REQUIRED, 1, SOURCE_MAX, "Where the request stands: topic/partition/offset."),
	ROW(lease, INT, OPTIONAL, 0, INT64_MAX, "How long its lease is, in seconds; 0 when it has none. Absent in older records: as long as it is valid."),
	ROW(no_store, BOOL, OPTIONAL, 0, 1, "Is it kept out of Redis, so that it is not listed, and revoked only when it is presented? Default: false."),
};
#undef ROW
const struct schema certificate_record_schema = SCHEMA_OPEN("record.certificate", certificate_record, certificate_fields);

#define ROW(member, type, need, min, max, help) FIELD(revoked_record, member, type, need, min, max, help)
static const struct field revoked_fields[] = {
	ROW(v, INT, REQUIRED, 1, INT64_MAX, RECORD_VERSION_HELP),
	ROW(serial, BYTES, REQUIRED, 1, SERIAL_SIZE, "The serial number's octets."),
	ROW(mount, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The mount."),
	ROW(issuer, TEXT, REQUIRED, 1, OBJECT_NAME_MAX, "The id of the issuer whose CRL lists it."),
	ROW(date, INT, REQUIRED, INT_LEAST, INT64_MAX, "When it was revoked: the request's timestamp, in seconds since the epoch."),
	ROW(reason, INT, REQUIRED, 0, 10, "The reason code of RFC 5280 section 5.3.1; 0 when none was given."),
	ROW(invalidity_date, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When the key is known or feared to have been lost, in seconds since the epoch."),
	ROW(not_after, INT, REQUIRED, INT_LEAST, INT64_MAX, "When the certificate's validity ends, in seconds since the epoch: the entry may leave the CRL after that."),
	ROW(request, TEXT, REQUIRED, 1, 64, "The request's id."),
};
#undef ROW
const struct schema revoked_record_schema = SCHEMA_OPEN("record.revoked", revoked_record, revoked_fields);

#define ROW(member, type, need, min, max, help) FIELD(outcome, member, type, need, min, max, help)
static const struct field outcome_fields[] = {
	ROW(code, TEXT, OPTIONAL, 1, CODE_MAX, "The error code of a refusal. Absent when the request was done."),
	ROW(field, TEXT, OPTIONAL, 0, CODE_MAX, "The field that a refusal blames."),
	ROW(message, TEXT, OPTIONAL, 0, MESSAGE_MAX, "The refusal's line for people."),
	ROW(issuer, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The id of the issuer that signed, or that was made."),
	ROW(serial, BYTES, OPTIONAL, 1, SERIAL_SIZE, "The serial number of the certificate that was signed or revoked."),
	ROW(not_after, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When that certificate's validity ends, in seconds since the epoch."),
	ROW(revoked_at, INT, OPTIONAL, INT_LEAST, INT64_MAX, "When it was revoked, in seconds since the epoch."),
	ROW(reason, INT, OPTIONAL, INT_LEAST, INT64_MAX, "The reason code of the revocation."),
	ROW(invalidity_date, INT, OPTIONAL, INT_LEAST, INT64_MAX, "The revocation's invalidity date, in seconds since the epoch."),
	ROW(already, BOOL, OPTIONAL, 0, 1, "The certificate had been revoked before: there is no new record."),
	ROW(rotate, BOOL, OPTIONAL, 0, 1, "The mount's CRLs are to be made again."),
	ROW(crl_minimum, INT, OPTIONAL, 1, CRL_MINIMUM_MAX, "The least number that these may have."),
	ROW(no_store, BOOL, OPTIONAL, 0, 1, "The certificate is kept out of Redis."),
	ROW(csr, BYTES, OPTIONAL, 1, CSR_MAX, "The certification request that was made, DER."),
	ROW(changes, RAWS, OPTIONAL, 0, 1024, "The records of `.state` that it writes: arrays of key and value (nil deletes)."),
	ROW(warnings, RAWS, OPTIONAL, 0, WARNINGS_MAX, "The warnings of the answer: maps of `code` and `message`."),
};
#undef ROW
const struct outcome outcome_none = {
	.not_after = SCHEMA_ABSENT,
	.revoked_at = SCHEMA_ABSENT,
	.reason = SCHEMA_ABSENT,
	.invalidity_date = SCHEMA_ABSENT,
	.crl_minimum = SCHEMA_ABSENT,
};
const struct schema outcome_schema = SCHEMA_OPEN("record.outcome", outcome, outcome_fields);

#define ROW(member, type, need, min, max, help) FIELD(claim_record, member, type, need, min, max, help)
static const struct field claim_fields[] = {
	ROW(source, TEXT, REQUIRED, 1, SOURCE_MAX, "Where the request stands: topic/partition/offset."),
	ROW(hash, BYTES, REQUIRED, HASH_SIZE, HASH_SIZE, "The SHA-256 of its body."),
	ROW(mount, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "Its mount."),
	ROW(reply_to, TEXT, OPTIONAL, 1, TOPIC_NAME_MAX, "The topic of the first answer."),
	ROW(at, INT, REQUIRED, INT_LEAST, INT64_MAX, "When it was decided, by the worker's clock, in milliseconds since the epoch."),
	ROW(outcome, MAP, REQUIRED, 1, ANSWER_MAX, "What was decided."),
	ROW(committed, BOOL, OPTIONAL, 0, 1, "It was folded from the audit: what it brought about is committed, and its outcome lacks the values of changes."),
};
#undef ROW
const struct schema claim_record_schema = SCHEMA_OPEN("record.claim", claim_record, claim_fields);

#define ROW(member, type, need, min, max, help) FIELD(audit_record, member, type, need, min, max, help)
static const struct field audit_fields[] = {
	ROW(v, INT, REQUIRED, 1, INT64_MAX, RECORD_VERSION_HELP),
	ROW(sequence, INT, REQUIRED, 1, INT64_MAX, "Rises by one along a source partition, from 1."),
	ROW(previous, BYTES, REQUIRED, HASH_SIZE, HASH_SIZE, "The SHA-256 of the record before it; 32 zero octets in the first."),
	ROW(at, INT, REQUIRED, INT_LEAST, INT64_MAX, "When it was written, by the worker's clock, in milliseconds since the epoch."),
	ROW(worker, TEXT, REQUIRED, 1, 256, "The worker's slot and lane."),
	ROW(state_offset, INT, REQUIRED, -1, INT64_MAX, "The offset in `.state` under which its requests were decided; -1 when there was no record."),
	ROW(entries, RAWS, REQUIRED, 0, 1000000, "One map a request, by rising offset."),
};
#undef ROW
const struct schema audit_record_schema = SCHEMA_OPEN("record.audit", audit_record, audit_fields);

#define ROW(member, type, need, min, max, help) FIELD(audit_entry, member, type, need, min, max, help)
static const struct field entry_fields[] = {
	ROW(offset, INT, REQUIRED, 0, INT64_MAX, "The request's offset in its partition."),
	ROW(timestamp, INT, REQUIRED, INT_LEAST, INT64_MAX, "The request's timestamp, in milliseconds since the epoch."),
	ROW(id, TEXT, OPTIONAL, 1, 64, "The request's id. Absent where it could not be read."),
	ROW(op, TEXT, OPTIONAL, 1, OP_MAX, "Its operation."),
	ROW(mount, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "Its mount."),
	ROW(role, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "Its role."),
	ROW(result, TEXT, REQUIRED, 1, CODE_MAX, "`ok`, an error code, `replayed`, `rerouted` or `rejected`."),
	ROW(hash, BYTES, REQUIRED, HASH_SIZE, HASH_SIZE, "The SHA-256 of its body, or of all its bytes where there is no body."),
	ROW(reply_to, TEXT, OPTIONAL, 1, TOPIC_NAME_MAX, "The topic of the answer."),
	ROW(outcome, MAP, OPTIONAL, 1, ANSWER_MAX, "What was decided, without the values of changes. Absent where the request makes no claim."),
	ROW(detail, TEXT, OPTIONAL, 0, MESSAGE_MAX, "The error's message, or where it was rerouted to."),
};
#undef ROW
const struct schema audit_entry_schema = SCHEMA_OPEN("record.audit.entry", audit_entry, entry_fields);
/* clang-format on */
