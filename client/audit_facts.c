#include "audit_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(struct fact) == 64, "the memory and the space on disk are documented");

#define ROW_LEAST 64 /* facts of a run that are read at a time */

/* A sorted stretch of the file, and the part of it that is in memory. */
struct run {
	off_t at, end;
	struct fact *row;
	size_t next, have;
};

struct facts {
	struct fact *items;
	size_t count, max, next;
	int64_t total;
	int fd; /* -1: everything fitted so far */
	off_t size;
	struct run *runs; /* a heap by their first facts, once sorted */
	size_t run_count, row_max;
	bool started;
};

struct facts *
facts_new(size_t memory)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	f->fd = -1;
	f->max = memory / sizeof(*f->items);
	if (f->max < ROW_LEAST)
		f->max = ROW_LEAST;
	return f;
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->items);
	free(f->runs);
	free(f);
}

int64_t
facts_count(const struct facts *f)
{
	return f->total;
}

/* ---- the order ---- */

static int
order_of(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
fact_cmp(const void *left, const void *right)
{
	const struct fact *a = left, *b = right;
	int order = a->subject - b->subject;

	if (order == 0)
		order = memcmp(a->about, b->about, sizeof(a->about));
	if (order == 0)
		order = a->kind - b->kind;
	if (order == 0)
		order = order_of(a->number, b->number);
	if (order == 0)
		order = a->topic - b->topic;
	if (order == 0)
		order = order_of(a->partition, b->partition);
	return order != 0 ? order : order_of(a->offset, b->offset);
}

/* ---- the file ---- */

static MUST_USE bool
file_open(struct facts *f, struct err *e)
{
	const char *folder = getenv("TMPDIR");

	if (folder == NULL || folder[0] == '\0')
		folder = "/var/tmp";
	f->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return f->fd >= 0 || err_errno(e, folder);
}

static MUST_USE bool
file_write(struct facts *f, const uint8_t *data, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = pwrite(f->fd, data, len, f->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(e, "the file of facts (TMPDIR)");
		data += n;
		len -= (size_t)n;
		f->size += n;
	}
	return true;
}

static MUST_USE bool
file_read(const struct facts *f, uint8_t *to, size_t len, off_t at, struct err *e)
{
	while (len > 0) {
		ssize_t n = pread(f->fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return err_set(e, ERR_SYSTEM, "the file of facts was cut");
		if (n < 0)
			return err_errno(e, "the file of facts");
		to += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static MUST_USE bool
run_write(struct facts *f, struct err *e)
{
	off_t at = f->size;

	if (f->fd < 0 && !file_open(f, e))
		return false;
	qsort(f->items, f->count, sizeof(*f->items), fact_cmp);
	if (!file_write(f, (const uint8_t *)f->items, f->count * sizeof(*f->items), e))
		return false;
	f->runs = reallocarray(f->runs, f->run_count + 1, sizeof(*f->runs));
	if (f->runs == NULL)
		abort();
	f->runs[f->run_count++] = (struct run){ .at = at, .end = f->size };
	f->count = 0;
	return true;
}

bool
facts_add(struct facts *f, const struct fact *fact, struct err *e)
{
	if (f->items == NULL)
		f->items = calloc(f->max, sizeof(*f->items));
	if (f->items == NULL)
		abort();
	f->items[f->count++] = *fact;
	f->total++;
	return f->count < f->max || run_write(f, e);
}

/* ---- the merge ---- */

/* The next facts of a run; none is left when it comes back empty. */
static MUST_USE bool
run_fill(const struct facts *f, struct run *r, struct err *e)
{
	size_t left = (size_t)(r->end - r->at) / sizeof(struct fact);

	r->next = 0;
	r->have = left < f->row_max ? left : f->row_max;
	if (r->have == 0)
		return true;
	if (!file_read(f, (uint8_t *)r->row, r->have * sizeof(struct fact), r->at, e))
		return false;
	r->at += (off_t)(r->have * sizeof(struct fact));
	return true;
}

static bool
run_before(const struct run *a, const struct run *b)
{
	return fact_cmp(&a->row[a->next], &b->row[b->next]) < 0;
}

static void
heap_sink(struct facts *f, size_t at)
{
	for (;;) {
		size_t least = at;
		struct run moved;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < f->run_count && run_before(&f->runs[child], &f->runs[least]))
				least = child;
		if (least == at)
			return;
		moved = f->runs[at];
		f->runs[at] = f->runs[least];
		f->runs[least] = moved;
		at = least;
	}
}

/* The memory of the facts becomes that of the rows. */
static MUST_USE bool
merge_begin(struct facts *f, struct err *e)
{
	f->row_max = f->max / f->run_count;
	if (f->row_max < ROW_LEAST) {
		f->row_max = ROW_LEAST;
		f->items = reallocarray(f->items, f->run_count * ROW_LEAST, sizeof(*f->items));
		if (f->items == NULL)
			abort();
	}
	for (size_t i = 0; i < f->run_count; i++) {
		f->runs[i].row = f->items + i * f->row_max;
		if (!run_fill(f, &f->runs[i], e))
			return false;
	}
	for (size_t i = f->run_count / 2; i > 0; i--)
		heap_sink(f, i - 1);
	return true;
}

bool
facts_sort(struct facts *f, struct err *e)
{
	if (f->run_count == 0) {
		if (f->count > 0)
			qsort(f->items, f->count, sizeof(*f->items), fact_cmp);
		return true;
	}
	return (f->count == 0 || run_write(f, e)) && merge_begin(f, e);
}

static MUST_USE bool
merge_next(struct facts *f, const struct fact **ret, struct err *e)
{
	struct run *first = f->runs;

	*ret = NULL;
	/* the fact that was given last stands in its row until now */
	if (f->started && ++first->next == first->have && !run_fill(f, first, e))
		return false;
	if (f->started && first->have == 0)
		*first = f->runs[--f->run_count];
	if (f->started)
		heap_sink(f, 0);
	f->started = true;
	if (f->run_count > 0)
		*ret = &f->runs[0].row[f->runs[0].next];
	return true;
}

bool
facts_next(struct facts *f, const struct fact **ret, struct err *e)
{
	if (f->run_count > 0)
		return merge_next(f, ret, e);
	*ret = f->next < f->count ? &f->items[f->next++] : NULL;
	return true;
}
