/*
 * certmill audit verify: the promises, checked from the topics alone. The topics are read once each, read_committed, and cut
 * down to facts; the facts are sorted by what they are about, and judged. docs/operations.md says what is checked and what
 * cannot be; tests/fault/checker.py does the same on its own.
 *
 * What is asked is settled by the cut: where the groups stood before anything was read. Everything that a request below it
 * brought about is committed, and is demanded; what belongs to later requests is left to the next run.
 */
#ifndef CERTMILL_AUDIT_H
#define CERTMILL_AUDIT_H

#include "audit_facts.h"
#include "audit_report.h"
#include "ledger.h"
#include "options.h"

#include <openssl/evp.h>

#define AUDIT_TOPICS_MAX 250
#define AUDIT_ANY        (-1) /* partition */
#define AUDIT_CLOCKS_MS \
	((int64_t)600 * 1000) /* how far the workers' and the brokers' clocks may differ */

enum audit_name {
	AUDIT_ISSUE,
	AUDIT_SIGN,
	AUDIT_REVOKE,
	AUDIT_CONFIG,
	AUDIT_QUERY,
	AUDIT_REQUESTS, /* how many; then the ledger */
	AUDIT_CERTS = AUDIT_REQUESTS,
	AUDIT_REVOKED,
	AUDIT_STATE,
	AUDIT_CRL,
	AUDIT_TRAIL, /* .audit */
	AUDIT_REJECTS,
	AUDIT_RESPONSES, /* and behind it the other reply topics, as the audit names them */
	AUDIT_OWN,
};

struct audit_partition {
	int64_t low, from,
	    to;           /* the first that is kept, the first that is read, the end that stood */
	int64_t first_ms; /* of the first record read; INT64_MAX: there was none */
};

struct audit_topic {
	const char *name; /* NULL: a reply topic that cannot be read */
	int32_t count;
	struct audit_partition *at;
};

/* Where a group stands on one partition, and the head of its chain. */
struct audit_position {
	bool committed;
	int64_t offset; /* of the next request; 0 where none was committed */
	int64_t sequence;
	uint8_t hash[HASH_SIZE];
};

struct audit_cut {
	struct audit_position *at[AUDIT_REQUESTS];
};

/* The chain of one request partition, as far as it was read. */
struct audit_chain {
	bool begun, differs;
	int64_t sequence;
	uint8_t hash[HASH_SIZE];
	struct audit_place last;
	int64_t last_ms;
	bool state_seen;
	int64_t state_offset; /* the highest so far */
};

/* A record of `.state`. */
struct audit_state_record {
	int64_t offset, at_ms; /* no earlier than those before it */
};

/* Which configuration a fact of use is about. */
enum audit_use { AUDIT_USE_MOUNT, AUDIT_USE_ISSUER, AUDIT_USE_ROLE };

struct audit_range {
	int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX: all of it */
};

struct audit {
	struct options *o;
	struct queue_options queue; /* of the readers */
	struct queue_probe *probe;
	struct audit_range range;
	int64_t window_ms; /* the dedup window */
	struct audit_topic topics[AUDIT_TOPICS_MAX];
	size_t topic_count;
	struct audit_cut cut;
	struct audit_chain *chains[AUDIT_REQUESTS];
	struct audit_state_record *state; /* all that is kept, by offset */
	size_t state_count, state_capacity;
	struct crl_book *crls;
	struct facts *facts, *revocations;
	struct report report;
	struct progress progress;
	EVP_MD_CTX *digest;
	EVP_MD *sha256;
	struct arena memory;  /* of the run */
	struct arena message; /* of one record */
};

typedef bool audit_take(
    struct audit *a, size_t topic, const struct queue_message *m, struct err *e);

/* ---- topics: audit_topics.c ---- */

bool audit_topics_begin(struct audit *a, struct err *e) MUST_USE;
/* The index of a topic that may hold answers; AUDIT_TOPICS_MAX when there are too many. Looked for when it is new. */
bool audit_reply_topic(struct audit *a, struct slice name, size_t *ret, struct err *e) MUST_USE;
/* Asks where the topic's partitions begin and end now. */
bool audit_topic_mark(struct audit *a, size_t topic, struct err *e) MUST_USE;
/* Every committed record between the marks. */
bool audit_topic_read(struct audit *a, size_t topic, audit_take *take, struct err *e) MUST_USE;
/* Does what is kept go back to that time, for sure? */
bool audit_reaches(const struct audit *a, size_t topic, int32_t partition, int64_t at_ms);
/* Was the topic read from its very first record? */
bool audit_is_whole(const struct audit *a, size_t topic);
/* "topic/partition/offset" of a request. */
bool audit_source_parse(const struct audit *a, struct slice text, struct audit_place *ret);
bool audit_partition_parse(const struct audit *a, struct slice text, struct audit_place *ret);

/* ---- the cut, the chains, the offsets in `.state`: audit_cut.c, audit_chain.c, audit_state.c ---- */

bool audit_cut_take(struct audit *a, struct audit_cut *ret, struct err *e) MUST_USE;
void audit_cut_say(struct audit *a); /* where nothing is asked for */
/* Requests that nothing is asked of are no requests that were found in order. */
void audit_cut_judge(struct audit *a);
/* Was it decided before the run began? */
bool audit_decided(const struct audit *a, const struct audit_place *source);
void audit_chain_take(struct audit *a, const struct queue_message *m,
    const struct audit_place *source, const struct audit_record *record);
/* A record of `.audit`, once its entries are known. newest_ms: of the requests of its entries. */
void audit_state_judge(struct audit *a, const struct audit_place *place, int64_t at_ms,
    const struct audit_place *source, const struct audit_record *record, int64_t newest_ms);
/* The heads are compared with where the groups stand now. */
bool audit_chain_end(struct audit *a, struct err *e) MUST_USE;

/* ---- from records to facts ---- */

audit_take audit_request_take, audit_reject_take, audit_certificate_take, audit_revoked_take,
    audit_state_take, audit_crl_take, audit_record_take, audit_answer_take;

struct fact audit_fact(
    enum fact_subject about, enum fact_kind kind, const struct audit_place *by, int64_t at);
/* What a fact about a request is about. */
void audit_fact_source(struct fact *f, const struct audit_place *source);
struct audit_place audit_source_of(const struct fact *f);
/* Always true: the run goes on. */
bool audit_malformed(
    struct audit *a, const struct audit_place *place, int64_t at_ms, const char *why);
struct slice audit_header(const struct queue_message *m, const char *name); /* the first */
void audit_state_add(struct audit *a, int64_t offset, int64_t at_ms);
bool audit_in_range(const struct audit *a, int64_t at_ms);
/* A time that a record says, kept to some ten thousand years, so that it can be reckoned with. */
int64_t audit_time(int64_t time);
/* The partition of a topic that the key's record is in. */
uint32_t audit_home(const struct audit *a, size_t topic, struct slice key);
/* SHA-256 of the parts, each with its length before it, cut. */
void audit_digest(
    struct audit *a, const struct slice *parts, size_t count, uint8_t ret[static FACT_DIGEST_SIZE]);
/* Of a text or of DER, for facts about the same thing; never 0. */
uint32_t audit_mark(struct audit *a, struct slice bytes);
/* The same of one serial number; never 0. */
int64_t audit_serial_mark(struct audit *a, struct slice serial);
void audit_revocation_digest(
    struct audit *a, struct slice mount, struct slice serial, uint8_t ret[static FACT_DIGEST_SIZE]);

/* ---- judging: a run of facts about one thing ---- */

/* state: of this thing, zeroed before its first fact; fact NULL: that was the last. */
typedef bool audit_judge(struct audit *a, void *state, const struct fact *fact, struct err *e);

struct judge {
	size_t state_size;
	audit_judge *take;
};
extern const struct judge judge_of_requests, judge_of_certificates, judge_of_ids,
    judge_of_configuration, judge_of_revocations;

bool audit_judge_all(struct audit *a, struct facts *facts, struct err *e) MUST_USE;

#endif
