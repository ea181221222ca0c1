/* What a lane signs with: contexts that are made once. Signers and serial sources are few; the least used one makes room. */
#include "op.h"

#include "scoped.h"
#include "serial.h"

#include <stdio.h>
#include <stdlib.h>

#define KEPT_MAX    64
#define LEASE_BLOCK 1024 /* ordinals a round trip to Redis */

struct kept {
	char name[80]; /* issuer id, or mount */
	struct signer_choice choice;
	uint64_t used; /* when, by the minter's count; 0: free */
	struct signer *signer;
	struct serial_source *source;
};

struct minter {
	const struct secret *kek; /* borrowed */
	struct keymaker *keys;
	struct csr_verifier *verifier;
	struct kept signers[KEPT_MAX];
	struct kept sources[KEPT_MAX];
	uint64_t uses;
};

static void
kept_drop(struct kept *k)
{
	signer_free(k->signer);
	serial_source_free(k->source);
	*k = (struct kept){ 0 };
}

static bool
kept_is(const struct kept *k, struct slice name, struct signer_choice choice)
{
	return k->used > 0 && k->choice.bits == choice.bits && k->choice.pss == choice.pss &&
	    slice_is(name, k->name);
}

/* The place of that name, used now; or an emptied one for it. */
static struct kept *
kept_place(struct minter *m, struct kept *table, struct slice name, struct signer_choice choice)
{
	struct kept *oldest = &table[0];

	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (kept_is(&table[i], name, choice)) {
			table[i].used = ++m->uses;
			return &table[i];
		}
		if (table[i].used < oldest->used)
			oldest = &table[i];
	}
	kept_drop(oldest);
	return oldest;
}

static void
kept_claim(struct minter *m, struct kept *k, struct slice name)
{
	snprintf(k->name, sizeof(k->name), "%.*s", SLICE_FMT(name));
	k->used = ++m->uses;
}

void
minter_free(struct minter *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < KEPT_MAX; i++) {
		kept_drop(&m->signers[i]);
		kept_drop(&m->sources[i]);
	}
	keymaker_free(m->keys);
	csr_verifier_free(m->verifier);
	free(m);
}

struct minter *
minter_new(const struct secret *kek, struct key_pool *pool, struct err *e)
{
	struct minter *m = calloc(1, sizeof(*m));

	if (m == NULL)
		abort();
	m->kek = kek;
	m->keys = keymaker_new(pool, e);
	m->verifier = m->keys == NULL ? NULL : csr_verifier_new(e);
	if (m->verifier == NULL) {
		minter_free(m);
		return NULL;
	}
	return m;
}

struct keymaker *
minter_keys(struct minter *m)
{
	return m->keys;
}

struct csr_verifier *
minter_verifier(struct minter *m)
{
	return m->verifier;
}

struct signer *
minter_signer(
    struct minter *m, const struct issuer *issuer, struct signer_choice choice, struct err *e)
{
	struct kept *k = kept_place(m, m->signers, slice_text(issuer->id), choice);

	if (k->signer != NULL)
		return k->signer;
	k->signer = signer_new_choice(issuer->key, choice, e);
	if (k->signer != NULL) {
		kept_claim(m, k, slice_text(issuer->id));
		k->choice = choice;
	}
	return k->signer;
}

static struct serial_source *
minter_source(struct minter *m, struct slice mount, struct err *e)
{
	struct kept *k = kept_place(m, m->sources, mount, (struct signer_choice){ 0 });

	if (k->source != NULL)
		return k->source;
	k->source = serial_source_new(m->kek, mount, e);
	if (k->source != NULL)
		kept_claim(m, k, mount);
	return k->source;
}

bool
minter_lease(struct minter *m, struct slice mount, uint64_t first, uint64_t count, struct err *e)
{
	struct serial_source *source = minter_source(m, mount, e);

	if (source == NULL)
		return false;
	serial_source_lease(source, first, count);
	return true;
}

typedef struct store_reply store_reply;

/* Takes the next block from the mount's counter. */
static MUST_USE bool
source_lease(struct serial_source *source, struct store *store, struct slice mount, struct err *e)
{
	struct arena names SCOPED_ARENA = { .block = 256 };
	char block[24];
	const struct slice argv[] = { SLICE_LITERAL("INCRBY"),
		redis_counter_key(&names, mount, "serial"),
		slice_of(block, (size_t)snprintf(block, sizeof(block), "%d", LEASE_BLOCK)) };
	SCOPED(store_reply) reply = NULL;
	int64_t last;

	if (store == NULL)
		return err_set(e, ERR_STORE, "no serial number is left, and Redis is not there");
	reply = store_command(store, argv, sizeof(argv) / sizeof(argv[0]), e);
	if (reply == NULL)
		return false;
	last = store_integer(reply);
	if (last < LEASE_BLOCK)
		return err_set(
		    e, ERR_STORE, "the counter of serial numbers is %lld", (long long)last);
	serial_source_lease(source, (uint64_t)(last - LEASE_BLOCK + 1), LEASE_BLOCK);
	return true;
}

bool
minter_serial(struct minter *m, struct store *store, struct slice mount,
    uint8_t ret[static SERIAL_SIZE], struct err *e)
{
	struct serial_source *source = minter_source(m, mount, e);

	if (source == NULL)
		return false;
	if (serial_source_left(source) == 0 && !source_lease(source, store, mount, e))
		return false;
	return serial_next(source, ret, e);
}
