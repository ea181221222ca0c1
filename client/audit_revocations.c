/*
 * Each revocation: in `.revoked` and in `.audit`, and on every CRL of its issuer from the one that its answer named until it
 * has been on one past the certificate's end. Where the answer is gone, the times say which CRL was made after it; the last
 * one must hold it in any case. `.crl` has one partition, and each issuer one shard.
 */
#include "audit.h"

#include "audit_book.h"

#include <inttypes.h>

/* An entry may stay so long after the certificate's end: the most that the workers' windows.clocks may be. */
#define GRACE_S 300

/* From one CRL on it is listed, or is not. */
struct turn {
	size_t page;
	bool listed;
};

struct revocation_state {
	bool recorded, entered, any_record, has_ref;
	struct fact record; /* the last of `.revoked`, a tombstone too; recorded: it is none */
	struct fact entry;  /* the first of `.audit` */
	int64_t number;     /* of the CRL that an answer named; 0: none did */
	int64_t not_after;  /* INT64_MAX: not known */
	uint32_t ref;       /* of its issuer's CRLs */
	struct turn *turns; /* in the arena of the message */
	size_t count, capacity;
};

static void
turn_add(struct audit *a, struct revocation_state *s, const struct fact *f)
{
	struct turn *more;

	if (!s->has_ref)
		s->ref = f->ref; /* nobody says whose it is but the CRL itself */
	s->has_ref = true;
	if (f->ref != s->ref)
		return;
	if (s->count == s->capacity) {
		s->capacity = s->capacity == 0 ? 4 : 2 * s->capacity;
		more = arena_array(&a->message, s->capacity, sizeof(*more));
		if (s->count > 0)
			memcpy(more, s->turns, s->count * sizeof(*more));
		s->turns = more;
	}
	s->turns[s->count++] = (struct turn){ (size_t)f->number, (f->flags & FACT_GONE) == 0 };
}

/*
 * It may leave when it was on one past its end. Where the CRL before is not on the topic, its time was not later than this
 * one's. A thisUpdate may be of a clock that is fast: by the time of the record, too, the certificate must have ended.
 */
static bool
may_have_left(const struct revocation_state *s, const struct crl_pages *p, size_t page)
{
	const struct crl_page *now = &p->at[page], *before = page == 0 ? NULL : now - 1;
	bool known = before != NULL && before->number + 1 == now->number;

	return s->not_after != INT64_MAX && s->not_after <= now->at_ms / 1000 &&
	    s->not_after < (known ? before->this_update : now->this_update);
}

static bool
should_have_left(const struct revocation_state *s, const struct crl_pages *p, size_t page)
{
	return page > 0 && s->not_after < p->at[page - 1].this_update - GRACE_S;
}

static bool
is_decided(const struct revocation_state *s)
{
	return s->entered && (s->entry.flags & FACT_UNDECIDED) == 0;
}

/* Recorded, and its entry in the audit is gone, or is before the range: when it was answered is not known. */
static bool
is_of_old(const struct audit *a, const struct revocation_state *s)
{
	return s->recorded && !s->entered &&
	    (s->record.at < a->range.since_ms ||
		!audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, s->record.at));
}

/* The first CRL that must hold it, the last in any case; p->count: none, so far. */
static size_t
first_due(const struct audit *a, const struct revocation_state *s, const struct crl_pages *p)
{
	const int64_t made_ms = s->entry.number + AUDIT_CLOCKS_MS;
	size_t page = 0, last = p->count - 1;

	if (s->number > 0) {
		while (page < last && p->at[page].number < s->number)
			page++;
		return page;
	}
	if (is_decided(s)) {
		while (page < last && p->at[page].this_update * 1000 <= made_ms)
			page++;
		return page;
	}
	return is_of_old(a, s) ? last : p->count;
}

/* From page on, before end, it is or is not listed. */
static void
stretch_judge(struct audit *a, const struct revocation_state *s, const struct crl_pages *p,
    size_t page, size_t end, bool listed)
{
	const struct crl_page *at;

	while (listed && page < end && !should_have_left(s, p, page))
		page++;
	if (page >= end || (!listed && may_have_left(s, p, page)))
		return;
	at = &p->at[page];
	report_violation(a, listed ? VIOLATION_CRL_EXPIRED_ENTRY : VIOLATION_CRL_INCOMPLETE,
	    &(struct audit_place){ AUDIT_CRL, 0, at->offset }, at->at_ms,
	    listed ? "number %" PRId64 " lists what expired long before the CRL before it (%s)"
		   : "number %" PRId64 " lacks a revocation that was answered before (%s)",
	    at->number,
	    s->entered
		? report_place(a,
		      &(struct audit_place){ s->entry.topic, s->entry.partition, s->entry.offset })
		: report_place(a,
		      &(struct audit_place){
			  s->record.topic, s->record.partition, s->record.offset }));
}

static void
lists_judge(struct audit *a, const struct revocation_state *s, const struct crl_pages *p)
{
	size_t due = first_due(a, s, p), page = 0;
	bool listed = false;

	for (size_t i = 0; i <= s->count; i++) {
		size_t end = i < s->count ? s->turns[i].page : p->count;
		size_t from = !listed && page < due ? due : page;

		stretch_judge(a, s, p, from, end, listed);
		if (i < s->count)
			listed = s->turns[i].listed;
		page = end;
	}
}

/* On the last CRL of its key, and not (any more) in `.revoked`. */
static void
listed_judge(struct audit *a, const struct revocation_state *s, const struct crl_pages *p)
{
	const struct crl_page *last = &p->at[p->count - 1];
	bool leaves = s->not_after != INT64_MAX && s->not_after < last->this_update;

	if (s->count == 0 || !s->turns[s->count - 1].listed || s->recorded)
		return;
	if (s->any_record && (leaves || s->not_after == INT64_MAX))
		return; /* its tombstone may be of a CRL that was made after this one was read */
	report_violation(a, VIOLATION_CRL_UNRECORDED_ENTRY,
	    &(struct audit_place){ AUDIT_CRL, 0, last->offset }, last->at_ms,
	    "number %" PRId64 " lists a serial number that .revoked lacks", last->number);
}

static void
ledger_judge(struct audit *a, const struct revocation_state *s, const struct crl_pages *p)
{
	struct audit_place entry = { s->entry.topic, s->entry.partition, s->entry.offset };
	struct audit_place record = { s->record.topic, s->record.partition, s->record.offset };
	bool left = p->count > 0 && s->not_after < p->at[p->count - 1].this_update;

	if (s->recorded && !s->entered && audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, s->record.at))
		report_violation(a, VIOLATION_REVOCATION_NOT_AUDITED, &record, s->record.at,
		    "no entry of .audit accounts for it");
	if (is_decided(s) && !s->any_record && !left)
		report_violation(a, VIOLATION_REVOCATION_MISSING, &entry, s->entry.at,
		    ".revoked lacks the revocation of one of its entries");
	if (p->count == 0 && !p->deleted && (is_decided(s) || (s->recorded && !s->entered)))
		report_violation(a, VIOLATION_CRL_INCOMPLETE, is_decided(s) ? &entry : &record,
		    is_decided(s) ? s->entry.at : s->record.at,
		    "it was revoked, and its issuer has no CRL");
}

static void
revocation_end(struct audit *a, struct revocation_state *s)
{
	struct crl_pages pages = { 0 };

	if (!s->has_ref)
		return; /* all that is left is a tombstone */
	pages = crl_book_pages(a->crls, s->ref);
	ledger_judge(a, s, &pages);
	if (pages.count == 0)
		return;
	lists_judge(a, s, &pages);
	listed_judge(a, s, &pages);
}

static void
record_take(struct revocation_state *s, const struct fact *f)
{
	s->any_record = true;
	s->recorded = (f->flags & FACT_GONE) == 0;
	s->record = *f;
	if (!s->recorded)
		return;
	s->not_after = f->other;
	s->has_ref = true;
	s->ref = f->ref;
}

static void
entry_take(struct revocation_state *s, const struct fact *f)
{
	if (s->entered)
		return; /* a second one: its certificate is judged elsewhere */
	s->entered = true;
	s->entry = *f;
	s->has_ref = true;
	s->ref = f->ref;
	if (f->other != SCHEMA_ABSENT)
		s->not_after = f->other;
}

static bool
take(struct audit *a, void *state, const struct fact *f, struct err *e)
{
	struct revocation_state *s = state;

	(void)e;
	if (f == NULL) {
		revocation_end(a, s);
		return true;
	}
	if (s->not_after == 0)
		s->not_after = INT64_MAX;
	switch (f->kind) {
	case FACT_REVOKED:
		record_take(s, f);
		return true;
	case FACT_REVOCATION:
		entry_take(s, f);
		return true;
	case FACT_CONFIRMED:
		if (s->number == 0)
			s->number = f->number; /* the lowest comes first */
		return true;
	default:
		turn_add(a, s, f);
		return true;
	}
}

const struct judge judge_of_revocations = { sizeof(struct revocation_state), take };
