/*
 * A primary, found by asking the sentinels in turn and then the server itself (ROLE). A sentinel may be behind, or cut off: a
 * server that it calls primary may not be there, may have become a replica, or may take writes that a new primary will never
 * see. The first two are found here; nothing that a client can ask shows the third. What keeps it harmless is view.h.
 */
#include "store_internal.h"

#include "address.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 1000 /* connecting to a sentinel, and its answer: another one may know as much */

struct sentinels {
	char *text; /* the addresses, cut into pieces */
	const char **addresses;
	size_t count;
	char *master, *user, *password;
	atomic_size_t first; /* the one that led to a primary last */
};

/* ---- the list ---- */

static char *
text_copy(const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		abort();
	return copy;
}

static MUST_USE bool
addresses_split(struct sentinels *g, struct err *e)
{
	char *rest = NULL;
	struct address parts;

	for (char *at = strtok_r(g->text, ", \t", &rest); at != NULL;
	     at = strtok_r(NULL, ", \t", &rest)) {
		if (!address_split(at, &parts) || parts.port == 0)
			return err_field(e, ERR_CONFIG, "redis.sentinels",
			    "redis.sentinels: \"%.80s\" is not host:port", at);
		g->addresses = reallocarray(g->addresses, g->count + 1, sizeof(*g->addresses));
		if (g->addresses == NULL)
			abort();
		g->addresses[g->count++] = at;
	}
	return g->count > 0 ||
	    err_field(e, ERR_CONFIG, "redis.sentinels", "redis.sentinels: no host:port");
}

struct sentinels *
sentinels_new(const struct sentinel_options *o, struct err *e)
{
	struct sentinels *g = calloc(1, sizeof(*g));

	if (g == NULL)
		abort();
	g->text = text_copy(o->addresses);
	g->master = text_copy(o->master);
	g->user = text_copy(o->user);
	g->password = text_copy(o->password);
	if (addresses_split(g, e))
		return g;
	sentinels_free(g);
	return NULL;
}

void
sentinels_free(struct sentinels *g)
{
	if (g == NULL)
		return;
	free(g->text);
	free(g->addresses);
	free(g->master);
	free(g->user);
	if (g->password != NULL)
		explicit_bzero(g->password, strlen(g->password));
	free(g->password);
	free(g);
}

/* ---- asking ---- */

enum answer { ANSWER_NONE, ANSWER_UNKNOWN, ANSWER_ADDRESS };

#define ADDRESS_MAX (ADDRESS_HOST_MAX + 16)

static MUST_USE bool
address_join(const struct store_reply *r, char ret[static ADDRESS_MAX], struct err *e)
{
	struct slice host = store_count(r) == 2 ? store_text(store_item(r, 0)) : SLICE_NONE;
	struct slice port = store_count(r) == 2 ? store_text(store_item(r, 1)) : SLICE_NONE;
	bool v6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;

	if (host.len == 0 || host.len >= ADDRESS_HOST_MAX || port.len == 0 || port.len > 5)
		return err_set(e, ERR_STORE, "it answers with no address");
	(void)snprintf(
	    ret, ADDRESS_MAX, v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", SLICE_FMT(host), SLICE_FMT(port));
	return true;
}

static enum answer
sentinel_ask(const struct sentinels *g, const struct store_options *o, const char *sentinel,
    char ret[static ADDRESS_MAX], struct err *e)
{
	const struct store_options how = { .tls = o->tls,
		.user = g->user,
		.password = g->password,
		.password_setting = "redis.sentinel_password_file",
		.timeout_ms = o->timeout_ms < ASK_MS ? o->timeout_ms : ASK_MS };
	const struct slice ask[] = { SLICE_LITERAL("SENTINEL"),
		SLICE_LITERAL("get-master-addr-by-name"), slice_text(g->master) };
	struct store *s = store_open_at(&how, sentinel, e);
	struct store_reply *r = s == NULL ? NULL : store_command(s, ask, 3, e);
	enum answer answer = ANSWER_NONE;

	if (r != NULL && store_is_nil(r))
		answer = ANSWER_UNKNOWN;
	else if (r != NULL && address_join(r, ret, e))
		answer = ANSWER_ADDRESS;
	store_reply_free(r);
	store_close(s);
	return answer;
}

/* A sentinel learns of a failover some time after the others, and a replica is reconfigured some time after that. */
static MUST_USE bool
role_check(struct store *s, struct err *e)
{
	const struct slice role[] = { SLICE_LITERAL("ROLE") };
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_command(
	    s, role, 1, e);

	if (r == NULL)
		return false;
	return (store_count(r) > 0 && slice_is(store_text(store_item(r, 0)), "master")) ||
	    err_set(e, ERR_STORE, "Redis: %s, which a sentinel calls the primary, is a replica",
		store_address(s));
}

static struct store *
primary_at(const struct store_options *o, const char *address, struct err *e)
{
	struct store *s = store_open_at(o, address, e);

	if (s == NULL || role_check(s, e))
		return s;
	store_close(s);
	return NULL;
}

/* ---- the search ---- */

struct search {
	char address[ADDRESS_MAX]; /* the last that was tried in vain */
	size_t unknown, refused;   /* sentinels that do not know the name, or this client */
	struct err sentinel, primary;
};

static struct store *
search_by(const struct sentinels *g, const struct store_options *o, size_t at, struct search *w)
{
	struct err e = { 0 };
	char address[ADDRESS_MAX] = "";
	enum answer answer = sentinel_ask(g, o, g->addresses[at], address, &e);

	if (answer == ANSWER_UNKNOWN)
		w->unknown++;
	if (answer == ANSWER_NONE) {
		w->refused += e.code == ERR_CONFIG;
		(void)err_set(&w->sentinel, e.code, "%s: %s", g->addresses[at], e.msg);
	}
	if (answer != ANSWER_ADDRESS || strcmp(address, w->address) == 0)
		return NULL;
	memcpy(w->address, address, sizeof(address));
	return primary_at(o, address, &w->primary);
}

/* A setting is to blame only where no sentinel says otherwise: one that was set up anew must not end a worker. */
static void
search_fail(const struct sentinels *g, const struct search *w, struct err *e)
{
	if (w->primary.code != ERR_NONE)
		*e = w->primary;
	else if (w->unknown == g->count)
		(void)err_field(e, ERR_CONFIG, "redis.sentinel_master",
		    "redis.sentinel_master: no sentinel knows a primary named \"%s\"", g->master);
	else if (w->refused == g->count)
		*e = w->sentinel;
	else if (w->unknown > 0)
		(void)err_field(e, ERR_STORE, "redis.sentinel_master",
		    "redis.sentinel_master: no sentinel that answers knows a primary named \"%s\"",
		    g->master);
	else
		(void)err_field(e, ERR_STORE, "redis.sentinels",
		    "redis.sentinels: none of %zu answers; %s", g->count, w->sentinel.msg);
}

struct store *
store_open_primary(const struct store_options *o, struct err *e)
{
	struct sentinels *g = o->sentinels;
	struct search w = { 0 };
	size_t first = atomic_load(&g->first);

	for (size_t i = 0; i < g->count; i++) {
		size_t at = (first + i) % g->count;
		struct store *s = search_by(g, o, at, &w);

		if (s == NULL)
			continue;
		atomic_store(&g->first, at);
		return s;
	}
	search_fail(g, &w, e);
	return NULL;
}
