/*
 * One table per message: it decodes, validates, encodes and documents. A table row maps a msgpack map's field to a member
 * of a C struct. Decoding refuses an unknown field, a duplicate, a missing one, a wrong type, a value out of range and
 * trailing bytes, naming the field; texts and bytes are slices into the message, lists are allocated in the arena. What
 * certmill writes itself (answers, ledger records) is open: a reader passes over fields that a newer writer added.
 *
 * Members' C types: TEXT, BYTES, MAP: struct slice. INT, SPAN: int64_t. BOOL: bool. LIST, BLOBS, RAWS: struct slice_list.
 * Absent optional fields keep what the struct held before (defaults are set by the caller) — `seen` tells which came.
 */
#ifndef CERTMILL_SCHEMA_H
#define CERTMILL_SCHEMA_H

#include "arena.h"
#include "cursor.h"
#include "writer.h"

enum field_type {
	FIELD_TEXT,  /* str; min..max bytes */
	FIELD_BYTES, /* bin; min..max bytes */
	FIELD_INT, /* min..max. Also a str of decimal digits ('-' in front), so that `key_bits=2048` typed by a person works */
	FIELD_BOOL, /* also the str "true"/"false" ("1"/"0", "t"/"f", as Go's ParseBool) */
	FIELD_SPAN, /* seconds as int, or "72h"; min..max seconds */
	FIELD_LIST, /* array of str, or one comma-separated str (parts trimmed, empty parts dropped); max items; an item up to 1024 bytes */
	FIELD_BLOBS, /* array of bin; max items */
	FIELD_MAP,   /* a map, kept raw (checked, not decoded) in a struct slice; max bytes */
	FIELD_RAWS,  /* array of anything, items kept raw in a struct slice_list; max items */
};

enum field_need { OPTIONAL, REQUIRED };

/*
 * Flags. SECRET: never in a log or an error text. ALIAS: an older name of the row before it (same member): decoded, never
 * encoded. NULLABLE: nil is taken as absent. LONG: a LIST of long texts, such as PEM: an item up to 65536 bytes, and no
 * comma form. JSON: a LIST whose items may be JSON, so that a text that begins with '[' or '{' is one item, of up to 65536
 * bytes, and is not taken apart at its commas.
 */
#define FIELD_SECRET   1U
#define FIELD_ALIAS    2U
#define FIELD_NULLABLE 4U
#define FIELD_LONG     8U
#define FIELD_JSON     16U

struct field {
	const char *name;
	enum field_type type;
	enum field_need need;
	size_t offset;
	int64_t min, max;
	const char *help;
	unsigned flags;
};

struct schema {
	const char *name; /* "issue.params": heading of the manual and of the JSON Schema */
	const struct field *fields;
	size_t count; /* at most 64 */
	size_t size;  /* of the struct */
	bool open;    /* fields that no row names are passed over */
};

/* clang-format off */
#define FIELD_KIND_TEXT struct slice
#define FIELD_KIND_BYTES struct slice
#define FIELD_KIND_MAP struct slice
#define FIELD_KIND_INT int64_t
#define FIELD_KIND_SPAN int64_t
#define FIELD_KIND_BOOL bool
#define FIELD_KIND_LIST struct slice_list
#define FIELD_KIND_BLOBS struct slice_list
#define FIELD_KIND_RAWS struct slice_list
/* offsetof, refused by the compiler when the member has another type than the row says */
#define FIELD_OFFSET(struct_, member_, type_) \
	(offsetof(struct struct_, member_) + 0 * sizeof(char[_Generic(((struct struct_ *)0)->member_, FIELD_KIND_##type_: 1)]))
#define FIELD_NAMED(struct_, member_, name_, type_, need_, min_, max_, flags_, help_) \
	{ .name = (name_), .type = FIELD_##type_, .need = (need_), .offset = FIELD_OFFSET(struct_, member_, type_), \
	  .min = (min_), .max = (max_), .help = (help_), .flags = (flags_) }
#define FIELD(struct_, member_, type_, need_, min_, max_, help_) \
	FIELD_NAMED(struct_, member_, #member_, type_, need_, min_, max_, 0, help_)
#define SCHEMA(name_, struct_, rows_) \
	{ .name = (name_), .fields = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0]), .size = sizeof(struct struct_) }
#define SCHEMA_OPEN(name_, struct_, rows_) \
	{ .name = (name_), .fields = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0]), .size = sizeof(struct struct_), .open = true }
/* clang-format on */

/*
 * Decodes one map and nothing behind it. On failure `e` has the first error and names its field (or none, for malformed
 * bytes). An error in a field does not end the reading: every good member stands in *out, wherever it came in the map, so
 * that an id can still be answered; broken bytes end it. Of a field that stands twice the first value is kept. *ret_seen
 * has one bit a row (an alias sets the bit of the row it stands for).
 */
bool schema_decode(const struct schema *s, struct slice map, struct arena *a, void *out,
    uint64_t *ret_seen, struct err *e) MUST_USE;
bool schema_seen(const struct schema *s, uint64_t seen, const char *name);
/* Copies the members whose rows were seen from one struct into another, which shares what they point to. */
void schema_merge(const struct schema *s, uint64_t seen, const void *from, void *to);
/*
 * Encodes the struct as a map in the table's order. Optional rows are left out when absent: text, bytes, map with data
 * NULL; list with items NULL; int and span equal to SCHEMA_ABSENT; bools always stand. Of the required rows a list
 * that is absent is written as an empty one; text, bytes, map or a number that is absent there is a programming error.
 */
#define SCHEMA_ABSENT INT64_MIN
void schema_encode(const struct schema *s, const void *in, struct writer *w);

/*
 * The manual: a markdown table, and a JSON Schema (draft 2020-12) without its head: of a closed table what the decoder takes,
 * of an open one what the encoder writes.
 */
void schema_markdown(const struct schema *s, struct buf *out);
void schema_json(const struct schema *s, struct buf *out);
/* One row for a person at a terminal: "name (text, required, 1 to 64 bytes)", and below it its help, in lines. */
void schema_text(const struct schema *s, size_t row, struct buf *out);

#endif
