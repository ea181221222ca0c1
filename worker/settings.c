#include "settings.h"

#include "address.h"
#include "endpoint.h"
#include "key.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KAFKA_NAME_MAX 249 /* of a topic, a group or a member */

static const char *const ledger_kind_names[LEDGER_KINDS] = { "certs", "revoked", "state", "crl",
	"ca", "audit", "rejects", "responses" };
const char *const lane_kind_names[LANE_KINDS] = { "mint", "control", "query" };

/* clang-format off */
static const struct setting table[] = {
	SETTING(TEXT, settings, brokers,       "kafka.brokers",      "127.0.0.1:9092", 1, 4096, "bootstrap brokers, host:port, comma-separated; every other kafka.* key goes to librdkafka as it is, but for those that the promises rest on; kafka.sasl.password.file: a file with the SASL password in its first line"),
	SETTING(TEXT, settings, prefix,        "topics.prefix",      "certmill", 1, 200, "what every topic and group name begins with"),
	SETTING(TEXT, settings, reply_allow,   "topics.reply_allow", "", 0, 4096, "topics that reply_to may name, comma-separated, '*' at the end, never certmill's own but .responses; default <prefix>.responses*"),
	SETTING(INT,  settings, partitions,    "topics.partitions", "6", 1, 256, "partitions of .issue, .sign, .query, .responses and .certs when `topics` makes them; fixed from then on"),
	SETTING(INT,  settings, control_partitions, "topics.control_partitions", "3", 1, 256, "the same of .revoke, .config, .revoked and .audit"),
	SETTING(TEXT, settings, redis_address, "redis.address",      "", 0, 1024, "host:port, or the path of a socket; default 127.0.0.1:6379, where redis.sentinels is not set"),
	SETTING(TEXT, settings, redis_sentinels, "redis.sentinels",  "", 0, 4096, "sentinels, host:port, comma-separated, that are asked for the primary at each connect; instead of redis.address"),
	SETTING(TEXT, settings, redis_sentinel_master, "redis.sentinel_master", "", 0, 256, "name by which they know it"),
	SETTING(TEXT, settings, redis_sentinel_user, "redis.sentinel_user", "", 0, 256, "ACL user of the sentinels; empty: the default user"),
	SETTING(TEXT, settings, redis_sentinel_password_file, "redis.sentinel_password_file", "", 0, 4096, "file that holds the sentinels' password; empty: none"),
	SETTING(TEXT, settings, redis_user,    "redis.user",         "", 0, 256, "ACL user; empty: the default user"),
	SETTING(TEXT, settings, redis_password_file, "redis.password_file", "", 0, 4096, "file that holds the password; empty: none"),
	SETTING(BOOL, settings, redis_tls,     "redis.tls",          "false", 0, 1, "TLS 1.2 or later, to Redis and to the sentinels"),
	SETTING(TEXT, settings, redis_tls_ca_file, "redis.tls_ca_file", "", 0, 4096, "PEM file of the CAs that a server's certificate must come from; empty: the system's"),
	SETTING(TEXT, settings, redis_tls_cert_file, "redis.tls_cert_file", "", 0, 4096, "PEM file with the worker's certificate and those above it; empty: none is shown"),
	SETTING(TEXT, settings, redis_tls_key_file, "redis.tls_key_file", "", 0, 4096, "PEM file with its key, without a pass phrase; only its owner may write it"),
	SETTING(TEXT, settings, redis_tls_name, "redis.tls_name",     "", 0, 255, "name that each server's certificate must have; empty: the host of its address, which a sentinel gives as IP address unless it resolves names"),
	SETTING(INT,  settings, redis_db,      "redis.db",           "0", 0, 1000, "number of the Redis database"),
	SETTING(SPAN, settings, redis_timeout, "redis.timeout",      "5s", 1, 60, "for connecting and for each answer"),
	SETTING(TEXT, settings, kek_file,      "keys.kek_file",      NULL, 1, 4096, "file with the key-encryption key: 64 hexadecimal digits, or 32 bytes"),
	SETTING(INT,  settings, key_pool_threads, "keys.pool_threads", "1", 0, KEY_POOL_THREADS_MAX, "threads that make RSA keys ahead of time"),
	SETTING(INT,  settings, key_pool_size, "keys.pool_size",     "8", 1, KEY_POOL_KEYS_MAX, "RSA keys kept ready for each size in use; of 8192 bits one"),
	SETTING(INT,  settings, lanes[LANE_MINT],    "lanes.mint",    "1", 0, 64, "lanes that serve .issue and .sign"),
	SETTING(INT,  settings, lanes[LANE_CONTROL], "lanes.control", "1", 0, 64, "lanes that serve .revoke and .config"),
	SETTING(INT,  settings, lanes[LANE_QUERY],   "lanes.query",   "1", 0, 64, "lanes that serve .query"),
	SETTING(INT,  settings, batch_max,     "lanes.batch_max",    "1000", 1, 10000, "requests in one transaction at the most"),
	SETTING(SIZE, settings, batch_bytes,   "lanes.batch_bytes",  "4MiB", 1024, 64 << 20, "bytes of requests in one transaction at the most"),
	SETTING(INT,  settings, batch_budget_ms, "lanes.batch_budget_ms", "1000", 10, 10000, "milliseconds that deciding one batch may take before it is cut"),
	SETTING(TEXT, settings, slot,          "worker.slot",        "", 0, 128, "stable name of this worker among its like; also CERTMILL_SLOT; empty: the host name"),
	SETTING(BOOL, settings, leave_on_stop, "worker.leave_on_stop", "true", 0, 1, "leave the groups at SIGTERM; false keeps the place for a quick restart"),
	SETTING(TEXT, settings, log_level,     "worker.log_level",   "info", 1, 16, "debug, info, warning or error"),
	SETTING(TEXT, settings, metrics_listen, "metrics.listen",    "", 0, 256, "where /metrics, /livez and /readyz are served: address:port, or a port alone for 127.0.0.1; empty: nowhere"),
	SETTING(BOOL, settings, single,        "worker.single",      "false", 0, 1, "one broker: less than three replicas and min.insync.replicas 2 are accepted"),
	SETTING(SPAN, settings, dedup_window,  "windows.dedup",      "1h", 60, 86400, "how long a request id is remembered"),
	SETTING(SPAN, settings, replay_window, "windows.replay",     "10m", 0, 86400, "how long a replay carries the private key"),
	SETTING(SPAN, settings, clock_difference, "windows.clocks",  "5m", 0, 300, "how far the workers' clocks may be apart: ids are remembered for so much longer than windows.dedup, and a revoked certificate stays on the CRL for so long past its end"),
};
/* clang-format on */

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

void
settings_document(void)
{
	printf(
	    "# Settings of the worker\n\n"
	    "Made by `certmill-worker settings` from the table that the worker reads them by; not edited by hand.\n\n"
	    "A setting stands in an INI file (`--config FILE`; `keys.kek_file` is `kek_file` below `[keys]`) or in the environment\n"
	    "(`CERTMILL_KEYS_KEK_FILE`), which wins. One that does not exist, stands twice or is out of its range is refused at the start.\n"
	    "`certmill-worker check-config` says whether settings, topics and Redis keep the promises.\n\n");
	config_document(table, TABLE_COUNT);
}

void
settings_sample(void)
{
	printf(
	    "; Settings of certmill-worker. Each is shown at its default, which it has as long as it stands behind a semicolon.\n"
	    "; The environment wins: CERTMILL_KEYS_KEK_FILE over kek_file below [keys].\n");
	config_sample(table, TABLE_COUNT);
}

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static char *
join(const char *a, char middle, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 2;
	char *text = must(malloc(size));

	snprintf(text, size, "%s%c%s", a, middle, b);
	return text;
}

/* Everything under [kafka] that the table does not have goes to librdkafka. */
static bool
settings_pass(void *opaque, const char *key, const char *value, struct err *e)
{
	struct settings *s = opaque;
	size_t size = (s->kafka_count + 1) * sizeof(*s->kafka);

	(void)e;
	s->kafka = must(realloc(s->kafka, size));
	s->kafka[s->kafka_count].name = must(strdup(key));
	s->kafka[s->kafka_count].value = must(strdup(value));
	s->kafka_count++;
	return true;
}

static void
settings_replace(const char **member, char *value)
{
	free((void *)(uintptr_t)*member);
	*member = value;
}

static void
slot_set(struct settings *s, const char *value, const char *source)
{
	settings_replace(&s->slot, must(strdup(value)));
	config_origin_set(&s->origins, "worker.slot", source);
}

static MUST_USE bool
slot_find(struct settings *s, struct err *e)
{
	const char *given = getenv("CERTMILL_SLOT");
	char host[256] = "";

	if (s->slot[0] != '\0')
		return true;
	if (given != NULL && given[0] != '\0') {
		slot_set(s, given, "CERTMILL_SLOT");
		return true;
	}
	if (gethostname(host, sizeof(host) - 1) != 0)
		return err_errno(e, "gethostname");
	slot_set(s, host, "the host name");
	return true;
}

/* ---- what a setting by itself, or two together, may not be ---- */

/* Kafka's own rule for the names of topics, groups and members. */
static bool
kafka_name_valid(struct slice name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '\0' || strchr(allowed, name.data[i]) == NULL)
			return false;
	return name.len >= 1 && name.len <= KAFKA_NAME_MAX;
}

static MUST_USE bool
name_check(const char *setting, const char *value, struct err *e)
{
	return kafka_name_valid(slice_text(value)) ||
	    err_field(e, ERR_CONFIG, setting,
		"%s = \"%.60s\": letters, digits, dots, hyphens and underscores are wanted",
		setting, value);
}

static MUST_USE bool
level_check(const struct settings *s, struct err *e)
{
	enum log_level level;

	return log_level_parse(s->log_level, &level) ||
	    err_field(e, ERR_CONFIG, "worker.log_level",
		"worker.log_level = \"%s\": debug, info, warning or error is wanted", s->log_level);
}

static MUST_USE bool
lanes_check(const struct settings *s, struct err *e)
{
	return s->lanes[LANE_MINT] + s->lanes[LANE_CONTROL] + s->lanes[LANE_QUERY] > 0 ||
	    err_field(e, ERR_CONFIG, "lanes.mint",
		"lanes.mint, lanes.control and lanes.query are all 0: the worker would serve nothing");
}

static MUST_USE bool
windows_check(const struct settings *s, struct err *e)
{
	const char *moved = config_origin_of(&s->origins, "windows.replay") != NULL
	    ? "windows.replay"
	    : "windows.dedup";

	return s->replay_window <= s->dedup_window ||
	    err_field(e, ERR_CONFIG, moved,
		"windows.replay (%llds) is longer than windows.dedup (%llds)",
		(long long)s->replay_window, (long long)s->dedup_window);
}

static MUST_USE bool
address_check(const struct settings *s, struct err *e)
{
	struct address at;

	return s->redis_address[0] == '\0' || s->redis_address[0] == '/' ||
	    (address_split(s->redis_address, &at) && at.port > 0) ||
	    err_field(e, ERR_CONFIG, "redis.address",
		"redis.address: neither host:port nor a socket's absolute path");
}

static MUST_USE bool
listen_check(const struct settings *s, struct err *e)
{
	struct err bad;

	return s->metrics_listen[0] == '\0' || endpoint_listen_valid(s->metrics_listen, &bad) ||
	    err_field(e, ERR_CONFIG, "metrics.listen", "metrics.listen: %s", bad.msg);
}

static MUST_USE bool
settings_check(const struct settings *s, struct err *e)
{
	return level_check(s, e) && name_check("topics.prefix", s->prefix, e) &&
	    name_check("worker.slot", s->slot, e) && lanes_check(s, e) && windows_check(s, e) &&
	    address_check(s, e) && listen_check(s, e);
}

static void
settings_derive(struct settings *s)
{
	if (s->reply_allow[0] == '\0')
		settings_replace(&s->reply_allow, join(s->prefix, '.', "responses*"));
	for (int i = 0; i < TOPIC_KINDS; i++)
		s->request_topics[i] = join(s->prefix, '.', topic_kind_names[i]);
	for (int i = 0; i < LEDGER_KINDS; i++)
		s->ledger_topics[i] = join(s->prefix, '.', ledger_kind_names[i]);
	for (int i = 0; i < LANE_KINDS; i++)
		s->groups[i] = join(s->prefix, '-', lane_kind_names[i]);
	s->queue = (struct queue_options){ .brokers = s->brokers,
		.client_id = s->slot,
		.extra = s->kafka,
		.extra_count = s->kafka_count };
}

static MUST_USE bool
settings_read(const char *path, const char *env_prefix, struct settings *ret, struct err *e)
{
	const struct config_source from = { .path = path,
		.env_prefix = env_prefix,
		.pass_section = "kafka",
		.pass = settings_pass,
		.opaque = ret,
		.origins = &ret->origins };

	*ret = (struct settings){ 0 };
	if (config_load(&from, table, TABLE_COUNT, ret, e)) {
		if (slot_find(ret, e)) {
			settings_derive(ret);
			if (settings_check(ret, e) && settings_redis(ret, e))
				return true;
		}
		(void)config_origin_blame(&ret->origins, e);
	}
	settings_free(ret);
	return false;
}

bool
settings_load(const char *path, struct settings *ret, struct err *e)
{
	return settings_read(path, "CERTMILL_", ret, e);
}

bool
settings_load_file(const char *path, struct settings *ret, struct err *e)
{
	return settings_read(path, NULL, ret, e);
}

void
settings_free(struct settings *s)
{
	for (int i = 0; i < TOPIC_KINDS; i++)
		free(s->request_topics[i]);
	for (int i = 0; i < LEDGER_KINDS; i++)
		free(s->ledger_topics[i]);
	for (int i = 0; i < LANE_KINDS; i++)
		free(s->groups[i]);
	for (size_t i = 0; i < s->kafka_count; i++) {
		free((void *)(uintptr_t)s->kafka[i].name);
		free((void *)(uintptr_t)s->kafka[i].value);
	}
	free(s->kafka);
	settings_redis_free(s);
	config_free(table, TABLE_COUNT, s);
	config_origins_free(&s->origins);
	*s = (struct settings){ 0 };
}

enum lane_kind
settings_lane_of(enum topic_kind kind)
{
	switch (kind) {
	case TOPIC_ISSUE:
	case TOPIC_SIGN:
		return LANE_MINT;
	case TOPIC_REVOKE:
	case TOPIC_CONFIG:
		return LANE_CONTROL;
	case TOPIC_QUERY:
	case TOPIC_KINDS:
		break;
	}
	return LANE_QUERY;
}

static bool
pattern_allows(struct slice pattern, struct slice topic)
{
	if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*') {
		pattern.len--;
		return topic.len >= pattern.len &&
		    memcmp(topic.data, pattern.data, pattern.len) == 0;
	}
	return slice_eq(pattern, topic);
}

/* What certmill itself reads or keeps: an answer there would be taken for a request or a record, whatever the list says. */
static bool
topic_is_own(const struct settings *s, struct slice topic)
{
	for (int i = 0; i < TOPIC_KINDS; i++)
		if (slice_is(topic, s->request_topics[i]))
			return true;
	for (int i = 0; i < LEDGER_KINDS; i++)
		if (i != LEDGER_RESPONSES && slice_is(topic, s->ledger_topics[i]))
			return true;
	return false;
}

bool
settings_allow_reply(const struct settings *s, struct slice topic)
{
	const char *at = s->reply_allow;

	if (!kafka_name_valid(topic) || topic_is_own(s, topic))
		return false;
	while (*(at += strspn(at, ", \t")) != '\0') {
		size_t len = strcspn(at, ", \t");

		if (pattern_allows(slice_of(at, len), topic))
			return true;
		at += len;
	}
	return false;
}

enum topic_kind
settings_topic_kind(const struct settings *s, const char *topic)
{
	int kind = 0;

	while (kind < TOPIC_KINDS && strcmp(s->request_topics[kind], topic) != 0)
		kind++;
	return (enum topic_kind)kind;
}
