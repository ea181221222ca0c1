/* Each request message: one answer, or one record in `.rejects`, or sent on to its home; and one entry in `.audit`. */
#include "audit.h"

#include "timespan.h"

struct request_state {
	struct audit_place source;
	bool asked, anywhere; /* its message was read */
	int64_t at;           /* its timestamp */
	int64_t entries, rejects, answers;
	struct fact entry;   /* the first */
	struct fact subject; /* what it revoked; kind FACT_SUBJECT when there is one */
	struct audit_place first_answer;
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

static void
certificate_take(struct audit *a, const struct request_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);

	if (s->entries > 0 && s->entry.other != 0 && s->entry.other != f->other)
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
		    "the audit names another certificate for request %s",
		    report_place(a, &s->source));
}

static void
reject_take(struct audit *a, struct request_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);

	if (s->rejects++ > 0)
		report_violation(a, VIOLATION_ANSWERED_TWICE, &place, f->at,
		    "request %s was rejected before", report_place(a, &s->source));
	else if (s->entries > 0 && (s->entry.flags & FACT_REROUTED) != 0)
		report_violation(a, VIOLATION_ANSWER_UNEXPECTED, &place, f->at,
		    "request %s was sent on to its home", report_place(a, &s->source));
}

/* Known by the audit, where that goes back so far, as one that is answered. */
static bool
answer_is_expected(const struct audit *a, const struct request_state *s, const struct fact *f)
{
	if (s->entries > 0)
		return (s->entry.flags & (FACT_REROUTED | FACT_REJECTED)) == 0;
	return s->asked || !audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, f->at);
}

/* An answer names the certificate that its request made; a replay's stands with the id. */
static bool
answer_differs(const struct request_state *s, const struct fact *f)
{
	return s->entries > 0 && (f->flags & FACT_REPLAYED) == 0 &&
	    s->source.topic != AUDIT_REVOKE && f->other != s->entry.other;
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
	struct audit_place place = place_of(f);

	if (s->answers++ == 0)
		s->first_answer = place;
	else
		report_violation(a, VIOLATION_ANSWERED_TWICE, &place, f->at,
		    "request %s was answered before, in %s", report_place(a, &s->source),
		    report_place(a, &s->first_answer));
	if (!answer_is_expected(a, s, f))
		report_violation(a, VIOLATION_ANSWER_UNEXPECTED, &place, f->at,
		    "the audit has no answered request %s", report_place(a, &s->source));
	else if (answer_differs(s, f))
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
		    "the audit names another certificate for request %s",
		    report_place(a, &s->source));
	return answer_confirms(a, s, f, e);
}

/* Only where what is kept goes back to the request: what has left cannot be missed. */
static bool
answer_is_demanded(const struct audit *a, const struct request_state *s)
{
	size_t topic = AUDIT_RESPONSES;
	int32_t partition = AUDIT_ANY;

	if (s->entries > 0 && (s->entry.flags & FACT_REJECTED) != 0) {
		topic = AUDIT_REJECTS;
	} else if (s->entries > 0) {
		topic = s->entry.ref & 0xff;
		if (!s->anywhere)
			partition = (int32_t)(s->entry.ref >> 8);
	}
	return topic < a->topic_count && audit_reaches(a, topic, partition, s->at);
}

static void
request_end(struct audit *a, const struct request_state *s)
{
	bool rerouted = s->entries > 0 && (s->entry.flags & FACT_REROUTED) != 0;
	bool rejected = s->entries > 0 && (s->entry.flags & FACT_REJECTED) != 0;

	if (!s->asked && s->entries == 0)
		return; /* what is left of one that retention has removed */
	if (s->entries == 0 && audit_reaches(a, AUDIT_TRAIL, AUDIT_ANY, s->at))
		report_violation(
		    a, VIOLATION_NOT_AUDITED, &s->source, s->at, "no entry in .audit is about it");
	if (rerouted || s->rejects > 0 || (s->answers > 0 && !rejected) ||
	    !answer_is_demanded(a, s))
		return;
	report_violation(a, VIOLATION_UNANSWERED, &s->source, s->at,
	    rejected ? "the audit says that it was rejected, .rejects lacks it"
		     : "it has neither an answer nor a record in .rejects");
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
