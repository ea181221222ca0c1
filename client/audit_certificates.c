/* Each certificate: once in `.certs`, once in `.audit`; and no id with two of them. */
#include "audit.h"

#include "timespan.h"

static struct audit_place
place_of(const struct fact *f)
{
	return (struct audit_place){ f->topic, f->partition, f->offset };
}

/* ---- a serial number ---- */

struct serial_state {
	struct fact entry, record; /* the first of each */
	size_t entries, records;
};

static void
serial_end(struct audit *a, const struct serial_state *s)
{
	struct audit_place entry = place_of(&s->entry), record = place_of(&s->record);

	if (s->entries == 0 && audit_reaches(a, AUDIT_TRAIL, (int32_t)s->record.ref, s->record.at))
		report_violation(a, VIOLATION_CERTIFICATE_NOT_AUDITED, &record, s->record.at,
		    "no entry of .audit accounts for it");
	if (s->records == 0 && audit_reaches(a, AUDIT_CERTS, (int32_t)s->entry.ref, s->entry.at))
		report_violation(a, VIOLATION_CERTIFICATE_MISSING, &entry, s->entry.at,
		    ".certs lacks the certificate of one of its entries");
}

static bool
serial_take(struct audit *a, void *state, const struct fact *f, struct err *e)
{
	struct serial_state *s = state;
	struct audit_place place, first;

	(void)e;
	if (f == NULL) {
		serial_end(a, s);
		return true;
	}
	place = place_of(f);
	if (f->kind == FACT_ENTRY) {
		first = place_of(&s->entry);
		if (s->entries++ == 0)
			s->entry = *f;
		else
			report_violation(a, VIOLATION_AUDITED_TWICE, &place, f->at,
			    "a certificate of its entries was audited in %s already",
			    report_place(a, &first));
		return true;
	}
	first = place_of(&s->record);
	if (s->records++ == 0)
		s->record = *f;
	else
		report_violation(a, VIOLATION_DUPLICATE_SERIAL, &place, f->at,
		    "its serial number stands in %s already", report_place(a, &first));
	return true;
}

const struct judge judge_of_certificates = { sizeof(struct serial_state), serial_take };

/* ---- an id ---- */

/* One certificate of the id. */
struct made {
	int64_t mark;    /* of its serial number */
	int64_t at;      /* the request's timestamp */
	int64_t decided; /* the audit's, or else the request's */
	struct audit_place place;
	uint32_t der; /* its mark; 0: there is no record of it */
};

struct id_state {
	struct made *made; /* in the arena of the message */
	size_t count, capacity;
};

static struct made *
made_of(struct audit *a, struct id_state *s, const struct fact *f)
{
	struct made *more;

	for (size_t i = 0; i < s->count; i++)
		if (s->made[i].mark == f->other)
			return &s->made[i];
	if (s->count == s->capacity) {
		s->capacity = s->capacity == 0 ? 4 : 2 * s->capacity;
		more = arena_array(&a->message, s->capacity, sizeof(*more));
		if (s->count > 0)
			memcpy(more, s->made, s->count * sizeof(*more));
		s->made = more;
	}
	s->made[s->count] = (struct made){ f->other, f->at, f->at, place_of(f), 0 };
	return &s->made[s->count++];
}

/* Its certificates were read with those of a window before the range, so that it can be judged from a window into it on. */
static void
replay_take(struct audit *a, const struct id_state *s, const struct fact *f)
{
	struct audit_place place = place_of(f);
	const struct made *of = NULL;

	for (size_t i = 0; i < s->count && of == NULL; i++)
		if (s->made[i].mark == f->other)
			of = &s->made[i];
	if (of != NULL && of->der != 0 && of->der != f->mark)
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
		    "it shows another certificate than %s", report_place(a, &of->place));
	if (of != NULL || s->count == 0 ||
	    (!audit_is_whole(a, AUDIT_TRAIL) && f->at - a->window_ms < a->range.since_ms))
		return;
	report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, f->at,
	    "it replays a certificate that was not made under its id");
}

static int
place_cmp(const struct audit_place *a, const struct audit_place *b)
{
	if (a->topic != b->topic)
		return a->topic < b->topic ? -1 : 1;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static int
made_cmp(const void *left, const void *right)
{
	const struct made *a = left, *b = right;

	if (a->decided != b->decided)
		return a->decided < b->decided ? -1 : 1;
	return place_cmp(&a->place, &b->place);
}

/* A claim lives for the window from its decision on, and that is not before its request came. */
static void
id_end(struct audit *a, struct id_state *s)
{
	if (s->count < 2)
		return;
	qsort(s->made, s->count, sizeof(*s->made), made_cmp);
	for (size_t j = 1; j < s->count; j++) {
		size_t i = 0;

		while (i < j && s->made[j].decided - s->made[i].at >= a->window_ms)
			i++;
		if (i < j)
			report_violation(a, VIOLATION_TWO_CERTIFICATES, &s->made[j].place,
			    s->made[j].at, "its request id has the certificate of %s already",
			    report_place(a, &s->made[i].place));
	}
}

static void
record_take(struct made *made, const struct fact *f)
{
	made->place = place_of(f);
	made->der = f->mark;
}

static bool
id_take(struct audit *a, void *state, const struct fact *f, struct err *e)
{
	struct id_state *s = state;

	(void)e;
	if (f == NULL)
		id_end(a, s);
	else if (f->kind == FACT_ANSWER)
		replay_take(a, s, f);
	else if (f->kind == FACT_ENTRY)
		made_of(a, s, f)->decided = f->number;
	else
		record_take(made_of(a, s, f), f);
	return true;
}

const struct judge judge_of_ids = { sizeof(struct id_state), id_take };
