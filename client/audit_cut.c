/* Where the groups stand, and the heads of the chains that travel with their offsets. */
#include "audit.h"

#include "encode.h"
#include "timespan.h"

#include <inttypes.h>

static const struct group_row {
	const char *name;
	bool serves[AUDIT_REQUESTS];
} groups[] = {
	{ "mint", { [AUDIT_ISSUE] = true, [AUDIT_SIGN] = true } },
	{ "control", { [AUDIT_REVOKE] = true, [AUDIT_CONFIG] = true } },
	{ "query", { [AUDIT_QUERY] = true } },
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* "1 step sequence hash"; the step is a matter of the workers and Redis */
static MUST_USE bool
head_read(const char *metadata, struct audit_position *ret)
{
	char hash[2 * HASH_SIZE + 1], behind;
	size_t len;

	/* NOLINTNEXTLINE(cert-err34-c): a number too large is a head that no record has */
	return sscanf(metadata, "1 %*[0-9a-f.] %" SCNd64 " %64[0-9a-f]%c", &ret->sequence, hash,
		   &behind) == 2 &&
	    hex_parse(slice_text(hash), ret->hash, HASH_SIZE, &len) && len == HASH_SIZE;
}

static MUST_USE bool
position_take(const struct queue_position *from, struct audit_position *ret, struct err *e)
{
	*ret = (struct audit_position){ 0 };
	if (from->offset == QUEUE_NO_OFFSET)
		return true;
	ret->committed = true;
	ret->offset = from->offset;
	if (head_read(from->metadata, ret))
		return true;
	return err_set(e, ERR_QUEUE, "%s/%d: the committed offset has no audit head: \"%s\"",
	    from->topic, (int)from->partition, from->metadata);
}

static MUST_USE bool
topic_positions(
    struct audit *a, const char *group, size_t topic, struct audit_cut *ret, struct err *e)
{
	const struct audit_topic *t = &a->topics[topic];
	struct queue_position *at = arena_array(&a->message, (size_t)t->count, sizeof(*at));

	ret->at[topic] = arena_array(&a->memory, (size_t)t->count, sizeof(*ret->at[topic]));
	for (int32_t i = 0; i < t->count; i++)
		at[i] = (struct queue_position){ .topic = t->name, .partition = i };
	if (!queue_group_offsets(a->probe, group, at, (size_t)t->count, QUEUE_COMMITTED_MS, e))
		return false;
	for (int32_t i = 0; i < t->count; i++)
		if (!position_take(&at[i], &ret->at[topic][i], e))
			return false;
	return true;
}

bool
audit_cut_take(struct audit *a, struct audit_cut *ret, struct err *e)
{
	for (size_t i = 0; i < GROUPS; i++) {
		const char *name = arena_printf(&a->message, "%s-%s", a->o->prefix, groups[i].name);

		for (size_t topic = 0; topic < AUDIT_REQUESTS; topic++)
			if (groups[i].serves[topic] && !topic_positions(a, name, topic, ret, e))
				return false;
	}
	return true;
}

void
audit_cut_say(struct audit *a)
{
	for (size_t topic = 0; topic < AUDIT_REQUESTS; topic++)
		for (int32_t i = 0; i < a->topics[topic].count; i++)
			if (!a->cut.at[topic][i].committed)
				report_note(a,
				    "%s/%d has no committed offset: none of its requests is asked for",
				    a->topics[topic].name, (int)i);
}

/* Some time of the range, so that it is said whatever the range. */
static int64_t
range_time(const struct audit_range *range)
{
	int64_t now = time_now_ms();

	if (now >= range->until_ms)
		now = range->until_ms - 1;
	return now < range->since_ms ? range->since_ms : now;
}

/* What is empty and has no records in the audit has never been worked at. */
void
audit_cut_judge(struct audit *a)
{
	for (size_t topic = 0; topic < AUDIT_REQUESTS; topic++)
		for (int32_t i = 0; i < a->topics[topic].count; i++) {
			const struct audit_partition *p = &a->topics[topic].at[i];
			const struct audit_place place = { (uint8_t)topic, i, p->low };

			if (a->cut.at[topic][i].committed ||
			    (p->low == p->to && !a->chains[topic][i].begun))
				continue;
			report_violation(a, VIOLATION_OFFSET_MISSING, &place, range_time(&a->range),
			    "the partition has no committed offset: none of its requests was asked for");
		}
}

bool
audit_decided(const struct audit *a, const struct audit_place *source)
{
	return source->offset < a->cut.at[source->topic][source->partition].offset;
}
