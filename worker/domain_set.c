#include "domain_set.h"

#include "glob.h"

#include <assert.h>
#include <stdlib.h>

#define NAME_OCTETS_MAX 256

/* A name in lower case; host and base are the ends of it. */
struct lowered {
	uint8_t octets[NAME_OCTETS_MAX];
	struct slice ascii, host, base;
};

static void
lower_into(struct slice text, uint8_t *out)
{
	for (size_t i = 0; i < text.len; i++)
		out[i] = name_fold(text.data[i]);
}

static void
name_lower(const struct name *name, struct lowered *ret)
{
	size_t len = name->ascii.len;

	assert(len <= sizeof(ret->octets));
	lower_into(name->ascii, ret->octets);
	ret->ascii = slice_of(ret->octets, len);
	ret->host = slice_of(ret->octets + len - name->host.len, name->host.len);
	ret->base = slice_of(ret->octets + len - name->base.len, name->base.len);
}

/* False when it holds no '*'. */
static bool
glob_of(struct slice text, struct domain_glob *ret)
{
	const uint8_t *star = text.len == 0 ? NULL : memrchr(text.data, '*', text.len);

	if (star == NULL)
		return false;
	ret->pattern = text;
	ret->tail = slice_of(star + 1, text.len - (size_t)(star + 1 - text.data));
	return true;
}

/* Of a thousand globs nearly all fail at their ends, without a search. */
static bool
glob_covers(const struct domain_glob *g, struct slice name)
{
	return g->tail.len <= name.len &&
	    memcmp(name.data + name.len - g->tail.len, g->tail.data, g->tail.len) == 0 &&
	    glob_match(g->pattern, name);
}

/* Label by label, so that those with a '*' stay as they are. False: it has no ASCII form. */
static bool
idn_ready(struct slice text, struct arena *a, struct slice *ret)
{
	const char *ascii = "";
	struct slice rest = text;
	struct err ignored;

	while (rest.len > 0) {
		size_t len = 0;
		struct slice label;

		while (len < rest.len && rest.data[len] != '.' && rest.data[len] != '@')
			len++;
		label = slice_of(rest.data, len);
		if (!name_is_ascii(label) &&
		    !name_to_ascii(label, "allowed_domains", a, &label, &ignored))
			return false;
		ascii = arena_printf(a, "%s%.*s%.*s", ascii, SLICE_FMT(label), len < rest.len,
		    (const char *)rest.data + len);
		len += len < rest.len;
		rest = slice_of(rest.data + len, rest.len - len);
	}
	*ret = slice_text(ascii);
	return true;
}

static bool
domain_ready(struct slice text, struct arena *a, struct slice *ret)
{
	uint8_t *lower;

	if (text.len == 0 || (!name_is_ascii(text) && !idn_ready(text, a, &text)))
		return false;
	lower = arena_alloc(a, text.len);
	lower_into(text, lower);
	*ret = slice_of(lower, text.len);
	return true;
}

static int
domain_order(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

void
domain_set_make(const struct slice_list *texts, struct arena *a, struct domain_set *ret)
{
	*ret = (struct domain_set){ .domains = arena_array(a, texts->count, sizeof(struct slice)) };
	for (size_t i = 0; i < texts->count; i++)
		ret->count += domain_ready(texts->items[i], a, &ret->domains[ret->count]);
	if (ret->count > 0)
		qsort(ret->domains, ret->count, sizeof(*ret->domains), domain_order);
	ret->globs = arena_array(a, ret->count, sizeof(*ret->globs));
	for (size_t i = 0; i < ret->count; i++)
		ret->glob_count += glob_of(ret->domains[i], &ret->globs[ret->glob_count]);
}

static bool
set_has(const struct domain_set *set, struct slice domain)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_cmp(set->domains[middle], domain);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The domain, or an address at it. An address, or a wildcard name, among the domains stands for itself. */
static bool
set_has_bare(const struct domain_set *set, enum name_kind kind, const struct lowered *n)
{
	return set_has(set, n->ascii) || (kind == NAME_EMAIL && set_has(set, n->host));
}

/* What is below a domain, at any depth. A wildcard name is below what stands behind its wildcard label. */
static bool
set_has_above(const struct domain_set *set, bool wildcard, const struct lowered *n)
{
	for (size_t i = 1; i + 1 < n->base.len; i++)
		if (n->base.data[i] == '.' &&
		    set_has(set, slice_of(n->base.data + i + 1, n->base.len - i - 1)))
			return true;
	return wildcard && set_has(set, n->base);
}

bool
domain_set_allows(const struct domain_set *set, const struct role *role, const struct name *name)
{
	struct lowered n;

	if (set->count == 0)
		return false;
	name_lower(name, &n);
	if ((role->allow_bare_domains && set_has_bare(set, name->kind, &n)) ||
	    (role->allow_subdomains && set_has_above(set, name->wildcard, &n)))
		return true;
	for (size_t i = 0; role->allow_glob_domains && i < set->glob_count; i++)
		if (glob_covers(&set->globs[i], n.ascii))
			return true;
	return false;
}

bool
domain_allows(struct slice text, const struct role *role, const struct name *name, struct arena *a)
{
	struct slice domain;
	struct domain_glob glob;
	struct domain_set one = { .domains = &domain, .count = 1, .globs = &glob };

	if (!domain_ready(text, a, &domain))
		return false;
	one.glob_count = glob_of(domain, &glob);
	return domain_set_allows(&one, role, name);
}
