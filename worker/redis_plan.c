#include "redis_plan.h"

#include <stdio.h>

/* A line of INFO that must be there, or begin so. */
struct demand {
	const char *line;
	enum err_code otherwise; /* ERR_NONE: a warning */
	bool failover;           /* only where sentinels choose the primary */
	const char *message;     /* behind "Redis at ADDRESS" */
};

/* clang-format off */
static const struct demand demands[] = {
	{ "\nmaxmemory_policy:noeviction", ERR_CONFIG, false, "does not run with maxmemory-policy noeviction: it would forget claims" },
	{ "\ncluster_enabled:0",           ERR_CONFIG, false, "is a cluster's: one script changes rows of many slots" },
	{ "\nrole:master",                 ERR_STORE,  false, "is a replica: it takes no writes" },
	/*
	 * INFO has it only where min-replicas-to-write and min-replicas-max-lag are both set. Not demanded: with one replica it
	 * would leave nobody to write to after a failover, and what a cut-off primary takes is found and folded (view.h).
	 */
	{ "\nmin_slaves_good_slaves:",     ERR_NONE,   true,  "takes writes without a replica (min-replicas-to-write 0): cut off by a failover that it does not notice, it is worked on until the cut ends; then the view is lost and folded" },
};
/* clang-format on */

static struct store_reply *
info_ask(const struct settings *s, struct store **ret, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("INFO") };

	*ret = store_open(&s->store, e);
	return *ret == NULL ? NULL : store_command(*ret, argv, 1, e);
}

static bool
info_has(const struct store_reply *r, const char *line)
{
	struct slice info = store_text(r);

	return info.len > 0 && memmem(info.data, info.len, line, strlen(line)) != NULL;
}

/* The first demand of this kind that is not met; NULL: none. */
static const struct demand *
demand_unmet(const struct settings *s, const struct store_reply *r, bool warning)
{
	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
		const struct demand *d = &demands[i];

		if ((d->otherwise == ERR_NONE) == warning &&
		    (!d->failover || s->sentinels != NULL) && !info_has(r, d->line))
			return d;
	}
	return NULL;
}

bool
redis_check(const struct settings *s, struct err *e)
{
	struct store *store;
	struct store_reply *r = info_ask(s, &store, e);
	const struct demand *unmet = r == NULL ? NULL : demand_unmet(s, r, false);
	bool ok = r != NULL;

	if (unmet != NULL)
		ok = err_set(
		    e, unmet->otherwise, "Redis at %s %s", store_address(store), unmet->message);
	store_reply_free(r);
	store_close(store);
	return ok;
}

bool
redis_advice(const struct settings *s, char ret[static REDIS_ADVICE_MAX])
{
	struct err ignored;
	struct store *store;
	struct store_reply *r = info_ask(s, &store, &ignored);
	const struct demand *unmet = r == NULL ? NULL : demand_unmet(s, r, true);

	if (unmet != NULL)
		snprintf(
		    ret, REDIS_ADVICE_MAX, "Redis at %s %s", store_address(store), unmet->message);
	store_reply_free(r);
	store_close(store);
	return unmet != NULL;
}
