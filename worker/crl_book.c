/* The last record of each key of `.crl`: followed by the process, read by its lanes. */
#include "crl_owner.h"
#include "sha256.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct book_row {
	char *key;
	struct buf der;
	struct crl_book_entry entry; /* without the DER */
	int64_t highest;             /* number of any record of the key */
	bool gone;                   /* the last one is a tombstone */
};

struct crl_book {
	struct follower *follower;
	pthread_mutex_t lock; /* of the rows */
	struct book_row *rows;
	size_t count;
};

static struct book_row *
row_find(struct crl_book *b, struct slice key)
{
	for (size_t i = 0; i < b->count; i++)
		if (slice_is(key, b->rows[i].key))
			return &b->rows[i];
	return NULL;
}

static struct book_row *
row_add(struct crl_book *b, struct slice key)
{
	struct book_row *row;

	b->rows = realloc(b->rows, (b->count + 1) * sizeof(*b->rows));
	if (b->rows == NULL)
		abort();
	row = &b->rows[b->count++];
	*row = (struct book_row){ .key = strndup((const char *)key.data, key.len) };
	if (row->key == NULL)
		abort();
	buf_init(&row->der, CRL_DER_MAX);
	return row;
}

static int64_t
header_number(const struct queue_header *h)
{
	char digits[24] = "";

	if (h->value.data != NULL && h->value.len < sizeof(digits))
		memcpy(digits, h->value.data, h->value.len);
	return strtoll(digits, NULL, 10);
}

/* Not the header's, which would let somebody else's record pass for the owner's. */
static void
row_hash(struct book_row *row)
{
	sha256(buf_slice(&row->der), row->entry.sha256);
}

/* One that nobody could count up to is not believed: the next one is to have room above it. */
static void
row_note_number(struct book_row *row)
{
	if (row->entry.number > row->highest && row->entry.number < INT64_MAX / 2)
		row->highest = row->entry.number;
}

static void
row_read_headers(struct book_row *row, const struct queue_message *m)
{
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(m); i++) {
		if (!queue_message_header(m, i, &h))
			continue;
		if (strcmp(h.name, "number") == 0)
			row->entry.number = header_number(&h);
		else if (strcmp(h.name, "this_update") == 0)
			row->entry.this_update = header_number(&h);
		else if (strcmp(h.name, "next_update") == 0)
			row->entry.next_update = header_number(&h);
	}
}

static void
book_fold(void *opaque, const struct queue_message *m)
{
	struct crl_book *b = opaque;
	struct book_row *row;

	pthread_mutex_lock(&b->lock);
	row = row_find(b, m->key);
	if (row == NULL)
		row = row_add(b, m->key);
	row->gone = m->value.data == NULL;
	row->entry = (struct crl_book_entry){ 0 };
	row_read_headers(row, m);
	row_note_number(row);
	buf_clear(&row->der);
	buf_add_slice(&row->der, m->value);
	row_hash(row);
	pthread_mutex_unlock(&b->lock);
}

struct crl_book *
crl_book_start(
    const struct queue_options *queue, struct queue_probe *probe, const char *topic, struct err *e)
{
	struct crl_book *b = calloc(1, sizeof(*b));
	const struct follower_spec spec = {
		.queue = queue, .probe = probe, .topic = topic, .fold = book_fold, .opaque = b
	};

	if (b == NULL)
		abort();
	pthread_mutex_init(&b->lock, NULL);
	b->follower = follower_start(&spec, e);
	if (b->follower == NULL) {
		crl_book_stop(b);
		return NULL;
	}
	return b;
}

bool
crl_book_fresh(struct crl_book *b, int timeout_ms, struct err *e)
{
	return follower_barrier(b->follower, timeout_ms, e);
}

bool
crl_book_find(struct crl_book *b, struct slice key, struct arena *a, struct crl_book_entry *ret)
{
	const struct book_row *row;

	pthread_mutex_lock(&b->lock);
	row = row_find(b, key);
	if (row != NULL && !row->gone) {
		*ret = row->entry;
		ret->size = row->der.len;
		if (a != NULL)
			ret->der = arena_copy(a, buf_slice(&row->der));
	}
	pthread_mutex_unlock(&b->lock);
	return row != NULL && !row->gone;
}

int64_t
crl_book_highest(struct crl_book *b, struct slice key)
{
	const struct book_row *row;
	int64_t highest;

	pthread_mutex_lock(&b->lock);
	row = row_find(b, key);
	highest = row == NULL ? 0 : row->highest;
	pthread_mutex_unlock(&b->lock);
	return highest;
}

size_t
crl_book_list(struct crl_book *b, struct arena *a, struct crl_book_line *ret, size_t max)
{
	size_t count;

	pthread_mutex_lock(&b->lock);
	count = b->count;
	for (size_t i = 0; i < count && i < max; i++) {
		ret[i] = (struct crl_book_line){ arena_copy(a, slice_text(b->rows[i].key)),
			b->rows[i].entry };
		ret[i].entry.size = b->rows[i].der.len;
	}
	pthread_mutex_unlock(&b->lock);
	return count;
}

bool
crl_book_has_room(struct crl_book *b, struct slice mount, const char *issuer, struct err *e)
{
	struct crl_book_entry last;
	char key[160];
	int len = snprintf(key, sizeof(key), "%.*s/%s/0", SLICE_FMT(mount), issuer);

	if (!crl_book_find(b, slice_of(key, (size_t)len), NULL, &last) ||
	    last.size < CRL_DER_MAX / 100 * 95)
		return true;
	return err_set(e, ERR_CRL_FULL,
	    "the CRL of this issuer has %zu bytes of %zu: nothing more is issued under it",
	    last.size, CRL_DER_MAX);
}

void
crl_book_stop(struct crl_book *b)
{
	if (b == NULL)
		return;
	follower_stop(b->follower);
	for (size_t i = 0; i < b->count; i++) {
		free(b->rows[i].key);
		buf_done(&b->rows[i].der);
	}
	free(b->rows);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
