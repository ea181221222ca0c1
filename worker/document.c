#include "document.h"

#include "answers.h"
#include "contract.h"
#include "envelope.h"
#include "ledger.h"
#include "messages.h"
#include "states.h"

#include <assert.h>
#include <ctype.h>

#define SCHEMAS_MAX 64

struct document {
	struct buf *out;
	const struct schema *printed[SCHEMAS_MAX]; /* the next time they are linked */
	size_t count;
};

/* ---- prose that no table has ---- */

/* clang-format off */
static const char front[] =
    "# Messages\n\n"
    "Made by `certmill-worker messages` from the tables that the worker decodes and encodes by; not edited by hand.\n\n"
    "A request is one msgpack map in the value of a message on a request topic. Its answer is one msgpack map on `.responses`, or on\n"
    "the topic that `reply_to` names, with the request's id as key. Every request message gets exactly one answer; one whose id cannot\n"
    "be read gets a record in `.rejects` instead. Topics are named here without their prefix (`certmill` by default). What is refused,\n"
    "why, and what to do then: [errors.md](errors.md).\n\n"
    "- **Sending.** Key: the request's id on `.issue`, `.sign` and `.query`, the mount on `.revoke` and `.config`; partitioner: murmur2\n"
    "  (Java's default, librdkafka's `murmur2_random`). A request that stands on another partition is moved to its own by the workers.\n"
    "- **Receiving.** Read with `isolation.level=read_committed`: what a broken transaction left behind is no answer.\n"
    "- **Again.** The same id and the same body on the same topic get the same answer while the id is remembered (`windows.dedup`, an\n"
    "  hour by default), with the header `replayed`. The body is `op`, `mount`, `role`, `params` and `seal_to`, byte for byte as they\n"
    "  were packed; any other difference does not count. Another body under the id: `request_id_conflict`. A replay carries the\n"
    "  private key for `windows.replay` (10 minutes by default) and to the same reply topic only. A refusal that is not retryable and\n"
    "  was decided by the operation is remembered like a success: when its cause is mended, ask under a new id. Queries, `dry_run`,\n"
    "  retryable refusals and requests that did not decode are not remembered.\n"
    "- **Order.** Requests on one partition are decided in their order. A change of configuration is in force for every request that\n"
    "  is sent after its answer came, on every worker.\n\n"
    "## Types\n\n"
    "| type | in msgpack |\n| --- | --- |\n"
    "| text | str: UTF-8 without NUL |\n"
    "| bytes | bin |\n"
    "| integer | any integer, or a str of decimal digits |\n"
    "| bool | bool, or the str `true`, `false`, `1`, `0`, `t`, `f` |\n"
    "| duration | seconds as integer, or text such as `72h`, `30m`, `1h30m`, `10d` |\n"
    "| list of texts | an array of str, or one str with commas; an item has up to 1024 bytes (65536 in answers) |\n"
    "| list of bytes | an array of bin |\n"
    "| map | a map with str keys |\n"
    "| list | an array |\n\n"
    "In requests an unknown field, one that stands twice, a missing one, a wrong type, a value out of its limits and bytes behind the\n"
    "map are refused, and the error names the field. An older name of a field (alias) may stand in its place. A request has at most\n"
    "262144 bytes; maps and arrays are nested at most 8 deep. Answers and records may get more fields in later versions: pass over\n"
    "those that you do not know. In them a value is always of the first form above: an integer is never text, a list never one str.\n\n";

static const char example[] =
    "## An example\n\n"
    "On the topic they are msgpack. A request on `.issue`, under the key `01997e2a-7c1f-7d1e-9a57-3f0c2b8d4e60`:\n\n"
    "```json\n"
    "{\"v\": 1, \"id\": \"01997e2a-7c1f-7d1e-9a57-3f0c2b8d4e60\", \"op\": \"issue\", \"mount\": \"pki\", \"role\": \"web\",\n"
    " \"params\": {\"common_name\": \"shop.example.com\", \"alt_names\": [\"www.example.com\"], \"ttl\": \"72h\"}, \"ts\": 1790000000000}\n"
    "```\n\n"
    "Its answer on `.responses`, under the same key:\n\n"
    "```json\n"
    "{\"v\": 1, \"id\": \"01997e2a-7c1f-7d1e-9a57-3f0c2b8d4e60\", \"op\": \"issue\", \"mount\": \"pki\", \"status\": \"ok\",\n"
    " \"data\": {\"certificate\": \"-----BEGIN CERTIFICATE-----\\n...\", \"issuing_ca\": \"-----BEGIN CERTIFICATE-----\\n...\",\n"
    "  \"ca_chain\": [\"-----BEGIN CERTIFICATE-----\\n...\"], \"private_key\": \"-----BEGIN RSA PRIVATE KEY-----\\n...\", \"private_key_type\": \"rsa\",\n"
    "  \"serial_number\": \"3c:0f:...:9e\", \"serial\": \"3c:0f:...:9e\", \"expiration\": 1790259200,\n"
    "  \"lease_id\": \"pki/issue/web/3c-0f-...-9e\", \"lease_duration\": 259200, \"renewable\": false}}\n"
    "```\n\n"
    "The answer to one that asks for a name that the role does not allow:\n\n"
    "```json\n"
    "{\"v\": 1, \"id\": \"01997e2a-9d02-7a44-8b1c-5a6e7f80c1d2\", \"op\": \"issue\", \"mount\": \"pki\", \"status\": \"error\",\n"
    " \"error\": {\"code\": \"name_not_allowed\", \"message\": \"...\", \"field\": \"common_name\", \"retryable\": false}}\n"
    "```\n\n";

static const char json_schema[] =
    "## JSON Schema\n\n"
    "`schemas/json/` has what stands here as JSON Schema (draft 2020-12); `certmill-worker schemas DIR` writes it. For each operation\n"
    "`OP.request.json` and `OP.response.json` describe the whole message (`ca-set.request.json`: `-` for `/`), `request.json` and\n"
    "`response.json` that of any operation, and there is a file for each table below. Each file stands alone: one is enough to check a message.\n\n"
    "They describe a message as JSON shows it: map as object, str as string, nil as null, and **bin as a string, its octets in base64**\n"
    "(RFC 4648 section 4, with padding). Put that text in the place of byte strings before you validate a decoded message.\n\n"
    "A request that its schema refuses is refused by the workers. They also refuse what JSON Schema cannot say: lengths are counted in\n"
    "bytes of UTF-8, in the schema in characters; a number or a duration as text has the limits of the integer, and the parts of a text\n"
    "with commas have those of a list's items; a float is no integer even if it is whole, and bin no text; no field stands twice, nor under\n"
    "two names with two values; a message has its size and its depth. And what policy forbids. Error and warning codes stand in the schemas\n"
    "of answers: those of this version.\n\n";

static const char headers[] =
    "### Headers of an answer\n\n"
    "| header | value |\n| --- | --- |\n"
    "| `source` | the request's message, at its own partition: `topic/partition/offset` |\n"
    "| `replayed` | `1` when an earlier request with that id was answered again |\n"
    "| the request's own | copied as they are; none of them when there are more than 32 or they take more than 8192 bytes (warning `headers_dropped`) |\n\n"
    "Where `reply_to` is absent, the header `kafka_replyTopic` is taken for it, and `kafka_replyPartition` (4 bytes, big-endian) for the\n"
    "partition, as Spring Kafka's ReplyingKafkaTemplate sends them.\n\n";

static const char records[] =
    "## Records\n\n"
    "What the workers write beside answers. Formats are settled; fields are only ever added.\n\n"
    "| topic | key | value |\n| --- | --- | --- |\n"
    "| `.certs` | mount/serial | [record.certificate](#recordcertificate), once for each certificate |\n"
    "| `.revoked` | mount/serial | [record.revoked](#recordrevoked); null when the entry has left the CRL |\n"
    "| `.state` | kind/mount/name | the maps below; null when it was deleted |\n"
    "| `.audit` | source topic/partition | [record.audit](#recordaudit) |\n"
    "| `.crl` | mount/issuer/shard | the CRL, DER; headers `number`, `this_update`, `next_update`, `issuer`, `shard`, `sha256` as text |\n"
    "| `.ca` | mount/issuer | the CA certificate and its chain, PEM |\n"
    "| `.ca` | `fleet` | the workers' public key as JSON ([jwk](#jwk)) |\n"
    "| `.rejects` | the request's | the request's bytes, of one from `.config` their SHA-256; headers `reason` (an error code), `message`, `topic`, `partition`, `offset` as text, the request's own as `original.NAME`, and `value` = `sha256` where the value is a hash |\n\n"
    "Serial numbers in keys are lower-case hexadecimal without separators. Keys of `.state`: `mount/MOUNT/`, `issuer/MOUNT/ID`,\n"
    "`pending/MOUNT/`, `role/MOUNT/NAME` (its value: [role](#role)), `urls/MOUNT/`, `crl/MOUNT/`, `topics//`, and `certificate/MOUNT/SERIAL`\n"
    "(its value: [record.certificate](#recordcertificate)) of a CA certificate that outlives the 400 days of `.certs`.\n\n";
/* clang-format on */

/* ---- one table ---- */

static bool
document_printed(struct document *d, const struct schema *s)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->printed[i] == s)
			return true;
	assert(d->count < SCHEMAS_MAX);
	d->printed[d->count++] = s;
	return false;
}

/* As the forges make it of a heading. */
static void
add_anchor(struct buf *out, const char *heading)
{
	for (; *heading != '\0'; heading++)
		if (isalnum((unsigned char)*heading) || *heading == '-' || *heading == '_')
			buf_add_byte(out, (uint8_t)*heading);
}

static void
add_name_link(struct document *d, const struct schema *s)
{
	buf_printf(d->out, "[%s](#", s->name);
	add_anchor(d->out, s->name);
	buf_add_text(d->out, ")");
}

/* The table, and those of the maps in it. */
static void
add_schema(struct document *d, const struct schema *s)
{
	const struct schema *inner;

	if (document_printed(d, s))
		return;
	schema_markdown(s, d->out);
	buf_add_text(d->out, "\n");
	for (size_t i = 0; i < s->count; i++) {
		if ((inner = message_inner(s, s->fields[i].name)) == NULL)
			continue;
		buf_printf(d->out, s->fields[i].type == FIELD_RAWS ? "Each of `%s`: " : "`%s`: ",
		    s->fields[i].name);
		add_name_link(d, inner);
		buf_add_text(d->out, ".\n\n");
	}
	for (size_t i = 0; i < s->count; i++)
		if ((inner = message_inner(s, s->fields[i].name)) != NULL)
			add_schema(d, inner);
}

/* "Parameters: [issue.params](#issueparams)." */
static void
add_link(struct document *d, const char *what, const struct schema *s, const char *otherwise)
{
	buf_printf(d->out, "%s: ", what);
	if (s == NULL || s->count == 0) {
		buf_printf(d->out, "%s.", otherwise);
		return;
	}
	add_name_link(d, s);
	buf_add_text(d->out, ".");
}

/* ---- operations ---- */

/* "JSON Schema: [request](../schemas/json/ca-set.request.json)" and the same of the response. */
static void
add_schema_files(struct document *d, const struct contract *op)
{
	static const char *const kinds[] = { "request", "response" };

	buf_add_text(d->out, "JSON Schema: ");
	for (size_t i = 0; i < 2; i++) {
		buf_printf(
		    d->out, i > 0 ? ", [%s](../schemas/json/" : "[%s](../schemas/json/", kinds[i]);
		for (const char *p = op->name; *p != '\0'; p++)
			buf_add_byte(d->out, *p == '/' ? '-' : (uint8_t)*p);
		buf_printf(d->out, ".%s.json)", kinds[i]);
	}
	buf_add_text(d->out, ".\n\n");
}

static void
add_operation(struct document *d, const struct contract *op)
{
	const struct schema *beside = message_beside(op->data);

	buf_printf(d->out, "## %s\n\n", op->name);
	buf_printf(d->out, "On `.%s`: %s.%s%s\n", topic_kind_names[op->topic], op->help,
	    op->needs_role ? " Needs `role`." : "", op->makes_key ? " Takes `seal_to`." : "");
	add_link(d, "Parameters", op->params, "none");
	buf_add_text(d->out, " ");
	add_link(d, "Answer", op->data, "an empty map");
	buf_add_text(d->out, " ");
	if (beside != NULL) {
		add_link(d, "With it", beside, "");
		buf_add_text(d->out, " ");
	}
	add_schema_files(d, op);
	if (op->params->count > 0)
		add_schema(d, op->params);
	if (op->data != NULL)
		add_schema(d, op->data);
	if (beside != NULL)
		add_schema(d, beside);
}

static void
add_operations(struct document *d)
{
	buf_add_text(
	    d->out, "## Operations\n\n| operation | topic | what it does |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < OP_COUNT; i++) {
		const struct contract *op = &contracts[i];

		buf_printf(d->out, "| [`%s`](#", op->name);
		add_anchor(d->out, op->name);
		buf_printf(d->out, ") | `.%s` | %s |\n", topic_kind_names[op->topic], op->help);
	}
	buf_add_text(d->out,
	    "\nAn operation on another topic than its own is refused (`wrong_topic`). With `dry_run` the `data` of an answer is\n"
	    "this (queries answer as ever):\n\n");
	add_schema(d, &dry_run_answer_schema);
	for (size_t i = 0; i < OP_COUNT; i++)
		add_operation(d, &contracts[i]);
}

/* ---- envelopes, records ---- */

static void
add_envelopes(struct document *d)
{
	buf_add_text(d->out, "## Envelopes\n\n");
	add_schema(d, &request_schema);
	buf_add_text(d->out,
	    "What a mount that has `trust_identity` reads of `identity`, and of each value of its `aliases`:\n\n");
	add_schema(d, &identity_schema);
	add_schema(d, &alias_schema);
	add_schema(d, &response_schema);
	buf_add_text(d->out, headers);
}

static void
add_records(struct document *d)
{
	static const struct schema *const tables[] = {
		&certificate_record_schema,
		&revoked_record_schema,
		&audit_record_schema,
		&audit_entry_schema,
		&outcome_schema,
		&mount_state_schema,
		&issuer_state_schema,
		&pending_state_schema,
		&urls_state_schema,
		&crl_state_schema,
		&topics_state_schema,
	};

	buf_add_text(d->out, records);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		add_schema(d, tables[i]);
}

void
document_messages(struct buf *out)
{
	struct document d = { .out = out };

	buf_add_text(out, front);
	buf_add_text(out, example);
	buf_add_text(out, json_schema);
	add_envelopes(&d);
	add_operations(&d);
	add_records(&d);
	while (out->len > 1 && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n')
		out->len--;
}
