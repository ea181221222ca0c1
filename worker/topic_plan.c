#include "topic_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An input's largest message stays well below every output's: what was taken can always be answered, rerouted and kept. */
#define INPUT_MAX_BYTES  "393216" /* 256 KiB and headers */
#define OUTPUT_MAX_BYTES "4194304"
#define CRL_MAX_BYTES    "67108864"

#define HOUR_MS  "3600000"
#define DAY_MS   "86400000"
#define WEEK_MS  "604800000"
#define CERTS_MS "34560000000" /* 400 days */
#define AUDIT_MS "63072000000" /* 2 years */

struct topic_rule {
	const char *policy, *retention_ms, *segment_ms, *max_bytes;
	bool
	    whole; /* one partition: its records have one order, or one key's newest is to be found */
};

/* clang-format off */
static const struct topic_rule request_rules[TOPIC_KINDS] = {
	[TOPIC_ISSUE]  = { "delete", WEEK_MS, NULL, INPUT_MAX_BYTES, false },
	[TOPIC_SIGN]   = { "delete", WEEK_MS, NULL, INPUT_MAX_BYTES, false },
	[TOPIC_REVOKE] = { "delete", WEEK_MS, NULL, INPUT_MAX_BYTES, false },
	[TOPIC_CONFIG] = { "delete", WEEK_MS, NULL, INPUT_MAX_BYTES, false },
	[TOPIC_QUERY]  = { "delete", DAY_MS,  NULL, INPUT_MAX_BYTES, false },
};
static const struct topic_rule ledger_rules[LEDGER_KINDS] = {
	[LEDGER_CERTS]     = { "delete",  CERTS_MS, NULL,     OUTPUT_MAX_BYTES, false },
	[LEDGER_REVOKED]   = { "compact", NULL,     NULL,     OUTPUT_MAX_BYTES, false },
	[LEDGER_STATE]     = { "compact", NULL,     NULL,     OUTPUT_MAX_BYTES, true },
	[LEDGER_CRL]       = { "compact", NULL,     NULL,     CRL_MAX_BYTES, true },
	[LEDGER_CA]        = { "compact", NULL,     NULL,     OUTPUT_MAX_BYTES, true },
	[LEDGER_AUDIT]     = { "delete",  AUDIT_MS, NULL,     OUTPUT_MAX_BYTES, false },
	[LEDGER_REJECTS]   = { "delete",  WEEK_MS,  NULL,     OUTPUT_MAX_BYTES, false },
	[LEDGER_RESPONSES] = { "delete",  HOUR_MS,  "600000", OUTPUT_MAX_BYTES, false }, /* it may hold leaf keys: gone soon */
};
/* clang-format on */

static void
plan_add(struct topic_plan *p, const char *name, const char *value)
{
	if (value != NULL)
		p->config[p->config_count++] = (struct queue_setting){ name, value };
}

static struct topic_plan
plan_of(const struct settings *s, const char *name, const struct topic_rule *rule,
    int64_t partitions, bool is_request)
{
	struct topic_plan p = { .name = name,
		.is_request = is_request,
		.whole = rule->whole,
		.partitions = (int32_t)partitions,
		.replicas = s->single ? 1 : 3 };

	plan_add(&p, "cleanup.policy", rule->policy);
	plan_add(&p, "max.message.bytes", rule->max_bytes);
	plan_add(&p, "unclean.leader.election.enable", "false");
	plan_add(&p, "min.insync.replicas", s->single ? "1" : "2");
	plan_add(&p, "message.timestamp.type", is_request ? "LogAppendTime" : NULL);
	plan_add(&p, "retention.ms", rule->retention_ms);
	plan_add(&p, "segment.ms", rule->segment_ms);
	return p;
}

static int64_t
ledger_partitions(const struct settings *s, int kind)
{
	if (kind == LEDGER_CERTS || kind == LEDGER_RESPONSES)
		return s->partitions;
	return kind == LEDGER_REVOKED || kind == LEDGER_AUDIT ? s->control_partitions : 1;
}

void
topic_plan_make(const struct settings *s, struct topic_plan ret[static TOPIC_PLAN_COUNT])
{
	for (int i = 0; i < TOPIC_KINDS; i++)
		ret[i] = plan_of(s, s->request_topics[i], &request_rules[i],
		    i == TOPIC_REVOKE || i == TOPIC_CONFIG ? s->control_partitions : s->partitions,
		    true);
	for (int i = 0; i < LEDGER_KINDS; i++)
		ret[TOPIC_KINDS + i] = plan_of(
		    s, s->ledger_topics[i], &ledger_rules[i], ledger_partitions(s, i), false);
}

/* ---- judging what is there ---- */

static bool
setting_is_promise(const char *name)
{
	return strcmp(name, "retention.ms") != 0 &&
	    strcmp(name, "segment.ms") != 0; /* an operator's own choice */
}

/* More is as good for a number; another word is not. */
bool
topic_setting_keeps(const struct queue_setting *wanted, const char *found, bool is_request)
{
	if (!setting_is_promise(wanted->name))
		return true;
	if (strcmp(wanted->name, "max.message.bytes") == 0)
		return is_request ? strtoll(found, NULL, 10) <= strtoll(wanted->value, NULL, 10)
				  : strtoll(found, NULL, 10) >= strtoll(wanted->value, NULL, 10);
	if (strcmp(wanted->name, "min.insync.replicas") == 0)
		return strtoll(found, NULL, 10) >= strtoll(wanted->value, NULL, 10);
	return strcmp(found, wanted->value) == 0;
}

static MUST_USE bool
topic_check(const struct topic_plan *p, struct queue_probe *probe, struct err *e)
{
	struct queue_topic_info info;
	char found[64];

	if (!queue_topic_info(probe, p->name, &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_CONFIG,
		    "topic %s does not exist: `certmill-worker topics` makes it", p->name);
	if (info.replicas < p->replicas)
		return err_set(e, ERR_CONFIG,
		    "topic %s has %" PRId32 " replicas, the promises need %" PRId32
		    " (or --single)",
		    p->name, info.replicas, p->replicas);
	if (p->whole && info.partitions != 1)
		return err_set(e, ERR_CONFIG,
		    "topic %s has %" PRId32 " partitions, the promises need 1", p->name,
		    info.partitions);
	for (size_t i = 0; i < p->config_count; i++) {
		if (!setting_is_promise(p->config[i].name))
			continue;
		if (!queue_topic_config(probe, p->name, p->config[i].name, found, sizeof(found), e))
			return false;
		if (!topic_setting_keeps(&p->config[i], found, p->is_request))
			return err_set(e, ERR_CONFIG, "topic %s has %s=%s, the promises need %s",
			    p->name, p->config[i].name, found, p->config[i].value);
	}
	return true;
}

bool
topic_plan_check(const struct settings *s, struct queue_probe *probe, struct err *e)
{
	struct topic_plan plan[TOPIC_PLAN_COUNT];

	topic_plan_make(s, plan);
	for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++)
		if (!topic_check(&plan[i], probe, e))
			return false;
	return true;
}

bool
topic_plan_positions(const struct settings *s, struct queue_probe *probe, enum lane_kind lane,
    struct arena *a, struct queue_position **ret, size_t *ret_count, struct err *e)
{
	struct queue_position *at = arena_array(
	    a, (size_t)TOPIC_KINDS * PARTITIONS_MAX, sizeof(*at));
	size_t count = 0;

	for (int kind = 0; kind < TOPIC_KINDS; kind++) {
		struct queue_topic_info info;

		if (settings_lane_of((enum topic_kind)kind) != lane)
			continue;
		if (!queue_topic_info(probe, s->request_topics[kind], &info, e))
			return false;
		for (int32_t i = 0; i < info.partitions && i < PARTITIONS_MAX; i++)
			at[count++] = (struct queue_position){ .topic = s->request_topics[kind],
				.partition = i,
				.offset = QUEUE_NO_OFFSET };
	}
	*ret = at;
	*ret_count = count;
	return true;
}
