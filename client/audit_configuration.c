/*
 * Each mount, issuer and role that a certificate was signed under: did `.state` hold it at that offset? `.state` is compacted,
 * so what it shows of a key is its last record and any number of those before it. Where that does not tell, the changes that
 * the audit knows of do; and where neither does, it is counted as not judged.
 */
#include "audit.h"

#include <inttypes.h>

struct held {
	int64_t offset;
	bool gone;
};

struct configuration_state {
	struct held *held; /* by offset, in the arena of the message */
	size_t count, capacity;
	int64_t changed; /* the state_offset of the first change */
	bool any_change;
};

enum verdict { HELD, NOT_HELD, NOT_KNOWN };

static void
state_add(struct audit *a, struct configuration_state *s, const struct fact *f)
{
	struct held *more;

	if (s->count == s->capacity) {
		s->capacity = s->capacity == 0 ? 8 : 2 * s->capacity;
		more = arena_array(&a->message, s->capacity, sizeof(*more));
		if (s->count > 0)
			memcpy(more, s->held, s->count * sizeof(*more));
		s->held = more;
	}
	s->held[s->count++] = (struct held){ f->number, (f->flags & FACT_GONE) != 0 };
}

/* A record can have been removed only if a later one of its key stands. */
static enum verdict
use_judge(const struct audit *a, const struct configuration_state *s, int64_t offset)
{
	size_t before = s->count;

	while (before > 0 && s->held[before - 1].offset > offset)
		before--;
	if (before > 0 && !s->held[before - 1].gone)
		return HELD;
	if (before > 0)
		return before == s->count ? NOT_HELD : NOT_KNOWN;
	if (s->any_change && s->changed < offset)
		return NOT_KNOWN;
	return audit_is_whole(a, AUDIT_TRAIL) ? NOT_HELD : NOT_KNOWN;
}

static void
use_take(struct audit *a, const struct configuration_state *s, const struct fact *f)
{
	static const char *const names[] = { "mount", "issuer", "role" };
	struct audit_place place = { f->topic, f->partition, f->offset };
	enum verdict verdict = use_judge(a, s, f->number);

	if (verdict == NOT_KNOWN)
		a->report.unjudged += audit_in_range(a, f->at);
	if (verdict == NOT_HELD)
		report_violation(a, VIOLATION_UNKNOWN_CONFIGURATION, &place, f->at,
		    "the %s of its entry for offset %" PRId64
		    " was not in .state at offset %" PRId64,
		    names[f->ref % 3], f->other, f->number);
}

static bool
take(struct audit *a, void *state, const struct fact *f, struct err *e)
{
	struct configuration_state *s = state;

	(void)e;
	if (f == NULL)
		return true;
	if (f->kind == FACT_STATE) {
		state_add(a, s, f);
	} else if (f->kind == FACT_CHANGE) {
		if (!s->any_change)
			s->changed = f->number;
		s->any_change = true;
	} else {
		use_take(a, s, f);
	}
	return true;
}

const struct judge judge_of_configuration = { sizeof(struct configuration_state), take };
