/* A CRL owner with its book on topics of its own, of a mount `pki` with a CA, at a time of the test's choosing. */
#ifndef CERTMILL_CRL_OWNER_FIXTURE_H
#define CERTMILL_CRL_OWNER_FIXTURE_H

#include "mock_fixture.h"

#include "ca_fixture.h"
#include "crl_owner.h"

#define NOW ((int64_t)1800000000) /* seconds, within the CA's life */

struct owner {
	struct settings s;
	struct secret *kek;
	struct arena arena, names;
	struct queue_probe *probe;
	struct queue_producer *producer;
	struct crl_book *book;
	struct crl_owner *owner;
	struct catalog_builder *builder;
	struct context cx;
	struct slice issuer, key;
};

static inline void
builder_put(void *opaque, struct slice key, struct slice value)
{
	struct err e = { 0 };

	if (!catalog_builder_put(opaque, key, value, 0, &e))
		fail_msg("state: %s", e.msg);
}

/* Every test has a broker of its own: that of librdkafka 2.3 tells of no more than some twenty topics. */
static inline int
owner_setup(void **state)
{
	struct owner *o = calloc(1, sizeof(*o));
	struct err e = { 0 };

	assert_non_null(o);
	setup(state);
	topic("revoked", 1);
	topic("crl", 1);
	o->s.queue = options;
	o->s.ledger_topics[LEDGER_REVOKED] = arena_text(&o->names, SLICE_LITERAL("revoked"));
	o->s.ledger_topics[LEDGER_CRL] = arena_text(&o->names, SLICE_LITERAL("crl"));
	o->kek = secret_random(&e);
	o->builder = catalog_builder_new(o->kek, &e);
	assert_non_null(o->builder);
	o->issuer = ca_write(
	    &(struct state_sink){ builder_put, o->builder, &o->names }, o->kek, "pki");
	o->key = slice_text(arena_printf(&o->names, "pki/%.*s/0", SLICE_FMT(o->issuer)));
	o->probe = queue_probe_open(&options, &e);
	o->book = crl_book_start(&options, o->probe, o->s.ledger_topics[LEDGER_CRL], &e);
	if (o->book == NULL)
		fail_msg("book: %s", e.msg);
	o->producer = producer(NULL);
	o->owner = crl_owner_new(&o->s, o->probe, o->book);
	o->cx = (struct context){ .settings = &o->s,
		.arena = &o->arena,
		.now_ms = NOW * 1000,
		.catalog = catalog_builder_version(o->builder),
		.minter = minter_new(o->kek, NULL, &e) };
	assert_non_null(o->cx.minter);
	*state = o;
	return 0;
}

static inline int
owner_teardown(void **state)
{
	struct owner *o = *state;

	crl_owner_free(o->owner);
	crl_book_stop(o->book);
	queue_producer_close(o->producer);
	queue_probe_close(o->probe);
	minter_free(o->cx.minter);
	catalog_release(o->cx.catalog);
	catalog_builder_free(o->builder);
	secret_free(o->kek);
	arena_done(&o->arena);
	arena_done(&o->names);
	free(o);
	return teardown(state);
}

static inline void
assign(struct owner *o, size_t count)
{
	const int32_t partition = 0;
	struct err e = { 0 };

	if (!crl_owner_assign(o->owner, &partition, count, 1, &e))
		fail_msg("assign: %s", e.msg);
}

#endif
