/*
 * What certmill's topics must be: the settings that carry the promises. One table, by which `topics` makes them and `run` and
 * `check-config` judge them.
 */
#ifndef CERTMILL_TOPIC_PLAN_H
#define CERTMILL_TOPIC_PLAN_H

#include "arena.h"
#include "settings.h"

#define TOPIC_PLAN_SETTINGS_MAX 8
#define PARTITIONS_MAX          256 /* of a topic */
#define TOPIC_PLAN_COUNT        (TOPIC_KINDS + LEDGER_KINDS)
#define CERTS_KEPT_S            ((int64_t)400 * 86400) /* retention.ms of `.certs` */

struct topic_plan {
	const char *name;
	bool is_request, whole; /* whole: of one partition, always */
	int32_t partitions, replicas;
	struct queue_setting config[TOPIC_PLAN_SETTINGS_MAX];
	size_t config_count;
};

/* The plan of every topic, in the order request topics, ledger topics. Borrows the settings' names. */
void topic_plan_make(const struct settings *s, struct topic_plan ret[static TOPIC_PLAN_COUNT]);
/* Every partition of the request topics that a kind of lane serves; offsets are QUEUE_NO_OFFSET, topics the settings'. */
bool topic_plan_positions(const struct settings *s, struct queue_probe *probe, enum lane_kind lane,
    struct arena *a, struct queue_position **ret, size_t *ret_count, struct err *e) MUST_USE;
/*
 * Does a topic with this value (found) of the setting keep the promise that wanted makes? What an operator may choose alone
 * (retention) always does.
 */
bool topic_setting_keeps(const struct queue_setting *wanted, const char *found, bool is_request);
/* Do the topics keep what the promises need? Names the first that does not. */
bool topic_plan_check(const struct settings *s, struct queue_probe *probe, struct err *e) MUST_USE;

#endif
