#include "audit_book.h"

#include "audit.h"
#include "audit_crl.h"
#include "encode.h"
#include "scoped_openssl.h"
#include "sha256.h"
#include "states.h"

#include <inttypes.h>
#include <stdlib.h>

struct serial {
	uint8_t len, octets[SERIAL_SIZE];
};

struct serials {
	struct serial *at;
	size_t count, capacity;
};

/* One key of `.crl`. */
struct line {
	char *key;
	struct slice mount; /* in the key */
	struct crl_page *pages;
	size_t count, capacity;
	struct serials listed; /* by its last CRL, sorted */
	bool deleted;
};

struct issuer {
	char id[ISSUER_ID_SIZE];
	X509 *certificate;
};

struct crl_book {
	struct line *lines;
	size_t line_count;
	struct issuer *issuers;
	size_t issuer_count;
};

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct crl_book *
crl_book_new(void)
{
	return must(calloc(1, sizeof(struct crl_book)));
}

void
crl_book_free(struct crl_book *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->line_count; i++) {
		free(b->lines[i].key);
		free(b->lines[i].pages);
		free(b->lines[i].listed.at);
	}
	for (size_t i = 0; i < b->issuer_count; i++)
		X509_free(b->issuers[i].certificate);
	free(b->lines);
	free(b->issuers);
	free(b);
}

/* ---- issuers ---- */

/* An issuer's id is made of its certificate, so whoever says it cannot say another's. */
static const X509 *
issuer_find(const struct crl_book *b, const char *id)
{
	for (size_t i = 0; i < b->issuer_count; i++)
		if (strcmp(b->issuers[i].id, id) == 0)
			return b->issuers[i].certificate;
	return NULL;
}

bool
crl_book_issuer(struct crl_book *b, struct slice der, struct err *e)
{
	struct issuer new = { .id = "" };
	const uint8_t *at = der.data;

	issuer_id_of(der, new.id);
	if (issuer_find(b, new.id) != NULL)
		return true;
	new.certificate = d2i_X509(NULL, &at, (long)der.len);
	if (new.certificate == NULL)
		return err_openssl(e, "d2i_X509");
	b->issuers = must(reallocarray(b->issuers, b->issuer_count + 1, sizeof(*b->issuers)));
	b->issuers[b->issuer_count++] = new;
	return true;
}

/* ---- lines ---- */

static uint32_t
line_ref(struct crl_book *b, struct slice key)
{
	const uint8_t *slash;
	struct line *l;

	for (size_t i = 0; i < b->line_count; i++)
		if (slice_is(key, b->lines[i].key))
			return (uint32_t)i;
	b->lines = must(reallocarray(b->lines, b->line_count + 1, sizeof(*b->lines)));
	l = &b->lines[b->line_count];
	*l = (struct line){ .key = must(strndup((const char *)key.data, key.len)) };
	slash = memchr(l->key, '/', key.len);
	l->mount = slice_of(l->key, slash == NULL ? 0 : (size_t)(slash - (uint8_t *)l->key));
	return (uint32_t)b->line_count++;
}

uint32_t
crl_book_ref(struct crl_book *b, struct slice mount, struct slice issuer)
{
	struct buf SCOPED_BUF key = { 0 };

	buf_init(&key, 1024);
	buf_printf(&key, "%.*s/%.*s/0", SLICE_FMT(mount), SLICE_FMT(issuer));
	return line_ref(b, buf_slice(&key));
}

struct crl_pages
crl_book_pages(const struct crl_book *b, uint32_t ref)
{
	const struct line *l = &b->lines[ref];

	return (struct crl_pages){ l->pages, l->count, l->deleted };
}

/* ---- entries ---- */

static int
serial_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct serial));
}

static void
serials_add(struct serials *s, struct slice serial)
{
	struct serial *new;

	if (s->count == s->capacity) {
		s->capacity = s->capacity == 0 ? 64 : 2 * s->capacity;
		s->at = must(reallocarray(s->at, s->capacity, sizeof(*s->at)));
	}
	new = &s->at[s->count++];
	*new = (struct serial){ .len = (uint8_t)serial.len };
	memcpy(new->octets, serial.data, serial.len);
}

/* False: why says what is wrong with the entries. */
static bool
serials_read(struct serials *s, struct slice entries, const char **why)
{
	struct slice serial;

	*why = "an entry does not parse";
	while (entries.len > 0) {
		if (!crl_view_next(&entries, &serial) || serial.len > SERIAL_SIZE)
			return false;
		serials_add(s, serial);
	}
	if (s->count > 0)
		qsort(s->at, s->count, sizeof(*s->at), serial_cmp);
	*why = "it lists a serial number twice";
	for (size_t i = 1; i < s->count; i++)
		if (serial_cmp(&s->at[i - 1], &s->at[i]) == 0)
			return false;
	return true;
}

static MUST_USE bool
serial_fact(
    struct audit *a, const struct line *l, const struct serial *s, struct fact f, struct err *e)
{
	audit_revocation_digest(a, l->mount, slice_of(s->octets, s->len), f.about);
	return facts_add(a->revocations, &f, e);
}

/* What came, and what is there no more. */
static MUST_USE bool
serials_compare(
    struct audit *a, const struct line *l, const struct serials *now, struct fact f, struct err *e)
{
	const struct serials *then = &l->listed;
	struct fact gone = f;
	size_t i = 0, j = 0;

	gone.flags = FACT_GONE;
	while (i < then->count || j < now->count) {
		int order = i == then->count ? 1
		    : j == now->count        ? -1
					     : serial_cmp(&then->at[i], &now->at[j]);

		if (order < 0 && !serial_fact(a, l, &then->at[i], gone, e))
			return false;
		if (order > 0 && !serial_fact(a, l, &now->at[j], f, e))
			return false;
		i += order <= 0;
		j += order >= 0;
	}
	return true;
}

/* ---- a record ---- */

static bool
header_number(const struct queue_message *m, const char *name, int64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, number);
	return slice_is(audit_header(m, name), text);
}

static bool
headers_agree(const struct queue_message *m, const struct crl_view *v)
{
	uint8_t hash[HASH_SIZE];
	struct buf SCOPED_BUF hex = { 0 };

	buf_init(&hex, 128);
	sha256(m->value, hash);
	hex_add(&hex, slice_of(hash, sizeof(hash)), 0);
	return header_number(m, "number", v->number) &&
	    header_number(m, "this_update", v->this_update) &&
	    slice_eq(audit_header(m, "sha256"), buf_slice(&hex));
}

/* mount/issuer/shard: is it signed by that issuer? */
static bool
record_is_signed(struct audit *a, const struct line *l, const struct crl_view *v, const char **why)
{
	struct slice rest = slice_text(l->key + l->mount.len + (l->mount.len > 0));
	const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.data, '/', rest.len);
	const X509 *issuer;
	struct err bad = { 0 };

	if (slash != NULL)
		rest.len = (size_t)(slash - rest.data);
	issuer = issuer_find(a->crls, arena_text(&a->message, rest));
	*why = "its issuer is not in .state";
	if (issuer == NULL)
		return false;
	if (crl_view_verify(v, issuer, &bad))
		return true;
	*why = arena_text(&a->message, slice_text(bad.msg));
	return false;
}

static void
page_add(struct line *l, const struct queue_message *m, const struct crl_view *v)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity == 0 ? 16 : 2 * l->capacity;
		l->pages = must(reallocarray(l->pages, l->capacity, sizeof(*l->pages)));
	}
	l->pages[l->count++] = (struct crl_page){ v->number, v->this_update, m->offset,
		m->timestamp_ms };
}

/* One that is wrong by itself, or no successor, takes no part in what the others are compared with. */
static bool
record_is_sound(struct audit *a, const struct line *l, const struct queue_message *m,
    struct crl_view *v, struct serials *now)
{
	const struct audit_place place = { AUDIT_CRL, m->partition, m->offset };
	const struct crl_page *last = l->count == 0 ? NULL : &l->pages[l->count - 1];
	const char *why = "it is not what its headers say";
	struct err bad = { 0 };

	if (!crl_view_read(m->value, v, &bad))
		why = bad.msg;
	else if (headers_agree(m, v) && serials_read(now, v->entries, &why))
		why = NULL;
	if (why != NULL) {
		report_violation(
		    a, VIOLATION_CRL_INVALID, &place, m->timestamp_ms, "%s: %s", l->key, why);
		return false;
	}
	if (!record_is_signed(a, l, v, &why)) {
		report_violation(
		    a, VIOLATION_CRL_SIGNATURE, &place, m->timestamp_ms, "%s: %s", l->key, why);
		return false;
	}
	if (last == NULL || (v->number > last->number && v->this_update >= last->this_update))
		return true;
	report_violation(a, VIOLATION_CRL_NOT_RISING, &place, m->timestamp_ms,
	    "%s: number %" PRId64 " after %" PRId64 ", thisUpdate %" PRId64 " after %" PRId64,
	    l->key, v->number, last->number, v->this_update, last->this_update);
	return false;
}

bool
audit_crl_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset };
	struct fact f = audit_fact(ABOUT_REVOCATION, FACT_LISTED, &place, m->timestamp_ms);
	struct serials now = { 0 };
	struct crl_view v;
	struct line *l;
	bool good;

	if (m->key.data == NULL)
		return audit_malformed(a, &place, m->timestamp_ms, "it has no key");
	f.ref = line_ref(a->crls, m->key);
	l = &a->crls->lines[f.ref];
	l->deleted = m->value.data == NULL;
	if (l->deleted)
		return true;
	a->report.crls++;
	if (!record_is_sound(a, l, m, &v, &now)) {
		free(now.at);
		return true;
	}
	f.number = (int64_t)l->count;
	page_add(l, m, &v);
	good = serials_compare(a, l, &now, f, e);
	free(l->listed.at);
	l->listed = now;
	return good;
}
