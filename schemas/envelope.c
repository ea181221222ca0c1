#include "envelope.h"

#include "message_limits.h"

#include <string.h>

/* clang-format off */
#define ROW(member, type, need, min, max, help) FIELD(request_envelope, member, type, need, min, max, help)
#define NULLABLE(member, type, min, max, help) \
	FIELD_NAMED(request_envelope, member, #member, type, OPTIONAL, min, max, FIELD_NULLABLE, help)
static const struct field request_fields[] = {
	ROW(v, INT, REQUIRED, INT_LEAST, INT64_MAX, "Version of the envelope. It is 1; any other is refused."),
	ROW(id, TEXT, REQUIRED, 1, REQUEST_ID_MAX,
	    "The request's id, and the key under which the answer is sent. A second request with the same id and body gets the answer of the first, for an hour by default. Ids are scoped to their topic; a UUIDv7 is advised."),
	ROW(op, TEXT, REQUIRED, 1, OP_MAX, "The operation, such as `issue`. Each belongs on one topic."),
	NULLABLE(mount, TEXT, 1, OBJECT_NAME_MAX, "The mount: a CA with its roles and CRLs. Default: `pki`."),
	NULLABLE(role, TEXT, 1, OBJECT_NAME_MAX, "The role whose policy applies, or that is written, read or deleted. Needed by the operations that have one."),
	NULLABLE(params, MAP, 1, REQUEST_MAX, "The operation's parameters. Default: an empty map."),
	NULLABLE(ts, INT, 0, INT64_MAX, "When the sender made the request, in milliseconds since the epoch. It decides nothing."),
	NULLABLE(deadline, INT, 0, INT64_MAX, "A request that is not decided by then is refused with `deadline_exceeded`. Milliseconds since the epoch. Default: none."),
	NULLABLE(reply_to, TEXT, 1, TOPIC_NAME_MAX, "The topic for the answer, if the worker's allow-list has it. Default: `<prefix>.responses`."),
	NULLABLE(seal_to, MAP, 1, 4096, "A public JWK (OKP, X25519). The private key in the answer is then a compact JWE for it. Default: the private key is not sealed."),
	NULLABLE(identity, MAP, 1, 65536, "Whom the sender acts for, which roles with templates or `allow_token_displayname` look at. Ignored, with a warning, unless the mount sets `trust_identity`: it is the sender's own claim."),
	ROW(dry_run, BOOL, OPTIONAL, 0, 1, "Decide and answer, but sign, store and change nothing. Default: false."),
};
#undef NULLABLE
#undef ROW
const struct schema request_schema = SCHEMA("request", request_envelope, request_fields);

#define ROW(member, type, need, min, max, help) FIELD(response_envelope, member, type, need, min, max, help)
static const struct field response_fields[] = {
	ROW(v, INT, REQUIRED, 1, INT64_MAX, "Version of the envelope: 1."),
	ROW(id, TEXT, REQUIRED, 1, REQUEST_ID_MAX, "The request's id."),
	ROW(op, TEXT, OPTIONAL, 1, OP_MAX, "The request's operation. Absent when it could not be read."),
	ROW(mount, TEXT, OPTIONAL, 1, OBJECT_NAME_MAX, "The request's mount."),
	ROW(status, TEXT, REQUIRED, 1, WORD_MAX, "`ok` or `error`."),
	ROW(data, MAP, OPTIONAL, 1, ANSWER_MAX, "The operation's answer, when the status is `ok`."),
	ROW(error, MAP, OPTIONAL, 1, ANSWER_MAX, "What was wrong, when the status is `error`."),
	ROW(warnings, RAWS, OPTIONAL, 0, WARNINGS_MAX, "What the sender should know though nothing was refused: maps of `code` and `message`."),
};
#undef ROW
const struct schema response_schema = SCHEMA_OPEN("response", response_envelope, response_fields);

#define ROW(member, type, need, min, max, help) FIELD(error_body, member, type, need, min, max, help)
static const struct field error_fields[] = {
	ROW(code, TEXT, REQUIRED, 1, CODE_MAX, "A stable name for programs, such as `unknown_role`."),
	ROW(message, TEXT, REQUIRED, 0, MESSAGE_MAX, "One line for people. Its wording may change."),
	ROW(field, TEXT, OPTIONAL, 0, CODE_MAX, "The field of the request that is to blame. Absent when none is."),
	ROW(retryable, BOOL, OPTIONAL, 0, 1, "May the same request succeed when it is sent again later? Default: false."),
};
#undef ROW
const struct schema error_schema = SCHEMA_OPEN("response.error", error_body, error_fields);

#define ROW(member, type, need, min, max, help) FIELD(warning_body, member, type, need, min, max, help)
static const struct field warning_fields[] = {
	ROW(code, TEXT, REQUIRED, 1, CODE_MAX, "A stable name for programs."),
	ROW(message, TEXT, REQUIRED, 0, MESSAGE_MAX, "One line for people."),
};
#undef ROW
const struct schema warning_schema = SCHEMA_OPEN("response.warning", warning_body, warning_fields);

/* RFC 7517 section 4: members that are not understood are ignored */
#define ROW(member, type, need, min, max, help) FIELD(jwk_body, member, type, need, min, max, help)
static const struct field jwk_fields[] = {
	ROW(kty, TEXT, REQUIRED, 1, WORD_MAX, "The key type: `OKP`."),
	ROW(crv, TEXT, REQUIRED, 1, WORD_MAX, "The curve: `X25519`."),
	ROW(x, TEXT, REQUIRED, 1, 128, "The public key, 32 octets in base64url without padding."),
	ROW(kid, TEXT, OPTIONAL, 0, 256, "The key's id. It is copied into the header of what is sealed to the key."),
	ROW(use, TEXT, OPTIONAL, 0, WORD_MAX, "What the key is for: `enc`."),
	ROW(alg, TEXT, OPTIONAL, 0, WORD_MAX, "The algorithm: `ECDH-ES`."),
};
#undef ROW
const struct schema jwk_schema = SCHEMA_OPEN("jwk", jwk_body, jwk_fields);

#define ROW(member, type, max, help) FIELD_NAMED(identity_body, member, #member, type, OPTIONAL, 0, max, FIELD_NULLABLE, help)
static const struct field identity_fields[] = {
	ROW(display_name, TEXT, IDENTITY_TEXT_MAX, "What a role's `allow_token_displayname` allows as a name."),
	ROW(entity_id, TEXT, IDENTITY_TEXT_MAX, "The entity, `{{identity.entity.id}}` in a template. Without it templates are not filled in."),
	ROW(name, TEXT, IDENTITY_TEXT_MAX, "Its name, `{{identity.entity.name}}`."),
	ROW(metadata, MAP, 65536, "Its metadata, texts by their keys, `{{identity.entity.metadata.KEY}}`."),
	ROW(aliases, MAP, 65536, "Its aliases, by the accessor of what authenticated it, `{{identity.entity.aliases.ACCESSOR.*}}`."),
};
#undef ROW
const struct schema identity_schema = SCHEMA("request.identity", identity_body, identity_fields);

#define ROW(member, type, max, help) FIELD_NAMED(alias_body, member, #member, type, OPTIONAL, 0, max, FIELD_NULLABLE, help)
static const struct field alias_fields[] = {
	ROW(id, TEXT, IDENTITY_TEXT_MAX, "The alias, `{{identity.entity.aliases.ACCESSOR.id}}`."),
	ROW(name, TEXT, IDENTITY_TEXT_MAX, "Its name, `{{identity.entity.aliases.ACCESSOR.name}}`."),
	ROW(metadata, MAP, 65536, "Its metadata, `{{identity.entity.aliases.ACCESSOR.metadata.KEY}}`."),
	ROW(custom_metadata, MAP, 65536, "What others added, `{{identity.entity.aliases.ACCESSOR.custom_metadata.KEY}}`."),
};
#undef ROW
const struct schema alias_schema = SCHEMA("request.identity.alias", alias_body, alias_fields);
/* clang-format on */

bool
request_decode(struct slice bytes, struct arena *a, struct request_envelope *ret, struct err *e)
{
	struct err bad;
	uint64_t seen;
	bool good;

	*ret = (struct request_envelope){
		.mount = SLICE_LITERAL("pki"),
		.ts = SCHEMA_ABSENT,
		.deadline = SCHEMA_ABSENT,
	};
	if (bytes.data == NULL || bytes.len == 0)
		return err_set(e, ERR_MALFORMED, "the message is empty");
	/* one that is too large is read all the same: its id is answered */
	good = schema_decode(&request_schema, bytes, a, ret, &seen, &bad);
	if (bytes.len > REQUEST_MAX)
		return err_set(e, ERR_TOO_LARGE, "the message has %zu bytes, at most %d are taken",
		    bytes.len, REQUEST_MAX);
	/* before other errors: another version may have other fields */
	if (schema_seen(&request_schema, seen, "v") && ret->v != ENVELOPE_VERSION)
		return err_field(e, ERR_UNSUPPORTED_VERSION, "v", "v is %lld, not %d",
		    (long long)ret->v, ENVELOPE_VERSION);
	if (!good)
		*e = bad;
	return good;
}
