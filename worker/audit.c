#include "audit.h"

#include "claim.h"
#include "encode.h"
#include "sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRY_MAX ((size_t)600 * 1024)

void
audit_head_write(const struct audit_head *head, char ret[static QUEUE_METADATA_MAX])
{
	int used = snprintf(ret, QUEUE_METADATA_MAX, "1 %" PRId64 "%s%s %" PRId64 " ", head->step,
	    head->stamp[0] != '\0' ? "." : "", head->stamp, head->sequence);

	for (size_t i = 0; i < HASH_SIZE; i++)
		used += snprintf(
		    ret + used, QUEUE_METADATA_MAX - (size_t)used, "%02x", head->hash[i]);
}

/* ".stamp", or nothing; moves *at behind it. */
static MUST_USE bool
stamp_read(const char **at, char ret[static VIEW_STAMP_SIZE])
{
	size_t len = VIEW_STAMP_SIZE - 1;

	memset(ret, 0, VIEW_STAMP_SIZE);
	if (**at != '.')
		return true;
	++*at;
	if (strspn(*at, "0123456789abcdef") != len)
		return false;
	memcpy(ret, *at, len);
	*at += len;
	return true;
}

bool
audit_head_read(const char *metadata, struct audit_head *ret, struct err *e)
{
	char hash[2 * HASH_SIZE + 1], behind;
	const char *at = metadata;
	int used = 0;
	size_t len;

	/* NOLINTBEGIN(cert-err34-c): a number too large is a head that no record has */
	if (sscanf(metadata, "1 %" SCNd64 "%n", &ret->step, &used) == 1)
		at += used;
	if (used == 0 || !stamp_read(&at, ret->stamp) ||
	    sscanf(at, " %" SCNd64 " %64[0-9a-f]%c", &ret->sequence, hash, &behind) != 2 ||
	    !hex_parse(slice_text(hash), ret->hash, HASH_SIZE, &len) || len != HASH_SIZE)
		return err_set(e, ERR_CONFIG,
		    "the metadata of a committed offset is no audit head: \"%s\"", metadata);
	/* NOLINTEND(cert-err34-c) */
	return true;
}

struct slice
audit_entry_encode(
    struct arena *a, const struct request *rq, const char *result, struct slice detail)
{
	const bool keeps_outcome = rq->operation != NULL && rq->operation->claims && !rq->replay &&
	    !rq->retryable && !rq->envelope.dry_run &&
	    (strcmp(result, "ok") == 0 || rq->outcome.code.data != NULL);
	struct audit_entry entry = {
		.offset = rq->message->offset,
		.timestamp = rq->message->timestamp_ms,
		.id = rq->envelope.id,
		.op = rq->envelope.op,
		.mount = rq->envelope.mount,
		.role = rq->envelope.role,
		.result = slice_text(result),
		.hash = slice_of(rq->hash, HASH_SIZE),
		.reply_to = rq->reply_topic,
		.outcome = keeps_outcome ? outcome_encode(a, &rq->outcome, true) : SLICE_NONE,
		.detail = detail,
	};
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, ENTRY_MAX);
	schema_encode(&audit_entry_schema, &entry, &w);
	return arena_copy(a, buf_slice(&b));
}

static struct slice
record_encode(struct arena *a, const struct audit_stretch *stretch, struct audit_head *head,
    struct slice_list entries)
{
	struct audit_record record = {
		.v = 1,
		.sequence = head->sequence + 1,
		.previous = slice_of(head->hash, HASH_SIZE),
		.at = stretch->at_ms,
		.worker = stretch->worker,
		.state_offset = stretch->state_offset,
		.entries = entries,
	};
	struct buf b SCOPED_BUF;
	struct writer w = { &b };
	struct slice value;

	buf_init(&b, (size_t)16 << 20);
	schema_encode(&audit_record_schema, &record, &w);
	value = arena_copy(a, buf_slice(&b));
	head->sequence++;
	sha256(value, head->hash);
	return value;
}

struct slice *
audit_records(struct arena *a, const struct audit_stretch *stretch, struct audit_head *head,
    const struct slice *entries, size_t count, size_t max, size_t *ret_count)
{
	struct slice *records = arena_array(a, count, sizeof(*records));

	*ret_count = 0;
	for (size_t first = 0, next; first < count; first = next) {
		size_t bytes = 512 + entries[first].len;

		next = first + 1;
		while (next < count && bytes + entries[next].len <= max)
			bytes += entries[next++].len;
		records[(*ret_count)++] = record_encode(a, stretch, head,
		    (struct slice_list){
			(struct slice *)(uintptr_t)(entries + first), next - first });
	}
	return records;
}
