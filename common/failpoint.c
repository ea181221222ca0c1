#include "failpoint.h"

#ifdef CERTMILL_FAILPOINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POINT_MAX 16 /* in one CERTMILL_FAILPOINT */

struct point {
	struct slice name, action;
	unsigned long at; /* which pass; 0: each */
};

static struct slice
slice_until(struct slice *rest, char end)
{
	const uint8_t *found = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
	size_t len = found == NULL ? rest->len : (size_t)(found - rest->data);
	struct slice taken = slice_of(rest->data, len);

	len += found != NULL;
	*rest = slice_of(rest->data + len, rest->len - len);
	return taken;
}

/* name=action or name=action@pass */
static struct point
point_read(struct slice text)
{
	struct point p = { .name = slice_until(&text, '=') };

	p.action = slice_until(&text, '@');
	if (text.len > 0)
		p.at = strtoul((const char *)text.data, NULL, 10);
	return p;
}

static bool
point_act(const struct point *p)
{
	if (slice_is(p->action, "kill"))
		raise(SIGKILL);
	else if (slice_is(p->action, "stop"))
		raise(SIGSTOP);
	else if (slice_is(p->action, "wait"))
		sleep(1);
	else if (slice_is(p->action, "fail"))
		return true;
	else
		fprintf(stderr, "failpoint: no such action: %.*s\n", SLICE_FMT(p->action));
	return false;
}

bool
failpoint_hit(const char *name)
{
	static atomic_ulong passes[POINT_MAX];
	struct slice rest = slice_text(getenv("CERTMILL_FAILPOINT"));
	bool failed = false;

	for (size_t i = 0; rest.len > 0 && i < POINT_MAX; i++) {
		struct point p = point_read(slice_until(&rest, ','));

		if (!slice_is(p.name, name))
			continue;
		if (p.at == 0 || atomic_fetch_add(&passes[i], 1) + 1 == p.at)
			failed |= point_act(&p);
	}
	return failed;
}

void
failpoint_hit_by(const char *name, struct slice bytes, const char *pill)
{
	if (bytes.data != NULL && memmem(bytes.data, bytes.len, pill, strlen(pill)) != NULL)
		(void)failpoint_hit(name);
}

#endif
