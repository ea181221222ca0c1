/* The parts of a lane: session (lane.c), the view made whole (lane_mend.c), partitions (lane_partition.c), batch (batch*.c), transaction (lane_commit.c). */
#ifndef CERTMILL_LANE_INTERNAL_H
#define CERTMILL_LANE_INTERNAL_H

#include "audit.h"
#include "claim.h"
#include "intake.h"
#include "lane.h"
#include "meter.h"
#include "view.h"

#include <pthread.h>

#define LANE_PARTITIONS_MAX 256

struct lane_partition {
	enum topic_kind kind;
	const char *topic; /* of the settings */
	int32_t partition;
	bool taken;             /* its row in Redis carries this session's token */
	int64_t next;           /* offset of the next message */
	int64_t fetched;        /* offset behind the last message that came in */
	struct audit_head head; /* as committed */
	int64_t assigned_step;  /* as committed when it was assigned */
	int64_t careful_to;     /* up to this offset a lane died while working at it; -1: none */
	size_t
	    careful_size; /* so many of these go in one batch; 1: each alone, and its deaths are counted */
	/* Rows of the last committed batch, which get their expiry with the next script. */
	struct arena memory;
	struct slice own_key;
	struct view_expiry *expiries;
	size_t expiry_count;
};

struct inbox { /* polled and not yet decided, in order */
	struct queue_message **messages;
	size_t count, capacity;
};

/* The last failure that was logged: one like it is again only after a while. */
struct lane_said {
	enum err_code code;
	int64_t us;
};

struct lane {
	struct lane_shared *shared;
	enum lane_kind kind;
	char name[32];      /* "mint-0" */
	char instance[192]; /* group.instance.id */
	char transactional[448];
	char worker[192]; /* slot/lane, as the audit names it */
	pthread_t thread;
	struct lane_meter meter;
	struct lane_said said,
	    fold_said;     /* of sessions; of folds, which fail between two of them */
	int64_t fenced_us; /* when its transactional id was taken last; 0: never */
	/* token of the last session whose marks an engine's failure kept in Redis; "": none */
	char unreleased[VIEW_TOKEN_SIZE];
	/* of the session */
	struct store *store;
	struct view view;
	struct queue_producer *producer;
	struct queue_consumer *consumer;
	struct queue_group *group; /* snapshot taken with the last poll */
	struct reply_topics *replies;
	struct minter *minter;
	struct sealer *ca_sealer, *replay_sealer;
	EVP_PKEY *fleet_key;
	struct crl_owner *crls;
	int32_t partition_counts[TOPIC_KINDS];
	struct lane_partition partitions[LANE_PARTITIONS_MAX];
	size_t partition_count;
	struct inbox inbox;
	struct arena arena; /* of the batch */
};

/* One request in a batch, with what is made of it. */
struct item {
	struct request rq;
	enum intake intake;
	struct err reject;        /* why it goes to .rejects */
	bool unread;              /* it goes there without a look at it */
	bool quarantined;         /* answered, and kept in .rejects as well */
	struct buf response;      /* encoded; empty: none */
	struct view_claim *claim; /* fresh claim; NULL: none */
};

struct batch_part { /* one source partition */
	struct lane_partition *partition;
	int64_t next;          /* offset behind the last message */
	struct slice *entries; /* audit */
	size_t entry_count;
	struct audit_head head; /* behind this batch */
	struct slice *records;
	size_t record_count;
};

struct batch {
	struct context cx;
	struct item *items;
	size_t count;      /* of the items that make the batch */
	size_t item_count; /* of all that were laid out */
	struct batch_part *parts;
	size_t part_count;
	bool is_suspect; /* a message alone, where a lane died: its attempts are counted */
	struct view_attempts before; /* at that message */
	struct crl_publication *crls;
	size_t crl_count;
	int64_t began_us, fresh_us, scripted_us; /* time_monotonic_us */
};

/* lane_partition.c */
bool lane_assigned(void *opaque, const struct queue_position *at, size_t count, struct err *e);
void lane_revoked(void *opaque, const char *topic, int32_t partition);
bool lane_take(
    struct lane *lane, struct err *e) MUST_USE; /* the rows of partitions that were just assigned */
struct lane_partition *lane_find(struct lane *lane, const char *topic, int32_t partition);
void lane_drop_partitions(struct lane *lane);
/* ERR_VIEW_LOST when Redis holds less than any lane of the fleet has committed. */
bool lane_survey(struct lane *lane, struct err *e) MUST_USE;
/* ERR_VIEW_LOST when it lacks a revocation that these partitions of `.revoke` have committed by now. */
bool lane_sees_revocations(
    struct lane *lane, const bool wanted[static LANE_PARTITIONS_MAX], struct err *e) MUST_USE;

/* lane.c: is this failure to be logged? It is remembered then. */
bool lane_says(struct lane_said *last, enum err_code code) MUST_USE;

/* lane_mend.c: called between sessions. True: it has made the view whole, try again at once. */
bool lane_mend(struct lane *lane);

/* inbox (batch.c) */
bool inbox_fill(struct lane *lane, int timeout_ms, struct err *e) MUST_USE;
void inbox_clear(struct inbox *in);

/* batch.c: gathers from the inbox; without parts when there is nothing to do, or not now */
bool batch_gather(struct lane *lane, struct batch *b, struct err *e) MUST_USE;

/* batch_suspect.c */
/* Is what comes next, of so many messages, one alone where a lane died? Its attempts are counted. */
bool batch_is_suspect(struct lane *lane, size_t bound);
/* Only one lane of the process works at such a message. False: another does, and this one waits for its turn, or withdraws. */
bool batch_suspect_begin(struct lane *lane) MUST_USE;
void batch_suspect_withdraw(struct lane *lane);
void batch_suspect_done(struct lane *lane);
void batch_suspect_leave(struct lane *lane); /* both */
/* batch.c: the workers that died at the message that makes this batch are why it goes to .rejects. */
void batch_blame(const struct lane *lane, const struct batch *b, struct item *item);
void batch_done(struct batch *b);
/* batch_settle.c: claims and rows from Redis */
bool batch_settle(struct lane *lane, struct batch *b, struct err *e) MUST_USE;
bool batch_settle_lost(struct lane *lane, struct batch *b,
    struct err *e) MUST_USE; /* claims that the script found taken */
/* batch.c: whoever takes the home of a mount next has to wait for a transaction that publishes a CRL of it */
void batch_stand_for_crls(struct lane *lane, struct batch *b);
/* batch_decide.c */
bool batch_decide(struct lane *lane, struct batch *b, struct err *e) MUST_USE;
bool batch_answer(struct lane *lane, struct batch *b, struct item *item, struct err *e) MUST_USE;
/* lane_commit.c: the script, the transaction, what is remembered */
bool batch_commit(struct lane *lane, struct batch *b, struct err *e) MUST_USE;
/* batch_meter.c: counts it; before its messages are given back */
void batch_meter(struct lane *lane, const struct batch *b);
/* batch_publish.c: everything that one batch produces */
bool batch_publish(struct lane *lane, struct batch *b, struct err *e) MUST_USE;

static inline bool
item_ok(const struct item *item)
{
	return item->intake == INTAKE_DECIDE && item->rq.outcome.code.data == NULL;
}

/* Is it answered as the first message of its id was? One that was refused by itself is not. */
static inline bool
item_replays(const struct item *item)
{
	return item->intake == INTAKE_DECIDE && item->rq.replay;
}

#endif
