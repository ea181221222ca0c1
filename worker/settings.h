/* The worker's settings: one table (settings.c), from an INI file and the environment. Immutable after settings_load. */
#ifndef CERTMILL_SETTINGS_H
#define CERTMILL_SETTINGS_H

#include "config.h"
#include "contract.h"
#include "queue.h"
#include "store.h"

/* The topics that a worker writes, beside the answers'. */
enum ledger_kind {
	LEDGER_CERTS,
	LEDGER_REVOKED,
	LEDGER_STATE,
	LEDGER_CRL,
	LEDGER_CA,
	LEDGER_AUDIT,
	LEDGER_REJECTS,
	LEDGER_RESPONSES,
	LEDGER_KINDS
};
enum lane_kind { LANE_MINT, LANE_CONTROL, LANE_QUERY, LANE_KINDS };

struct settings {
	/* read from the table */
	const char *brokers, *prefix, *reply_allow;
	int64_t partitions, control_partitions; /* of request topics, when `topics` makes them */
	const char *redis_address, *redis_user, *redis_password_file;
	const char *redis_sentinels, *redis_sentinel_master; /* empty: redis_address */
	const char *redis_sentinel_user, *redis_sentinel_password_file;
	bool redis_tls;
	const char *redis_tls_ca_file, *redis_tls_cert_file, *redis_tls_key_file, *redis_tls_name;
	int64_t redis_db, redis_timeout; /* seconds */
	const char *kek_file, *slot, *log_level, *metrics_listen;
	int64_t lanes[LANE_KINDS];
	int64_t batch_max, batch_bytes, batch_budget_ms;
	int64_t key_pool_threads, key_pool_size;
	int64_t dedup_window, replay_window, clock_difference; /* seconds */
	bool leave_on_stop, single;
	/* derived */
	char *request_topics[TOPIC_KINDS]; /* "certmill.issue" */
	char *ledger_topics[LEDGER_KINDS];
	char *groups[LANE_KINDS]; /* "certmill-mint" */
	char *redis_password;
	struct store_tls *store_tls;
	struct sentinels *sentinels;
	struct queue_setting *kafka; /* kafka.* as given */
	size_t kafka_count;
	struct queue_options queue;
	struct store_options store;
	struct config_origins origins; /* of settings that stand in the file or the environment */
	bool dev;                      /* everything embedded: the mock broker, no topic checks */
};

/*
 * path NULL: environment alone. Refuses what is wrong by itself, with its source; what shows later is blamed on its origin
 * (config_origin_blame). Nothing is to be freed after a refusal.
 */
bool settings_load(const char *path, struct settings *ret, struct err *e) MUST_USE;
/* The file alone: what the environment says of a real fleet is not for `dev`. */
bool settings_load_file(const char *path, struct settings *ret, struct err *e) MUST_USE;
void settings_free(struct settings *s);
enum lane_kind settings_lane_of(enum topic_kind kind);
/* Is this reply topic on the allow-list? */
bool settings_allow_reply(const struct settings *s, struct slice topic);
/* TOPIC_KINDS when the name is no request topic. */
enum topic_kind settings_topic_kind(const struct settings *s, const char *topic);
extern const char *const lane_kind_names[LANE_KINDS];
void settings_document(void); /* prints the manual's table */
void settings_sample(void);   /* prints a configuration file with every setting */

/* settings_redis.c: `store` and what it borrows, from what was read */
bool settings_redis(struct settings *s, struct err *e) MUST_USE;
void settings_redis_free(struct settings *s);

#endif
