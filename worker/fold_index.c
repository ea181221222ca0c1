/*
 * The indexes of a fold. Redis finds a member's place in a sorted set of millions by reading memory all over it: in the
 * order of the topic that costs more than all else of a certificate. So their places are gathered, and put in in the index's own
 * order, where each is found near the one before.
 */
#include "fold_internal.h"

#include "op.h"

#include <stdlib.h>

#define GATHERED_MAX ((size_t)1 << 17)

struct place {
	const struct fold_mount *mount;
	int64_t not_after;
	uint8_t serial[SERIAL_SIZE];
	uint8_t serial_len;
};

struct fold_index {
	size_t count;
	struct place places[GATHERED_MAX];
};

static int
place_order(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->mount != b->mount)
		return slice_cmp(a->mount->name, b->mount->name);
	if (a->not_after != b->not_after)
		return a->not_after < b->not_after ? -1 : 1;
	return slice_cmp(slice_of(a->serial, a->serial_len), slice_of(b->serial, b->serial_len));
}

/* Places of one mount, as many as go together; *ret_count says how many they were. */
static MUST_USE bool
places_put(struct fold *f, struct arena *a, const struct place *first, const struct place *end,
    size_t *ret_count, struct err *e)
{
	struct fold_member members[FOLD_MEMBERS_MAX];
	size_t count = 0;

	for (const struct place *p = first;
	     p < end && p->mount == first->mount && count < FOLD_MEMBERS_MAX; p++)
		members[count++] = (struct fold_member){
			serial_text(a, slice_of(p->serial, p->serial_len), 0), p->not_after
		};
	*ret_count = count;
	return fold_rank(&f->sink, redis_index_key(a, first->mount->name), members, count, e);
}

bool
fold_index_end(struct fold *f, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct fold_index *index = f->index;
	size_t count;

	if (index == NULL)
		return true;
	qsort(index->places, index->count, sizeof(*index->places), place_order);
	for (size_t i = 0; i < index->count; i += count) {
		if (!places_put(f, &a, &index->places[i], &index->places[index->count], &count, e))
			return false;
		arena_reset(&a);
	}
	index->count = 0;
	return true;
}

bool
fold_index_add(struct fold *f, const struct fold_mount *mount, struct slice serial,
    int64_t not_after, struct err *e)
{
	struct place *p;

	if (f->index == NULL)
		f->index = calloc(1, sizeof(*f->index));
	if (f->index == NULL)
		abort();
	p = &f->index->places[f->index->count++];
	*p = (struct place){
		.mount = mount, .not_after = not_after, .serial_len = (uint8_t)serial.len
	};
	memcpy(p->serial, serial.data, serial.len);
	return f->index->count < GATHERED_MAX || fold_index_end(f, e);
}

void
fold_index_done(struct fold *f)
{
	free(f->index);
}
