#include "audit.h"

#include "audit_book.h"
#include "command.h"
#include "show.h"
#include "timespan.h"

#include <stdlib.h>

#define PING_MS 3000
#define FACTS_MEMORY \
	((size_t)32 << 20) /* of facts in memory: most of what a run takes, docs/operations.md */

/* ---- judging ---- */

static const struct judge *
judge_of(enum fact_subject subject)
{
	switch (subject) {
	case ABOUT_REQUEST:
		return &judge_of_requests;
	case ABOUT_CERTIFICATE:
		return &judge_of_certificates;
	case ABOUT_ID:
		return &judge_of_ids;
	case ABOUT_CONFIGURATION:
		return &judge_of_configuration;
	case ABOUT_REVOCATION:
		break;
	}
	return &judge_of_revocations;
}

static bool
same_thing(const struct fact *a, const struct fact *b)
{
	return a->subject == b->subject && memcmp(a->about, b->about, sizeof(a->about)) == 0;
}

bool
audit_judge_all(struct audit *a, struct facts *facts, struct err *e)
{
	const struct judge *judge = NULL;
	const struct fact *f = NULL;
	struct fact last = { 0 };
	void *state = NULL;
	bool good = facts_sort(facts, e) && facts_next(facts, &f, e);

	while (good) {
		if (judge != NULL && (f == NULL || !same_thing(f, &last))) {
			good = judge->take(a, state, NULL, e);
			arena_reset(&a->message);
			judge = NULL;
		}
		if (!good || f == NULL)
			break;
		if (judge == NULL) {
			judge = judge_of((enum fact_subject)f->subject);
			state = arena_alloc(&a->message, judge->state_size);
		}
		last = *f;
		good = judge->take(a, state, f, e) && facts_next(facts, &f, e);
	}
	return good;
}

/* ---- a run ---- */

/* Which topics are read, in this order, and marked anew right before. What it rests on stands in audit.h and below. */
static MUST_USE bool
topic_run(struct audit *a, size_t topic, audit_take *take, struct err *e)
{
	return audit_topic_mark(a, topic, e) && audit_topic_read(a, topic, take, e);
}

/*
 * The ends of `.crl` are asked for before those of `.state`, which holds every issuer before it signs; `.revoked` is read after
 * `.crl`, and `.audit` after all that it accounts for: what was seen there is committed, so its entry stands.
 */
static MUST_USE bool
topics_run(struct audit *a, struct err *e)
{
	for (size_t i = 0; i < AUDIT_REQUESTS; i++)
		if (!topic_run(a, i, audit_request_take, e))
			return false;
	if (!topic_run(a, AUDIT_REJECTS, audit_reject_take, e) ||
	    !topic_run(a, AUDIT_CERTS, audit_certificate_take, e) ||
	    !audit_topic_mark(a, AUDIT_CRL, e) || !topic_run(a, AUDIT_STATE, audit_state_take, e) ||
	    !audit_topic_read(a, AUDIT_CRL, audit_crl_take, e) ||
	    !topic_run(a, AUDIT_REVOKED, audit_revoked_take, e) ||
	    !topic_run(a, AUDIT_TRAIL, audit_record_take, e))
		return false;
	for (size_t i = AUDIT_RESPONSES; i < a->topic_count; i++)
		if (!topic_run(a, i, audit_answer_take, e))
			return false;
	return true;
}

static MUST_USE bool
audit_open(struct audit *a, struct err *e)
{
	a->digest = EVP_MD_CTX_new();
	a->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (a->digest == NULL || a->sha256 == NULL)
		return err_openssl(e, "SHA-256");
	a->crls = crl_book_new();
	a->facts = facts_new(FACTS_MEMORY);
	a->revocations = facts_new(FACTS_MEMORY);
	a->queue = options_queue(a->o);
	a->progress.began_us = a->progress.said_us = time_monotonic_us();
	a->probe = queue_probe_open(&a->queue, e);
	if (a->probe == NULL || !queue_ping(a->probe, PING_MS, e) || !audit_topics_begin(a, e))
		return false;
	for (size_t i = 0; i < AUDIT_REQUESTS; i++)
		a->chains[i] = arena_array(
		    &a->memory, (size_t)a->topics[i].count, sizeof(*a->chains[i]));
	return audit_cut_take(a, &a->cut, e);
}

static void
audit_close(struct audit *a)
{
	queue_probe_close(a->probe);
	facts_free(a->facts);
	facts_free(a->revocations);
	crl_book_free(a->crls);
	free(a->state);
	EVP_MD_CTX_free(a->digest);
	EVP_MD_free(a->sha256);
	arena_done(&a->memory);
	arena_done(&a->message);
}
#define SCOPED_AUDIT __attribute__((cleanup(audit_close)))

static MUST_USE bool
audit_run(struct audit *a, struct err *e)
{
	if (!audit_open(a, e))
		return false;
	audit_cut_say(a);
	if (!topics_run(a, e) || !audit_chain_end(a, e))
		return false;
	audit_cut_judge(a);
	a->progress.topic = "judging";
	/* what answers say of revocations is added to the others while requests are judged */
	return audit_judge_all(a, a->facts, e) && audit_judge_all(a, a->revocations, e);
}

/* ---- the command ---- */

/* A time, or how long ago. */
static MUST_USE bool
time_option(const char *text, const char *name, int64_t *ret_ms, struct err *e)
{
	struct err not_a_span = { 0 };
	int64_t seconds;

	if (text == NULL)
		return true;
	if (timespan_parse(slice_text(text), name, &seconds, &not_a_span)) {
		*ret_ms = time_now_ms() - seconds * 1000;
		return true;
	}
	if (!time_parse_rfc3339(slice_text(text), name, &seconds, e))
		return err_set(e, ERR_INVALID_VALUE,
		    "-%s is a time (2026-01-31T12:00:00Z) or how long ago (24h), not \"%.60s\"",
		    name, text);
	*ret_ms = seconds * 1000;
	return true;
}

static MUST_USE bool
audit_options(struct audit *a, struct err *e)
{
	a->range = (struct audit_range){ INT64_MIN, INT64_MAX };
	a->window_ms = a->o->dedup_window * 1000;
	a->report.json = strcmp(a->o->format, "json") == 0;
	if (strcmp(a->o->words[0], "verify") != 0)
		return err_set(e, ERR_INVALID_VALUE, "there is no `certmill audit %.60s`: verify",
		    a->o->words[0]);
	return show_check(a->o, e) && time_option(a->o->since, "since", &a->range.since_ms, e) &&
	    time_option(a->o->until, "until", &a->range.until_ms, e);
}

enum status
audit(struct options *o)
{
	struct audit SCOPED_AUDIT a = { .o = o };
	struct err e = { 0 };

	if (!audit_options(&a, &e) || !audit_run(&a, &e))
		return fail_with(&e);
	if (!report_summary(&a)) {
		fprintf(stderr, "certmill: standard output does not take what was found\n");
		return STATUS_FAILED;
	}
	return report_count(&a.report) == 0 ? STATUS_OK : STATUS_VIOLATED;
}
