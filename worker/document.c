#include "document.h"

#include "answers.h"
#include "contract.h"
#include "envelope.h"
#include "ledger.h"
#include "states.h"
#include "warnings.h"

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
    "be read gets a record in `.rejects` instead. Topics are named here without their prefix (`certmill` by default).\n\n"
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
    "those that you do not know.\n";

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
    "| `.rejects` | the request's | the request's bytes, of one from `.config` their SHA-256; headers `reason` (an error code), `message`, `topic`, `partition`, `offset` as text |\n\n"
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
add_schema(struct document *d, const struct schema *s)
{
	if (!document_printed(d, s)) {
		schema_markdown(s, d->out);
		buf_add_text(d->out, "\n");
	}
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
	buf_printf(d->out, "[%s](#", s->name);
	add_anchor(d->out, s->name);
	buf_add_text(d->out, ").");
}

/* ---- operations ---- */

static void
add_operation(struct document *d, const struct contract *op)
{
	buf_printf(d->out, "## %s\n\n", op->name);
	buf_printf(d->out, "On `.%s`: %s.%s%s\n", topic_kind_names[op->topic], op->help,
	    op->needs_role ? " Needs `role`." : "", op->makes_key ? " Takes `seal_to`." : "");
	add_link(d, "Parameters", op->params, "none");
	buf_add_text(d->out, " ");
	add_link(d, "Answer", op->data, "an empty map");
	buf_add_text(d->out, "\n\n");
	if (op->params->count > 0)
		add_schema(d, op->params);
	if (op->data != NULL)
		add_schema(d, op->data);
	if (op->data == &mount_list_answer_schema)
		add_schema(d, &mount_entry_schema);
}

static void
add_operations(struct document *d)
{
	buf_add_text(d->out,
	    "\n## Operations\n\n| operation | topic | what it does |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < OP_COUNT; i++) {
		const struct contract *op = &contracts[i];

		buf_printf(d->out, "| [`%s`](#", op->name);
		add_anchor(d->out, op->name);
		buf_printf(d->out, ") | `.%s` | %s |\n", topic_kind_names[op->topic], op->help);
	}
	buf_add_text(d->out,
	    "\nAn operation on another topic than its own is refused (`wrong_topic`). With `dry_run` the answer holds `expiration` where a\n"
	    "certificate would be signed, and is otherwise an empty map; queries are answered as ever.\n\n");
	for (size_t i = 0; i < OP_COUNT; i++)
		add_operation(d, &contracts[i]);
}

/* ---- envelopes, codes, records ---- */

static void
add_envelopes(struct document *d)
{
	static const struct schema *const envelopes[] = { &request_schema, &response_schema,
		&error_schema, &warning_schema, &jwk_schema };

	buf_add_text(d->out, "## Envelopes\n\n");
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++)
		add_schema(d, envelopes[i]);
	buf_add_text(d->out, headers);
}

static void
add_errors(struct document *d)
{
	buf_add_text(d->out,
	    "## Error codes\n\n"
	    "Retryable: the same request, sent again later, may succeed. Some codes only ever stand in a log line.\n\n"
	    "| code | retryable | meaning |\n| --- | --- | --- |\n");
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
		buf_printf(d->out, "| `%s` | %s | %s |\n", err_name((enum err_code)code),
		    err_can_retry((enum err_code)code) ? "yes" : "no",
		    err_help((enum err_code)code));
}

static void
add_warnings(struct document *d)
{
	const struct warning_row *w;

	buf_add_text(d->out, "\n## Warning codes\n\n| code | meaning |\n| --- | --- |\n");
	for (size_t i = 0; (w = warning_at(i)) != NULL; i++)
		buf_printf(d->out, "| `%s` | %s |\n", w->code, w->help);
	buf_add_text(d->out, "\n");
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
	add_operations(&d);
	add_envelopes(&d);
	add_errors(&d);
	add_warnings(&d);
	add_records(&d);
	while (out->len > 1 && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n')
		out->len--;
}
