/* Each request message: one answer, or one record in `.rejects`, or sent on to its home; and one entry in `.audit` that says so. */
#include "audit.h"

#include "timespan.h"

struct request_state {
	struct audit_place source;
	bool asked, anywhere; /* its message was read */
	int64_t at;           /* its timestamp */
	int64_t entries, rejects, answers;
	struct fact entry, reject, answer; /* the first of each */
	struct fact subject;     /* what it revoked; kind FACT_SUBJECT when there is one */
	struct fact certificate; /* kind FACT_CERTIFICATE when there is one: the first */
};

static struct audit_place
place_of(const struct fact *f)
{
	return (struct audit_place){ f->topic, f->partition, f->offset };
}

static void
entry_take(struct audit *a, struct request_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);

	if (s->entries++ == 0) {
		s->entry = *f;
		if (!s->asked)
			s->at = f->at;
	} else {
		report_violation(a, VIOLATION_AUDITED_TWICE, &place, f->at,
		    "request %s has an entry in %s already", report_place(a, &s->source),
		    report_place(a,
			&(struct audit_place){
			    s->entry.topic, s->entry.partition, s->entry.offset }));
	}
	if ((f->flags & FACT_NOT_HOME) != 0)
		report_violation(a, VIOLATION_NOT_AT_HOME, &place, f->at, "request %s was %s",
		    report_place(a, &s->source),
		    (f->flags & FACT_REROUTED) != 0 ? "at home, and sent on"
						    : "done in a partition that is not its home");
}

static bool
entry_has(const struct request_state *s, unsigned flags)
{
	return s->entries > 0 && (s->entry.flags & flags) != 0;
}

static void
certificate_take(struct audit *a, struct request_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);

	if (s->certificate.kind != FACT_CERTIFICATE)
		s->certificate = *f;
	if (s->entries > 0 && s->entry.other != 0 && s->entry.other != f->other)
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
		    "the audit names another certificate for request %s",
		    report_place(a, &s->source));
}

static void
reject_take(struct audit *a, struct request_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);

	if (s->rejects++ == 0)
		s->reject = *f;
	else
		report_violation(a, VIOLATION_ANSWERED_TWICE, &place, f->at,
		    "request %s was rejected before", report_place(a, &s->source));
}

/* As the audit has it; or one that killed its worker, which is answered as well. A replay's answer alone says that it did. */
static bool
reject_is_expected(struct audit *a, const struct request_state *s)
{
	const uint32_t internal = audit_mark(a, SLICE_LITERAL("internal"));

	if (s->entries == 0)
		return s->asked || !audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, s->reject.at);
	if (entry_has(s, FACT_REPLAYED))
		return s->answers == 0 ||
		    ((s->answer.flags & FACT_REFUSED) != 0 && s->answer.mark == internal);
	return entry_has(s, FACT_REJECTED) ||
	    (entry_has(s, FACT_REFUSED) && s->entry.mark == internal);
}

static void
reject_judge(struct audit *a, const struct request_state *s)
{
	struct audit_place place = place_of(&s->reject);

	if (s->rejects > 0 && !reject_is_expected(a, s))
		report_violation(a, VIOLATION_ANSWER_UNEXPECTED, &place, s->reject.at,
		    "the audit has no rejected request %s", report_place(a, &s->source));
}

/* Known by the audit, where that goes back so far, as one that is answered. */
static bool
answer_is_expected(const struct audit *a, const struct request_state *s, const struct fact *f)
{
	if (s->entries > 0)
		return !entry_has(s, FACT_REROUTED | FACT_REJECTED);
	return s->asked || !audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, f->at);
}

/*
 * Done or refused, and why, as the audit has it. What a query is asked for is looked up when its answer is made, after it was
 * admitted: only where it was not does the audit know how it was answered.
 */
static bool
status_differs(const struct request_state *s, const struct fact *f)
{
	unsigned differing = s->entry.flags ^ f->flags;

	if ((differing & FACT_REPLAYED) != 0)
		return true;
	if ((f->flags & FACT_REPLAYED) != 0)
		return false; /* it says what was said before */
	if (entry_has(s, FACT_REFUSED))
		return (differing & FACT_REFUSED) != 0 || s->entry.mark != f->mark;
	return (differing & FACT_REFUSED) != 0 && s->source.topic != AUDIT_QUERY;
}

/* A revocation that is answered as one is one in the audit, and the other way round. A dry run says nothing of it. */
static bool
revocation_differs(struct audit *a, const struct request_state *s, const struct fact *f)
{
	bool revoked = s->subject.kind == FACT_SUBJECT;

	return s->source.topic == AUDIT_REVOKE && f->mark != 0 &&
	    revoked != (f->mark == audit_mark(a, SLICE_LITERAL("revoked")));
}

/* An answer names the certificate that its request made, and shows it. */
static bool
certificate_differs(const struct request_state *s, const struct fact *f)
{
	if (s->source.topic == AUDIT_REVOKE)
		return false;
	if (f->other != s->entry.other)
		return true;
	return f->other != 0 && s->certificate.kind == FACT_CERTIFICATE &&
	    s->certificate.other == f->other && s->certificate.mark != f->mark;
}

/* A replay's certificate stands with the id. */
static void
answer_judge(struct audit *a, const struct request_state *s, const struct fact *f)
{
	bool done = (f->flags & (FACT_REPLAYED | FACT_REFUSED)) == 0;
	struct audit_place place = place_of(f);

	if (status_differs(s, f) || (done && revocation_differs(a, s, f)))
		report_violation(a, VIOLATION_ANSWER_DIFFERS, &place, f->at,
		    "the audit says something else of request %s", report_place(a, &s->source));
	else if (done && certificate_differs(s, f))
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
		    "the audit or .certs has another certificate for request %s",
		    report_place(a, &s->source));
}

/* An answer to a revocation names the first CRL that holds it. */
static MUST_USE bool
answer_confirms(struct audit *a, const struct request_state *s, const struct fact *f, struct err *e)
{
	struct fact confirmed = *f;

	if (s->subject.kind != FACT_SUBJECT || s->source.topic != AUDIT_REVOKE || f->other <= 0)
		return true;
	confirmed.subject = ABOUT_REVOCATION;
	confirmed.kind = FACT_CONFIRMED;
	confirmed.number = f->other;
	memcpy(confirmed.about, &s->subject.number, sizeof(s->subject.number));
	memcpy(confirmed.about + sizeof(s->subject.number), &s->subject.other,
	    sizeof(s->subject.other));
	return facts_add(a->revocations, &confirmed, e);
}

static MUST_USE bool
answer_take(struct audit *a, struct request_state *s, const struct fact *f, struct err *e)
{
	struct audit_place place = place_of(f), first = place_of(&s->answer);

	if (s->answers++ == 0)
		s->answer = *f;
	else
		report_violation(a, VIOLATION_ANSWERED_TWICE, &place, f->at,
		    "request %s was answered before, in %s", report_place(a, &s->source),
		    report_place(a, &first));
	if (!answer_is_expected(a, s, f))
		report_violation(a, VIOLATION_ANSWER_UNEXPECTED, &place, f->at,
		    "the audit has no answered request %s", report_place(a, &s->source));
	else if (s->entries > 0)
		answer_judge(a, s, f);
	return answer_confirms(a, s, f, e);
}

/* Only where what is kept goes back to the request: what has left cannot be missed. */
static bool
answer_is_demanded(const struct audit *a, const struct request_state *s)
{
	size_t topic = AUDIT_RESPONSES;
	int32_t partition = AUDIT_ANY;

	if (entry_has(s, FACT_REJECTED)) {
		topic = AUDIT_REJECTS;
	} else if (s->entries > 0) {
		topic = s->entry.ref & 0xff;
		if (!s->anywhere)
			partition = (int32_t)(s->entry.ref >> 8);
	}
	return topic < a->topic_count && audit_reaches(a, topic, partition, s->at);
}

/* What the audit says of it is what it must have got; a reject does for an answer only where the audit does not say. */
static bool
request_is_settled(const struct request_state *s)
{
	if (s->entries == 0)
		return s->rejects > 0 || s->answers > 0;
	if (entry_has(s, FACT_REROUTED))
		return true;
	return entry_has(s, FACT_REJECTED) ? s->rejects > 0 : s->answers > 0;
}

static void
request_end(struct audit *a, const struct request_state *s)
{
	bool rejected = entry_has(s, FACT_REJECTED);

	reject_judge(a, s);
	if (!s->asked && s->entries == 0)
		return; /* what is left of one that retention has removed */
	if (s->entries == 0 && audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, s->at))
		report_violation(
		    a, VIOLATION_NOT_AUDITED, &s->source, s->at, "no entry in .audit is about it");
	if (request_is_settled(s) || !answer_is_demanded(a, s))
		return;
	report_violation(a, VIOLATION_UNANSWERED, &s->source, s->at,
	    rejected ? "the audit says that it was rejected, .rejects lacks it"
		     : "it has no answer");
}

static bool
take(struct audit *a, void *state, const struct fact *f, struct err *e)
{
	struct request_state *s = state;

	if (f == NULL) {
		request_end(a, s);
		return true;
	}
	s->source = audit_source_of(f);
	switch (f->kind) {
	case FACT_REQUEST:
		s->asked = true;
		s->anywhere = (f->flags & FACT_ANYWHERE) != 0;
		s->at = f->at;
		return true;
	case FACT_ENTRY:
		entry_take(a, s, f);
		return true;
	case FACT_SUBJECT:
		s->subject = *f;
		return true;
	case FACT_CERTIFICATE:
		certificate_take(a, s, f);
		return true;
	case FACT_REJECT:
		reject_take(a, s, f);
		return true;
	default:
		return answer_take(a, s, f, e);
	}
}

const struct judge judge_of_requests = { sizeof(struct request_state), take };
