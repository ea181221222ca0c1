/*
 * The entries lie one behind the other as DER, so that a CRL takes them in one copy. Each has a row (where it lies, when its
 * certificate expires), and an open-addressed table finds the row by serial. Beside the DER that is 16 octets an entry and
 * 4 a slot, of which at most two thirds are taken.
 * Rows stand in the order of their bytes. An entry that is removed, or replaced by one of another length, leaves a hole and a
 * dead row; when a third of the rows are dead, the others are moved up.
 */
#include "crl_entries.h"

#include "der.h"
#include "extension.h"

#include <assert.h>
#include <stdlib.h>

#define ENTRY_MAX   127 /* octets of an entry: its length is in one octet */
#define SERIAL_MAX  21
#define FIRST_SLOTS 64
#define FIRST_ROWS  32
#define NO_ROW      UINT32_MAX

struct row {
	int64_t not_after;
	uint32_t offset; /* of the DER in the run */
	uint32_t len;    /* 0: removed */
};

struct crl_entries {
	uint8_t *run;
	size_t run_len, run_capacity, live_bytes;
	struct row *rows;
	size_t row_count, row_capacity, live;
	uint32_t *slots;   /* of rows; NO_ROW: free */
	size_t slot_count; /* a power of two */
};

static void *
grow(void *memory, size_t *capacity, size_t need, size_t size)
{
	while (*capacity < need)
		*capacity += *capacity / 2 + FIRST_ROWS;
	memory = realloc(memory, *capacity * size);
	if (memory == NULL)
		abort();
	return memory;
}

static void
slots_clear(struct crl_entries *s, size_t count)
{
	free(s->slots);
	s->slots = malloc(count * sizeof(s->slots[0]));
	if (s->slots == NULL)
		abort();
	s->slot_count = count;
	memset(s->slots, 0xff, count * sizeof(s->slots[0]));
}

struct crl_entries *
crl_entries_new(void)
{
	struct crl_entries *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	slots_clear(s, FIRST_SLOTS);
	return s;
}

void
crl_entries_free(struct crl_entries *s)
{
	if (s == NULL)
		return;
	free(s->run);
	free(s->rows);
	free(s->slots);
	free(s);
}

/* SEQUENCE, its length, INTEGER, its length, serial: each length in one octet. */
static struct slice
entry_serial(const uint8_t *entry)
{
	return slice_of(entry + 4, entry[3]);
}

/* Serials of other CAs may count up, so every octet goes into every bit (FNV-1a, then the finish of MurmurHash3). */
static size_t
serial_hash(struct slice serial)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < serial.len; i++)
		hash = (hash ^ serial.data[i]) * 0x100000001b3;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
	return (size_t)(hash ^ hash >> 33);
}

/*
 * The slot of the serial's last row, or the free one where it would stand. The row of a removed entry keeps its slot, and its
 * bytes stay, until the index is made again.
 */
static size_t
slot_find(const struct crl_entries *s, struct slice serial)
{
	size_t at = serial_hash(serial) & (s->slot_count - 1);

	while (s->slots[at] != NO_ROW) {
		const struct row *row = &s->rows[s->slots[at]];

		if (slice_eq(entry_serial(s->run + row->offset), serial))
			break;
		at = (at + 1) & (s->slot_count - 1);
	}
	return at;
}

static void
index_rebuild(struct crl_entries *s, size_t slots)
{
	slots_clear(s, slots);
	for (size_t i = 0; i < s->row_count; i++)
		if (s->rows[i].len != 0)
			s->slots[slot_find(s, entry_serial(s->run + s->rows[i].offset))] =
			    (uint32_t)i;
}

/* Moves the living entries up to the front, in their order. */
static void
compact(struct crl_entries *s)
{
	size_t to = 0, kept = 0;

	for (size_t i = 0; i < s->row_count; i++) {
		struct row row = s->rows[i];

		if (row.len == 0)
			continue;
		memmove(s->run + to, s->run + row.offset, row.len);
		row.offset = (uint32_t)to;
		to += row.len;
		s->rows[kept++] = row;
	}
	s->run_len = to;
	s->row_count = kept;
	index_rebuild(s, s->slot_count);
}

/* ---- one entry ---- */

static void
write_extensions(struct der *d, const struct crl_entry *entry)
{
	static const struct slice reason_oid = DER_BYTES("\x55\x1d\x15");
	static const struct slice invalidity_oid = DER_BYTES("\x55\x1d\x18");
	const uint8_t *end = der_mark(d), *mark;
	uint8_t reason = (uint8_t)entry->reason;

	if (entry->invalidity_date != INT64_MIN) {
		mark = der_mark(d);
		der_generalized_time(d, entry->invalidity_date);
		extension_wrap(d, mark, invalidity_oid, false);
	}
	if (entry->reason != 0) {
		mark = der_mark(d);
		der_tlv(d, DER_ENUMERATED, slice_of(&reason, 1));
		extension_wrap(d, mark, reason_oid, false);
	}
	if (der_mark(d) != end)
		der_wrap(d, end, DER_SEQUENCE);
}

/* RFC 5280 5.1: { userCertificate, revocationDate, crlEntryExtensions OPTIONAL } */
static void
write_entry(struct der *d, const struct crl_entry *entry)
{
	const uint8_t *mark = der_mark(d);

	write_extensions(d, entry);
	der_time(d, entry->date);
	der_tlv(d, DER_INTEGER, entry->serial);
	der_wrap(d, mark, DER_SEQUENCE);
	assert(!d->failed);
}

static bool
read_extension(struct der_reader *list, struct crl_entry *ret)
{
	struct der_reader extension, value;
	struct slice oid, octets, reason;

	if (!der_enter(list, DER_SEQUENCE, &extension) ||
	    !der_read(&extension, DER_OID, &oid, NULL) ||
	    !der_read(&extension, DER_OCTET_STRING, &octets, NULL))
		return false;
	value = der_reader_of(octets);
	if (slice_is(oid, "\x55\x1d\x18"))
		return der_read_time(&value, &ret->invalidity_date);
	if (!der_read(&value, DER_ENUMERATED, &reason, NULL) || reason.len != 1)
		return false;
	ret->reason = reason.data[0];
	return true;
}

/* Reads what write_entry wrote. */
static void
read_entry(const struct crl_entries *s, const struct row *row, struct crl_entry *ret)
{
	struct der_reader outer = der_reader_of(slice_of(s->run + row->offset, row->len)), entry;
	struct der_reader list;
	bool ok;

	*ret = (struct crl_entry){ .invalidity_date = INT64_MIN, .not_after = row->not_after };
	ok = der_enter(&outer, DER_SEQUENCE, &entry) &&
	    der_read(&entry, DER_INTEGER, &ret->serial, NULL) && der_read_time(&entry, &ret->date);
	if (ok && !der_reader_done(&entry)) {
		ok = der_enter(&entry, DER_SEQUENCE, &list);
		while (ok && !der_reader_done(&list))
			ok = read_extension(&list, ret);
	}
	assert(ok);
	(void)ok;
}

/* ---- the set ---- */

static void
row_kill(struct crl_entries *s, struct row *row)
{
	s->live--;
	s->live_bytes -= row->len;
	row->len = 0;
}

static void
row_add(struct crl_entries *s, struct slice der, int64_t not_after)
{
	assert(s->run_len + der.len <= UINT32_MAX);
	if (der.len > s->run_capacity - s->run_len)
		s->run = grow(s->run, &s->run_capacity, s->run_len + der.len, 1);
	memcpy(s->run + s->run_len, der.data, der.len);
	s->rows[s->row_count++] = (struct row){ not_after, (uint32_t)s->run_len,
		(uint32_t)der.len };
	s->run_len += der.len;
	s->live++;
	s->live_bytes += der.len;
}

static void
make_room(struct crl_entries *s)
{
	if (s->row_count - s->live > s->row_count / 3 + FIRST_ROWS)
		compact(s);
	if (s->row_count == s->row_capacity)
		s->rows = grow(s->rows, &s->row_capacity, s->row_count + 1, sizeof(s->rows[0]));
	if ((s->row_count + 1) * 3 > s->slot_count * 2)
		index_rebuild(s, s->slot_count * 2);
}

void
crl_entries_put(struct crl_entries *s, const struct crl_entry *entry)
{
	uint8_t room[ENTRY_MAX + 3];
	struct slice der;
	struct der d;
	size_t slot;

	assert(entry->serial.len > 0 && entry->serial.len <= SERIAL_MAX);
	der_init(&d, room, sizeof(room));
	write_entry(&d, entry);
	der = der_slice(&d);
	slot = slot_find(s, entry->serial);
	if (s->slots[slot] != NO_ROW) {
		struct row *row = &s->rows[s->slots[slot]];

		if (row->len == der.len) {
			memcpy(s->run + row->offset, der.data, der.len);
			row->not_after = entry->not_after;
			return;
		}
		if (row->len != 0)
			row_kill(s, row);
	}
	make_room(s);
	s->slots[slot_find(s, entry->serial)] = (uint32_t)s->row_count;
	row_add(s, der, entry->not_after);
}

bool
crl_entries_find(const struct crl_entries *s, struct slice serial, struct crl_entry *ret)
{
	uint32_t row = s->slots[slot_find(s, serial)];

	if (row == NO_ROW || s->rows[row].len == 0)
		return false;
	read_entry(s, &s->rows[row], ret);
	return true;
}

void
crl_entries_remove(struct crl_entries *s, struct slice serial)
{
	uint32_t row = s->slots[slot_find(s, serial)];

	if (row != NO_ROW && s->rows[row].len != 0)
		row_kill(s, &s->rows[row]);
}

size_t
crl_entries_count(const struct crl_entries *s)
{
	return s->live;
}

size_t
crl_entries_bytes(const struct crl_entries *s)
{
	return s->live_bytes;
}

size_t
crl_entries_expire(struct crl_entries *s, int64_t published,
    void (*left)(void *opaque, const struct crl_entry *e), void *opaque)
{
	size_t count = 0;

	for (size_t i = 0; i < s->row_count; i++) {
		struct row *row = &s->rows[i];
		struct crl_entry entry;

		if (row->len == 0 || row->not_after >= published)
			continue;
		if (left != NULL) {
			read_entry(s, row, &entry);
			left(opaque, &entry);
		}
		row_kill(s, row);
		count++;
	}
	if (count > 0)
		compact(s);
	return count;
}

void
crl_entries_copy(const struct crl_entries *s, uint8_t *to)
{
	for (size_t i = 0; i < s->row_count;) {
		size_t from = s->rows[i].offset, end = from;

		/* as far as the next hole in one copy: dead rows have no length */
		for (; i < s->row_count && s->rows[i].len != 0; i++)
			end = s->rows[i].offset + s->rows[i].len;
		memcpy(to, s->run + from, end - from);
		to += end - from;
		while (i < s->row_count && s->rows[i].len == 0)
			i++;
	}
}
